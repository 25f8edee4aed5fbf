import { assertEquals } from "@std/assert";
import { answer, CallBench, candidate, offer } from "../../helpers/session/legs.ts";

// Crossing offers, renegotiation and replacement. In each test a's offer comes first.

Deno.test("a client that yields has its crossing offer dropped", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({}, { crossing: "yields" });
  fromA(offer("A"));
  assertEquals(fromB(offer("B")), "sent");
  fromB(candidate("B", "void offer"));
  fromB(answer("B2"));
  fromB(candidate("B2"));
  assertEquals(a.heard(), ["answer B2", "candidate B2"]);
  assertEquals(b.heard(), ["offer A"]);
  assertEquals(bench.dropped(), ["offer", "candidate"]);
});

Deno.test("a client that insists may give way nevertheless", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({ crossing: "yields" });
  fromA(offer("A"));
  fromB(offer("B"));
  fromB(candidate("B", "void offer"));
  bench.clock.advance(499);
  fromB(answer("B2"));
  bench.clock.advance(10_000);
  assertEquals(a.heard(), ["answer B2"]);
  assertEquals(b.heard(), ["offer A"]);
});

Deno.test("after 500 ms the offer of a client that insists is passed to one that yields", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({ crossing: "yields" });
  fromA(offer("A"));
  fromA(candidate("A"));
  fromB(offer("B"));
  fromB(candidate("B"));
  assertEquals(a.heard(), []);
  bench.clock.advance(500);
  fromB(answer("late"));
  fromA(candidate("A", "late"));
  fromA(answer("A2"));
  fromA(candidate("A2"));
  assertEquals(a.heard(), ["crossing offer B", "candidate B"]);
  assertEquals(b.heard(), ["offer A", "candidate A", "answer A2", "candidate A2"]);
  assertEquals(bench.dropped(), ["offer", "answer", "candidate"]);
});

Deno.test("a client that never yields takes the crossing offer as another call, or is restarted", () => {
  const bench = new CallBench();
  const calls = bench.pair({ crossing: "calls" });
  calls.fromA(offer("A"));
  calls.fromB(offer("B"));
  bench.clock.advance(500);
  assertEquals(calls.a.heard(), ["crossing offer B"]);

  const restarted = bench.pair({ canRestart: true });
  restarted.fromA(offer("A"));
  restarted.fromB(offer("B"));
  bench.clock.advance(500);
  assertEquals(restarted.a.heard(), ["restart", "crossing offer B"]);
});

Deno.test("two clients of which neither can give way fail", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair();
  fromA(offer("A"));
  fromB(offer("B"));
  bench.clock.advance(500);
  assertEquals(a.heard(), ["end failed"]);
  assertEquals(b.heard(), ["offer A", "end failed"]);
  assertEquals([bench.calls.count, bench.clock.timers], [0, 0]);
});

Deno.test("the offer of a client that ignores others' is passed at once", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({ crossing: "yields" }, { crossing: "ignores" });
  fromA(offer("A"));
  assertEquals(fromB(offer("B")), "sent");
  assertEquals(a.heard(), ["crossing offer B"]);
  assertEquals(b.heard(), ["offer A"]);
});

Deno.test("a client that is being called cannot call back before it answers", () => {
  const { a, b, fromA, fromB } = new CallBench().pair({}, { crossing: "calls" });
  fromA(offer("A"));
  assertEquals(fromB(offer("B")), "busy");
  fromB(answer("B2"));
  assertEquals(a.heard(), ["answer B2"]);
  assertEquals(b.heard(), ["offer A"]);
});

Deno.test("an offer to a newcomer that offers first waits for the newcomer's own", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({}, { offersFirst: true, canRestart: true });
  fromA(offer("A"));
  fromA(candidate("A"));
  assertEquals(b.heard(), []);
  bench.clock.advance(300);
  fromB(offer("B"));
  fromB(candidate("B"));
  assertEquals(b.heard(), ["restart", "crossing offer A", "candidate A"]);
  fromB(answer("B2"));
  fromB(candidate("B2"));
  assertEquals(a.heard(), ["answer B2", "candidate B2"]);
  assertEquals(bench.clock.timers, 0);
});

Deno.test("a newcomer's offer is passed where the one that waits for it yields", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair(
    { crossing: "yields" },
    { offersFirst: true, canRestart: true },
  );
  fromA(offer("A"));
  fromB(offer("B"));
  fromA(answer("A2"));
  assertEquals(a.heard(), ["offer B"]);
  assertEquals(b.heard(), ["answer A2"]);
});

Deno.test("a newcomer that makes no offer gets the other's after a second", () => {
  const bench = new CallBench();
  const { b, fromA, fromB } = bench.pair({}, { offersFirst: true, canRestart: true });
  fromA(offer("A"));
  bench.clock.advance(1_000);
  assertEquals(b.heard(), ["offer A"]);
  fromB(answer("B"));
  fromA(offer("A", { ufrag: "A" }));
  assertEquals(b.heard(), ["reoffer A"]);
});

Deno.test("an end while an offer waits is not announced to a newcomer that knows nothing", () => {
  const bench = new CallBench();
  const { a, b, fromA } = bench.pair({}, { offersFirst: true, canRestart: true });
  fromA(offer("A"));
  fromA("hung-up");
  assertEquals(b.heard(), []);
  assertEquals(a.heard(), ["end hung-up (own)"]);
  assertEquals(bench.clock.timers, 0);
});

Deno.test("an offer of the same connection renegotiates", () => {
  const { a, b, fromA, fromB } = new CallBench().pair();
  fromA(offer("A"));
  fromB(answer("B"));
  assertEquals(fromA(offer("A", { ufrag: "A2" })), "sent");
  fromA(candidate("A", "old path"));
  fromA(candidate("A2"));
  fromB(answer("B"));
  assertEquals(fromB(offer("B")), "sent");
  assertEquals(b.heard(), ["offer A", "reoffer A", "candidate A2"]);
  assertEquals(a.heard(), ["answer B", "answer B", "reoffer B"]);
});

Deno.test("webrtcbin's offer under another session id renegotiates by its ufrag", () => {
  const { b, fromA, fromB } = new CallBench().pair();
  fromB(offer("B"));
  fromA([{ kind: "answer", sdp: "o=- B 0 IN IP4 0.0.0.0\r\na=ice-ufrag:mine\r\n" }]);
  fromA(offer("A", { ufrag: "mine" }));
  assertEquals(b.heard(), ["answer B", "reoffer A"]);
});

Deno.test("a renegotiation that a client cannot take is refused, and the call lives", () => {
  const { a, b, fromA, fromB } = new CallBench().pair({
    refuses: { reoffer: "cannot_renegotiate" },
  });
  fromA(offer("A"));
  fromB(answer("B"));
  assertEquals(fromB(offer("B")), "cannot_renegotiate");
  fromB(candidate("B"));
  assertEquals(a.heard(), ["answer B", "candidate B"]);
  assertEquals(b.heard(), ["offer A"]);
});

Deno.test("an ICE restart that a client cannot take ends the call", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({ refuses: { reoffer: "cannot_renegotiate" } });
  fromA(offer("A"));
  fromB(answer("B"));
  a.heard();
  fromB(offer("B", { ufrag: "B2" }));
  assertEquals(a.heard(), ["end failed"]);
  assertEquals(b.heard(), ["offer A", "end failed"]);
  assertEquals(bench.calls.count, 0);
});

Deno.test("a new connection replaces the call: the other client learns of its end first", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair();
  fromA(offer("A"));
  fromB(answer("B"));
  assertEquals(fromA(offer("C")), "sent");
  assertEquals(b.heard(), ["offer A", "end hung-up", "offer C"]);
  assertEquals(a.heard(), ["answer B", "end replaced (own)"]);
  // An offer that was not answered is replaced as well.
  fromA(offer("D"));
  assertEquals(b.heard(), ["end hung-up", "offer D"]);
  assertEquals(bench.calls.count, 1);
});

Deno.test("nothing of a call that was replaced reaches the one after it", () => {
  const { a, b, fromA, fromB } = new CallBench().pair();
  fromA(offer("A"));
  fromB(answer("B"));
  fromB(offer("C"));
  fromB(candidate("B", "late"));
  fromA(candidate("A", "late"));
  fromA(answer("A2"));
  assertEquals(a.heard(), ["answer B", "end hung-up", "offer C"]);
  assertEquals(b.heard(), ["offer A", "end replaced (own)", "answer A2"]);
});

Deno.test("an offer is made anew before it is answered", () => {
  const { b, fromA, fromB } = new CallBench().pair();
  fromA(offer("A"));
  fromA(offer("A", { mids: ["0", "1"] }));
  fromB(answer("B"));
  assertEquals(b.heard(), ["offer A", "offer A"]);
});

Deno.test("a provisional answer to a void offer is void, too", () => {
  const manners = { crossing: "ignores", canRestart: true } as const;
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair(manners, manners);
  fromB(offer("B"));
  fromA(answer("A", true));
  fromA(offer("A2"));
  fromB(offer("B2"));
  fromA(candidate("A", "late"));
  fromA(answer("A3"));
  fromA(candidate("A3"));
  assertEquals(b.heard(), [
    "pranswer A",
    "restart",
    "crossing offer A2",
    "answer A3",
    "candidate A3",
  ]);
  assertEquals(a.heard(), ["offer B", "restart", "crossing offer B2"]);
  assertEquals(bench.dropped(), ["offer", "offer", "candidate"]);
});

for (const crossing of ["ignores", "calls"] as const) {
  Deno.test(`a new connection replaces an answered call where offers cross, ${crossing}`, () => {
    const bench = new CallBench();
    const { a, b, fromA, fromB } = bench.pair({ crossing });
    fromA(offer("A"));
    fromB(answer("B"));
    fromB(offer("B", { ufrag: "B2" }));
    assertEquals(fromA(offer("C")), "sent");
    fromA(candidate("A", "late"));
    fromB(candidate("B2", "late"));
    fromB(answer("B3"));
    assertEquals(b.heard(), ["offer A", "end hung-up", "offer C"]);
    assertEquals(a.heard(), ["answer B", "reoffer B", "end replaced (own)", "answer B3"]);
    assertEquals(bench.calls.count, 1);
  });
}

Deno.test("a refused offer of a new connection does not bring the earlier one back", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({}, { crossing: "yields" });
  fromA(offer("A"));
  fromB(answer("B"));
  fromB(offer("B", { ufrag: "B2" }));
  fromA(offer("C"));
  bench.clock.advance(500);
  bench.calls.takeBack(a, b, "offer", "busy");
  fromA(candidate("A", "late"));
  fromB(offer("B", { ufrag: "B3" }));
  fromA(answer("C"));
  fromA(candidate("C"));
  assertEquals(b.heard(), ["offer A", "crossing reoffer C", "answer C", "candidate C"]);
  assertEquals(a.heard(), ["answer B", "reoffer B", "reoffer B"]);
  assertEquals(bench.dropped(), ["offer", "candidate"]);
});

Deno.test("nothing of the connection that a restarted client has dropped is passed", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({ canRestart: true });
  fromA(offer("A"));
  fromB(answer("B"));
  fromA(offer("A", { ufrag: "A2" }));
  fromB(offer("B", { ufrag: "B2" }));
  bench.clock.advance(500);
  fromA(candidate("A", "late"));
  fromA(candidate("A2", "late"));
  fromA(answer("A3"));
  fromA(candidate("A3"));
  assertEquals(a.heard(), ["answer B", "restart", "crossing reoffer B"]);
  assertEquals(b.heard(), ["offer A", "reoffer A", "answer A3", "candidate A3"]);
});

Deno.test("an offer that crosses one that is refused late is passed at once", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair();
  fromA(offer("A"));
  fromB(offer("B"));
  fromB(candidate("B"));
  bench.calls.takeBack(a, b, "offer", "busy");
  fromA(answer("A2"));
  assertEquals(a.heard(), ["offer B", "candidate B"]);
  assertEquals(b.heard(), ["offer A", "answer A2"]);
  assertEquals(bench.clock.timers, 0);
});

Deno.test("the first offer stands where its repetition is refused late", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair();
  fromA(offer("A"));
  fromA(offer("A", { mids: ["0", "1"] }));
  bench.calls.takeBack(a, b, "offer", "cannot_renegotiate");
  fromB(answer("B"));
  assertEquals(a.heard(), ["answer B"]);
  assertEquals(bench.calls.count, 1);
});
