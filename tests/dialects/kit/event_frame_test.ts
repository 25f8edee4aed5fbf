import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodeAck, encodeEvent, splitEvent } from "../../../src/dialects/kit/event_frame.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";

Deno.test("an event is split into its acknowledgement id and its JSON", () => {
  assertEquals(splitEvent('2["a"]'), { ack: undefined, json: '["a"]' });
  assertEquals(splitEvent('20["a"]'), { ack: "0", json: '["a"]' });
  assertEquals(splitEvent('217["a",{"b":[2]}]'), { ack: "17", json: '["a",{"b":[2]}]' });
  assertEquals(splitEvent("2"), { ack: undefined, json: "" });
});

Deno.test("an acknowledgement id comes back as it was written", () => {
  for (const ack of ["007", "0", "9999999999"]) {
    assertEquals(splitEvent(`2${ack}["a"]`)?.ack, ack);
    assertEquals(encodeAck(ack), `3${ack}[]`);
  }
});

Deno.test("a frame that is not an event is not read as one", () => {
  for (const frame of ["", "0", "1", '3["a"]', '["a"]', " 2", "４"]) {
    assertEquals(splitEvent(frame), undefined);
  }
  assertEquals(splitEvent(new TextEncoder().encode('2["a"]')), undefined);
});

Deno.test("digits are those of ASCII only", () => {
  assertEquals(splitEvent('2٣["a"]'), { ack: undefined, json: '٣["a"]' });
});

Deno.test("events and acknowledgements are written with as many arguments as there are", () => {
  assertEquals(encodeEvent("a"), '2["a"]');
  assertEquals(encodeEvent("a", { b: 1 }, null), '2["a",{"b":1},null]');
  assertEquals(encodeAck("7"), "37[]");
  assertEquals(encodeAck("7", 2201), "37[2201]");
});

Deno.test("whatever is written as an event is read as the same event", () => {
  const anyArguments = fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 3 });
  fc.assert(
    fc.property(anyText(), anyArguments, fc.option(fc.nat()), (name, args, id) => {
      const written = encodeEvent(name, ...args);
      const packet = splitEvent(`2${id ?? ""}${written.slice(1)}`);
      assertEquals(packet?.ack, id === null ? undefined : String(id));
      assertEquals(packet?.json, JSON.stringify([name, ...args]));
    }),
  );
});
