import { assert, assertEquals, assertThrows } from "@std/assert";
import { newTestHub } from "../helpers/session/hub.ts";
import { admit } from "../helpers/session/receiver.ts";
import { registerAgain } from "../helpers/session/test_files.ts";
import { hubs } from "../helpers/session/hub_modes.ts";

// All suites of the dialects that have a hub run once more here, with every event written as JSON and
// read again on its way: a peer gets data of another one, which could come from another machine.

hubs.mode = "written";

Deno.test("a written event is an equal copy that its receiver cannot change", async () => {
  const hub = newTestHub();
  const [a, b] = [await admit(hub, "a"), await admit(hub, "b")];
  const [text, bytes] = [{ nested: [1] }, new Uint8Array([0, 255])];
  for (const payload of [text, bytes]) hub.send(a.peer, "b", payload);
  const payloads = b.events.map((event) => event.type === "relay" ? event.payload : undefined);
  assertEquals(payloads, [text, bytes]);
  const [copy] = payloads as [typeof text];
  assert(copy !== text);
  for (const one of [copy, text]) assertThrows(() => one.nested.push(2), TypeError);
});

await registerAgain(new URL("./", import.meta.url));
