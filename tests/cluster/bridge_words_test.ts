import { assertEquals } from "@std/assert";
import type { CallPeer } from "../../src/core/calls/call_end.ts";
import { Calls } from "../../src/core/calls/calls.ts";
import { FarGuests } from "../../src/core/nodes/far_guest.ts";
import { FarHost } from "../../src/core/nodes/far_host.ts";
import type { Mail, Order, Report } from "../../src/core/nodes/far_words.ts";
import type { Leg, Untaken } from "../../src/core/calls/signal.ts";
import type { RoomId } from "../../src/core/events.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import {
  answer,
  candidate,
  type Manners,
  offer,
  type Said,
  ScriptedPeer,
  WIDE_CALLS,
} from "../helpers/session/legs.ts";

// The words of two nodes about one call, delivered one by one: peer "a" is of the node that keeps the
// call, and peer "b" of the other one.

/** A peer as the other node sees it. */
function ghostOf(
  { realm, id, dialect }: CallPeer,
  leg?: (room: RoomId | undefined) => Leg | Untaken,
): CallPeer {
  const link = { fail: (): void => {} };
  const receiver = { link, isElsewhere: true } as const;
  return {
    realm,
    id,
    dialect,
    receiver: leg === undefined
      ? receiver
      : { ...receiver, leg: (_other, _role, room) => leg(room) },
    summary: () => ({ id, dialect, info: null }),
  };
}

class Bench {
  readonly a: ScriptedPeer;
  readonly b: ScriptedPeer;
  readonly clock = new FakeClock();
  readonly calls = new Calls(WIDE_CALLS, this.clock, () => {});
  /** Messages of peer "a" that came back. */
  readonly returned: unknown[] = [];
  readonly #ghosts: { readonly a: CallPeer; readonly b: CallPeer };
  readonly #host: FarHost;
  readonly #guests: FarGuests;
  readonly #orders: Order[] = [];
  readonly #reports: Report[] = [];

  constructor({ a = {}, b = {} }: { readonly a?: Manners; readonly b?: Manners } = {}) {
    this.a = new ScriptedPeer("a", a);
    this.b = new ScriptedPeer("b", b);
    this.#ghosts = {
      a: ghostOf(this.a),
      b: ghostOf(this.b, (room) => this.#host.legOf(this.a, this.#ghosts.b, room)),
    };
    const common = { over: () => {}, again: () => {} };
    this.#host = new FarHost(this.calls, {
      ...common,
      order: (_own, _other, order) => void this.#orders.push(order),
      returned: (_own, _other, payload) => void this.returned.push(payload),
    }, WIDE_CALLS.maxHeldCandidates);
    this.#guests = new FarGuests({
      ...common,
      report: (_own, _other, report) => void this.#reports.push(report),
    }, () => false);
  }

  fromA(said: Said): void {
    this.#host.pass(this.a, this.#ghosts.b, this.#mail(said));
  }

  fromB(said: Said): void {
    this.#guests.pass(this.b, this.#ghosts.a, this.#mail(said));
  }

  /** Delivers all that is on its way, and all that follows from it. */
  deliver(): void {
    while (this.#orders.length > 0 || this.#reports.length > 0) {
      this.deliverToB();
      this.deliverToA();
    }
  }

  deliverToA(): void {
    for (const report of this.#reports.splice(0)) this.#host.take(this.a, this.#ghosts.b, report);
  }

  deliverToB(): void {
    for (const order of this.#orders.splice(0)) this.#guests.take(this.b, this.#ghosts.a, order);
  }

  /** Loses the reports that are on their way. */
  loseReports(): void {
    this.#reports.length = 0;
  }

  /** A call that "a" has begun and "b" has answered; its news are heard. */
  connect(): void {
    this.fromA(offer("a1"));
    this.deliver();
    this.fromB(answer("b1"));
    this.deliver();
    assertEquals(this.heard(), { a: ["answer b1"], b: ["offer a1"] });
  }

  heard(): { a: string[]; b: string[] } {
    return { a: this.a.heard(), b: this.b.heard() };
  }

  /** Both nodes know of as many calls of the pair. */
  assertCalls(count: 0 | 1): void {
    assertEquals(this.calls.count, count);
    assertEquals(this.#host.has(this.a, this.#ghosts.b), count > 0);
    assertEquals(this.#guests.has(this.b, this.#ghosts.a), count > 0);
  }

  #mail(payload: Said): Mail {
    return {
      payload,
      room: undefined,
      saidAt: 0,
      answer: () => {},
    };
  }
}

Deno.test("a hang-up does not end the call that the other client has begun meanwhile", () => {
  const bench = new Bench();
  bench.connect();
  bench.fromA("hung-up");
  bench.fromB("hung-up");
  bench.fromB(offer("b2"));
  bench.deliver();
  assertEquals(bench.heard(), {
    a: ["end hung-up (own)", "offer b2"],
    b: ["end hung-up (own)"],
  });
  bench.assertCalls(1);
});

Deno.test("an answer to an offer that was given up does not reach the next call", () => {
  const bench = new Bench();
  bench.fromB(offer("b1"));
  bench.deliver();
  bench.fromA(answer("a1"));
  bench.fromB("hung-up");
  bench.fromB(offer("b2"));
  bench.deliver();
  assertEquals(bench.heard(), {
    a: ["offer b1", "end hung-up", "offer b2"],
    b: ["end hung-up (own)"],
  });
  bench.fromA(answer("a2"));
  bench.deliver();
  assertEquals(bench.heard(), { a: [], b: ["answer a2"] });
  bench.assertCalls(1);
});

Deno.test("a refusal of an offer that was given up does not reach the next call", () => {
  const bench = new Bench({ b: { refuses: { offer: "busy" } } });
  bench.fromA(offer("a1"));
  bench.deliverToB(); // asks for a leg
  bench.deliverToA();
  bench.deliverToB(); // the offer, whose refusal is on its way
  bench.b.manners = {};
  bench.fromA("hung-up");
  bench.fromA(offer("a2"));
  bench.deliver();
  assertEquals(bench.heard(), { a: ["end hung-up (own)"], b: ["offer a2"] });
  assertEquals(bench.returned, []);
  bench.assertCalls(1);
});

Deno.test("a call is over for both nodes where its first offer is refused", () => {
  const bench = new Bench({ b: { refuses: { offer: "busy" } } });
  bench.fromA(offer("a1"));
  bench.deliver();
  assertEquals(bench.returned, [offer("a1")]);
  bench.assertCalls(0);
});

Deno.test("an answer does not reach a client that has given its connection up", () => {
  const bench = new Bench({ a: { crossing: "yields" }, b: { crossing: "ignores" } });
  bench.fromA(offer("a1"));
  bench.deliver();
  bench.fromB(offer("b1"));
  bench.deliver();
  bench.fromB(answer("b1"));
  bench.fromA(answer("a2"));
  bench.fromA(offer("a2", { ufrag: "a2.2" }));
  bench.deliver();
  assertEquals(bench.heard(), {
    a: ["crossing offer b1"],
    b: ["offer a1", "answer a2", "reoffer a2"],
  });
  bench.fromB(answer("b1"));
  bench.deliver();
  assertEquals(bench.heard(), { a: ["answer b1"], b: [] });
});

Deno.test("an answer reaches a client that has made the same connection's offer again", () => {
  const bench = new Bench();
  bench.fromA(offer("a1"));
  bench.deliver();
  bench.fromB(answer("b1"));
  bench.fromA(offer("a1"));
  bench.deliver();
  assertEquals(bench.heard(), { a: ["answer b1"], b: ["offer a1", "offer a1"] });
});

Deno.test("candidates of an answer that came too late do not reach the client either", () => {
  const bench = new Bench({ a: { crossing: "yields" }, b: { crossing: "ignores" } });
  bench.fromB(offer("b1"));
  bench.fromA(offer("a1"));
  bench.deliverToA();
  bench.fromA(answer("a2"));
  bench.fromA(candidate("a2"));
  bench.fromB(offer("b2"));
  bench.deliver();
  assertEquals(bench.heard(), {
    a: ["crossing offer b1", "end hung-up", "offer b2"],
    b: ["offer a1", "end replaced (own)"],
  });
  bench.fromA(answer("a3"));
  bench.fromA(candidate("a3"));
  bench.deliver();
  assertEquals(bench.heard(), { a: [], b: ["answer a3", "candidate a3"] });
});

Deno.test("an order that drops a leg of an earlier call leaves the next call alone", () => {
  const bench = new Bench({ b: { crossing: "yields" } });
  bench.fromB(offer("b1"));
  bench.fromA(offer("a1"));
  bench.deliverToA();
  bench.deliverToB(); // the report of the leg is on its way
  bench.fromA(offer("a2"));
  bench.deliverToA(); // has the leg of the call before dropped
  bench.fromA(candidate("a2"));
  bench.fromB(offer("b2"));
  bench.deliver();
  assertEquals(bench.heard().b.slice(-2), ["offer a2", "candidate a2"]);
  bench.assertCalls(1);
});

Deno.test("a client gets the offer back that was refused, not a later message", () => {
  const bench = new Bench({ b: { refuses: { reoffer: "cannot_renegotiate" } } });
  bench.connect();
  const again = offer("a1", { mids: ["0", "1"] });
  bench.fromA(again);
  bench.fromA(candidate("a1"));
  bench.deliver();
  assertEquals(bench.returned, [again]);
  bench.assertCalls(1);
});

Deno.test("a client gets an offer back that waited before it was refused", () => {
  const refuses = { offer: "busy" } as const;
  const bench = new Bench({ a: { crossing: "insists" }, b: { crossing: "yields", refuses } });
  bench.fromB(offer("b1"));
  bench.deliver();
  bench.fromA(offer("a1"));
  bench.fromA(candidate("a1"));
  bench.deliver();
  assertEquals(bench.returned, []);
  bench.clock.advance(500);
  bench.deliver();
  assertEquals(bench.returned, [offer("a1")]);
});

Deno.test("an answer that a call drops counts as unheard", () => {
  const bench = new Bench({ a: { crossing: "yields" }, b: { crossing: "ignores" } });
  bench.fromA(offer("a1"));
  bench.deliver();
  bench.fromB(offer("b1"));
  bench.fromB(answer("b2")); // to the offer that is void by now
  bench.fromB(candidate("b2"));
  bench.deliver();
  bench.fromA(answer("a2"));
  bench.deliver();
  assertEquals(bench.heard(), { a: ["crossing offer b1"], b: ["offer a1"] });
});

Deno.test("a call ends with the first signal for a client that has left it unnoticed", () => {
  const bench = new Bench();
  bench.connect();
  bench.fromB("hung-up");
  bench.loseReports();
  bench.fromA(candidate("a1"));
  bench.deliver();
  assertEquals(bench.heard(), { a: ["end hung-up"], b: ["end hung-up (own)"] });
  bench.assertCalls(0);
});
