import { assert, assertEquals } from "@std/assert";
import {
  answer,
  ASK,
  CallBench,
  candidate,
  offer,
  ScriptedPeer,
} from "../../helpers/session/legs.ts";

Deno.test("a call passes offer, answer and candidates in order", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair();
  assertEquals(fromA(offer("A")), "sent");
  assertEquals(fromA(candidate("A")), "sent");
  assertEquals(fromB(answer("B")), "sent");
  fromB(candidate("B"));
  fromA([{ kind: "candidate", candidate: null }]);
  assertEquals(b.heard(), ["offer A", "candidate A", "end-of-candidates"]);
  assertEquals(a.heard(), ["answer B", "candidate B"]);
  assertEquals([a.roles, b.roles], [["caller"], ["callee"]]);
});

Deno.test("a candidate waits for its sender's description", () => {
  const { a, b, fromA, fromB } = new CallBench().pair();
  fromA(offer("A"));
  fromB(candidate("B", "early"));
  assertEquals(a.heard(), []);
  fromB(answer("B"));
  assertEquals(a.heard(), ["answer B", "candidate early"]);
  assertEquals(b.heard(), ["offer A"]);
});

Deno.test("no more than so many candidates wait", () => {
  const bench = new CallBench({ maxHeldCandidates: 2 });
  const { a, fromA, fromB } = bench.pair();
  fromA(offer("A"));
  for (const text of ["one", "two", "three"]) fromB(candidate("B", text));
  fromB(answer("B"));
  assertEquals(a.heard(), ["answer B", "candidate one", "candidate two"]);
  assertEquals(bench.dropped(), ["candidate"]);
});

Deno.test("no more than so many characters of candidates wait", () => {
  const bench = new CallBench({ maxHeldLength: 10 });
  const { a, fromA, fromB } = bench.pair();
  fromA(offer("A"));
  fromB(candidate("B", "12345678"));
  fromB(candidate("B", "1"));
  fromB(answer("B"));
  assertEquals(a.heard(), ["answer B", "candidate 12345678"]);
});

Deno.test("without a call, answers, candidates and ends reach nobody", () => {
  const bench = new CallBench();
  const { b, fromA } = bench.pair();
  for (const said of [answer("A"), candidate("A"), "hung-up"] as const) {
    assertEquals(fromA(said), "sent");
  }
  assertEquals(fromA([{ kind: "data", data: 1 }]), "cannot_be_told");
  assertEquals(b.heard(), []);
  assertEquals(bench.calls.count, 0);
  assertEquals(bench.dropped(), ["answer", "candidate"]);
});

Deno.test("an answer without an offer of the other client is dropped", () => {
  const { a, b, fromA, fromB } = new CallBench().pair();
  fromA(offer("A"));
  fromA(answer("A2"));
  fromB(answer("B"));
  fromB(answer("B2"));
  assertEquals(b.heard(), ["offer A"]);
  assertEquals(a.heard(), ["answer B"]);
});

Deno.test("a provisional answer leaves the offer open", () => {
  const { a, b, fromA, fromB } = new CallBench().pair();
  fromA(offer("A"));
  fromB(answer("B1", true));
  fromB(answer("B2"));
  assertEquals(a.heard(), ["pranswer B1", "answer B2"]);
  assertEquals(b.heard(), ["offer A"]);
});

Deno.test("a message without counterpart is dropped and counted", () => {
  const bench = new CallBench();
  const { b, fromA } = bench.pair();
  assertEquals(fromA([]), "sent");
  assertEquals(b.heard(), []);
  assertEquals(bench.dropped(), ["message"]);
});

Deno.test("one who hangs up ends the call for both, once", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair();
  fromA(offer("A"));
  b.heard();
  fromB("refused");
  fromA("hung-up");
  assertEquals(a.heard(), ["end refused"]);
  assertEquals(b.heard(), ["end refused (own)"]);
  assertEquals([bench.calls.count, bench.clock.timers], [0, 0]);
});

Deno.test("a departure ends the calls of a peer that shows presence", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair({ showsPresence: false });
  fromA(offer("A"));
  fromB(answer("B"));
  a.heard();
  bench.calls.leave(b);
  assertEquals(a.heard(), ["end gone"]);
  assertEquals(bench.calls.count, 0);
});

Deno.test("between two peers without presence, no departure is announced", () => {
  const bench = new CallBench();
  const { a, b, fromA } = bench.pair({ showsPresence: false }, { showsPresence: false });
  fromA(offer("A"));
  bench.calls.leave(b);
  assertEquals(a.heard(), []);
  assertEquals([bench.calls.count, bench.clock.timers], [0, 0]);
});

Deno.test("a call that nobody answers ends for both", () => {
  const bench = new CallBench({ answerTimeoutMs: 1_000 });
  const { a, b, fromA } = bench.pair();
  fromA(offer("A"));
  bench.clock.advance(1_000);
  assertEquals(a.heard(), ["end unanswered"]);
  assertEquals(b.heard(), ["offer A", "end unanswered"]);
  assertEquals(bench.calls.count, 0);
});

Deno.test("an answered call has no time limit", () => {
  const bench = new CallBench({ answerTimeoutMs: 1_000 });
  const { a, fromA, fromB } = bench.pair();
  fromA(offer("A"));
  fromB(answer("B"));
  bench.clock.advance(100_000);
  assertEquals(a.heard(), ["answer B"]);
  assertEquals(bench.calls.count, 1);
});

Deno.test("an ask is passed, and the other client offers", () => {
  const { a, b, fromA, fromB } = new CallBench().pair();
  assertEquals(fromA(ASK), "sent");
  assertEquals(fromB(offer("B")), "sent");
  fromA(answer("A"));
  assertEquals(a.heard(), ["offer B"]);
  assertEquals(b.heard(), ["ask", "answer A"]);
});

Deno.test("an ask may have a time limit of its own, which ends with the offer", () => {
  const bench = new CallBench({ answerTimeoutMs: 10_000 });
  const one = bench.pair({}, { askTimeoutMs: 500 });
  one.fromA(ASK);
  bench.clock.advance(500);
  assertEquals(one.a.heard(), ["end unanswered"]);

  const two = bench.pair({}, { askTimeoutMs: 500 });
  two.fromA(ASK);
  two.fromB(offer("B"));
  bench.clock.advance(9_999);
  assertEquals(two.a.heard(), ["offer B"]);
  bench.clock.advance(1);
  assertEquals(two.a.heard(), ["end unanswered"]);
});

Deno.test("an ask that comes after the other client's own offer is not passed", () => {
  const { b, fromA, fromB } = new CallBench().pair();
  fromB(offer("B"));
  assertEquals(fromA(ASK), "sent");
  assertEquals(b.heard(), []);
});

Deno.test("a peer that cannot take the first signal leaves no call behind", () => {
  const bench = new CallBench();
  const asked = bench.pair({}, { refuses: { ask: "cannot_be_asked" } });
  assertEquals(asked.fromA(ASK), "cannot_be_asked");
  const absent = bench.pair({}, { unavailable: "busy" });
  assertEquals(absent.fromA(offer("A")), "busy");
  assertEquals([...asked.b.heard(), ...asked.a.heard(), ...absent.a.heard()], []);
  assertEquals([bench.calls.count, bench.clock.timers], [0, 0]);
});

Deno.test("a peer whose dialect has no leg is absent", () => {
  const bench = new CallBench();
  const { a, fromA } = bench.pair({ unavailable: "cannot_be_told" });
  assertEquals(fromA(offer("A")), "cannot_be_told");
  const mute: ScriptedPeer = new ScriptedPeer("mute");
  delete mute.receiver.leg;
  a.manners = {};
  assertEquals(bench.calls.send(a, mute, offer("A")), "absent");
});

Deno.test("a client that opened the call has the first word", () => {
  const bench = new CallBench();
  const { a, b, fromA, fromB } = bench.pair();
  assertEquals(bench.calls.open(a, b), "sent");
  assertEquals(b.roles, []);
  assertEquals(fromB(offer("B")), "busy");
  assertEquals(fromB(candidate("B")), "sent");
  assertEquals(fromA(offer("A")), "sent");
  fromB(answer("B"));
  assertEquals(a.heard(), ["answer B"]);
  assertEquals(b.heard(), ["offer A"]);
  assertEquals(bench.calls.open(a, b), "busy");
});

Deno.test("an opened call outlives a first word that was not taken", () => {
  const bench = new CallBench();
  const { a, b, fromA } = bench.pair({}, { refuses: { ask: "cannot_be_asked" } });
  bench.calls.open(a, b);
  assertEquals(fromA(ASK), "cannot_be_asked");
  assertEquals(bench.calls.count, 1);
  assertEquals(fromA(offer("A")), "sent");
  assertEquals(b.heard(), ["offer A"]);
});

Deno.test("the callee of an opened call learns nothing of it when nothing was said", () => {
  const bench = new CallBench({ answerTimeoutMs: 1_000 });
  const { a, b } = bench.pair();
  bench.calls.open(a, b);
  bench.clock.advance(1_000);
  assertEquals(a.heard(), ["end unanswered"]);
  assertEquals(b.heard(), []);
});

Deno.test("a description that is too long is refused, and so are calls over the limits", () => {
  const bench = new CallBench({ maxDescriptionLength: 200, maxCallsPerPeer: 1, maxCalls: 2 });
  const { a, b, fromA, fromB } = bench.pair();
  assertEquals(fromA(offer("A".repeat(200))), "busy");
  assertEquals(bench.calls.count, 0);
  fromA(offer("A"));
  assertEquals(fromB(answer("B".repeat(200))), "busy");
  const [c, d, e] = [new ScriptedPeer("c"), new ScriptedPeer("d"), new ScriptedPeer("e")];
  assertEquals(bench.calls.send(a, c, offer("A")), "busy");
  assertEquals(bench.calls.send(c, b, offer("C")), "busy");
  assertEquals(bench.calls.open(c, b), "busy");
  assertEquals(bench.calls.send(c, d, offer("C")), "sent");
  assertEquals(bench.calls.send(e, new ScriptedPeer("f"), offer("E")), "busy");
});

Deno.test("a fault in a leg is its own connection's", () => {
  const { a, b, fromA, fromB } = new CallBench().pair();
  b.fault = new Error("broken");
  assertEquals(fromA(offer("A")), "absent");
  assertEquals([a.faults.length, b.faults.length], [0, 1]);
  assertEquals(fromB(offer("B")), "absent");
  assertEquals([a.faults.length, b.faults.length], [0, 2]);
});

Deno.test("the news of calls names both parties, reasons and kinds", () => {
  const bench = new CallBench();
  const { fromA, fromB } = bench.pair();
  fromA(offer("A"));
  fromB(answer("B"));
  fromB("hung-up");
  const parties = { caller: { id: "a", dialect: "a" }, callee: { id: "b", dialect: "b" } };
  assertEquals(bench.events, [
    { type: "begun", ...parties },
    { type: "answered", ...parties },
    { type: "ended", ...parties, why: "hung-up" },
  ]);
  assert(bench.calls.count === 0);
});
