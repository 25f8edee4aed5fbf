import { assert, assertEquals, assertThrows } from "@std/assert";
import { newTestHub } from "../helpers/session/hub.ts";
import { admit } from "../helpers/session/receiver.ts";
import { testFilesIn } from "../helpers/session/test_files.ts";
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

/** Files without a hub, in which events play no part. */
const APART =
  /\/(kit\/.*|messages|python_text|mailbox|signal_log|kept_signals|issued_ids|late_steps|bridged_realm)_test\.ts$/;

for (const file of testFilesIn(new URL("./", import.meta.url))) {
  if (file.href !== import.meta.url && !APART.test(file.href)) await import(file.href);
}
