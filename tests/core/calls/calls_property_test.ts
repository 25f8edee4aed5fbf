import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { End, Signal } from "../../../src/core/calls/signal.ts";
import {
  answer,
  ASK,
  CallBench,
  candidate,
  type Manners,
  offer,
  type Said,
  ScriptedPeer,
} from "../../helpers/session/legs.ts";

/** A step of one of two clients, or of time. */
type Step =
  | {
    readonly by: 0 | 1;
    readonly does:
      | "connect"
      | "offer"
      | "answer"
      | "pranswer"
      | "candidate"
      | "late"
      | "ask"
      | "open"
      | "hang up"
      | "leave";
  }
  | { readonly passes: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      by: fc.constantFrom(0 as const, 1 as const),
      does: fc.constantFrom(
        "connect",
        "offer",
        "offer",
        "answer",
        "answer",
        "pranswer",
        "candidate",
        "candidate",
        "late",
        "ask",
        "open",
        "hang up",
        "leave",
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ passes: fc.constantFrom(400, 600, 1_200, 50_000) }) },
);

const manners: fc.Arbitrary<Manners> = fc.record({
  crossing: fc.constantFrom("yields", "insists", "ignores", "calls"),
  offersFirst: fc.boolean(),
  canRestart: fc.boolean(),
  showsPresence: fc.boolean(),
  askTimeoutMs: fc.constantFrom(5_000, 60_000),
  refuses: fc.constantFrom(
    {},
    { reoffer: "cannot_renegotiate" },
    { ask: "cannot_be_asked" },
    { offer: "busy" },
    { answer: "cannot_be_told" },
  ),
});

/** Checks each event of a client against all earlier ones in its call. */
class Referee {
  /** The client whose offer is open; per client, the ufrags of the description it was sent last. */
  #offerer: number | undefined = undefined;
  #sent: [string?, string?] = [];
  readonly #over = [new Set<number>(), new Set<number>()];

  /** The call is over: its successor knows nothing of it. */
  reset(): void {
    this.#offerer = undefined;
    this.#sent = [];
  }

  told(to: 0 | 1, leg: number, told: Signal | End): void {
    const over = this.#over[to];
    assert(over !== undefined && !over.has(leg), "told of something after the end");
    if (typeof told === "string") {
      over.add(leg);
      return;
    }
    switch (told.kind) {
      case "offer":
        this.#offerer = 1 - to;
        this.#sent[to] = [...told.description.ufrags].join();
        return;
      case "answer":
        assertEquals(this.#offerer, to, "an answer without its offer");
        if (!told.isProvisional) this.#offerer = undefined;
        this.#sent[to] = [...told.description.ufrags].join();
        return;
      case "candidate":
        assertEquals(told.candidate.usernameFragment, this.#sent[to], "a candidate too early");
        return;
    }
  }
}

function saidBy(does: string, connection: string, earlier: string): Said | undefined {
  switch (does) {
    case "offer":
      return offer(connection);
    case "answer":
      return answer(connection);
    case "pranswer":
      return answer(connection, true);
    case "candidate":
      return candidate(connection);
    case "late":
      return candidate(earlier);
    case "ask":
      return ASK;
    case "hang up":
      return "hung-up";
  }
}

function play(steps: readonly Step[], one: Manners, other: Manners): void {
  const bench = new CallBench({ answerTimeoutMs: 60_000, maxHeldCandidates: 3 });
  const referee = new Referee();
  const peers = [new ScriptedPeer("a", one), new ScriptedPeer("b", other)] as const;
  const connections = [0, 0];
  for (const to of [0, 1] as const) {
    peers[to].onTold = (leg, told) => referee.told(to, leg, told);
  }
  const push = bench.events.push.bind(bench.events);
  bench.events.push = (event) => {
    if (event.type === "ended") referee.reset();
    return push(event);
  };
  for (const step of steps) {
    if ("passes" in step) {
      bench.clock.advance(step.passes);
      continue;
    }
    const { by, does } = step;
    const [me, you] = [peers[by], peers[1 - by] ?? peers[0]];
    const number = connections[by] ?? 0;
    const said = saidBy(does, `${me.id}${number}`, `${me.id}${number - 1}`);
    if (does === "connect") connections[by] = number + 1;
    else if (does === "open") bench.calls.open(me, you);
    else if (does === "leave") bench.calls.leave(me);
    else if (said !== undefined) bench.calls.send(me, you, said);
    assert(bench.calls.count <= 1);
  }
  bench.clock.advance(200_000);
  for (const peer of peers) bench.calls.leave(peer);
  const count = (type: string) => bench.events.filter((event) => event.type === type).length;
  assertEquals(count("begun"), count("ended"));
  assertEquals([bench.calls.count, bench.clock.timers], [0, 0]);
  assertEquals(peers.map(({ faults }) => faults), [[], []]);
}

Deno.test("any sequence of signals keeps the order of calls, and leaves nothing behind", () => {
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  fc.assert(fc.property(steps, manners, manners, play), { numRuns: 3_000 });
});
