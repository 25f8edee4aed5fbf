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

/** The connections, by their ufrags, that one client was sent descriptions of. */
interface Sent {
  /** That of the last exchange that was completed. */
  settled?: string | undefined;
  /** That of an offer, or a provisional answer, of the exchange under way. */
  proposed?: string | undefined;
}

/** Checks each event of a client against all earlier ones in its call. */
class Referee {
  /** The client whose offer is open. */
  #offerer: number | undefined = undefined;
  #sent: readonly [Sent, Sent] = [{}, {}];
  readonly #over = [new Set<number>(), new Set<number>()];

  /** The call is over: its successor knows nothing of it. */
  reset(): void {
    this.#offerer = undefined;
    this.#sent = [{}, {}];
  }

  told(to: 0 | 1, leg: number, told: Signal | End): void {
    const over = this.#over[to];
    assert(over !== undefined && !over.has(leg), "told of something after the end");
    if (typeof told === "string") {
      over.add(leg);
      return;
    }
    const sent = this.#sent[to];
    switch (told.kind) {
      case "offer":
        if (told.isCrossing) { for (const one of this.#sent) one.proposed = undefined; }
        this.#offerer = 1 - to;
        return this.#describe(sent, told.description.ufrags);
      case "answer":
        assertEquals(this.#offerer, to, "an answer without its offer");
        this.#describe(sent, told.description.ufrags);
        if (!told.isProvisional) this.#settle();
        return;
      case "candidate":
        assertEquals(
          told.candidate.usernameFragment,
          sent.proposed ?? sent.settled,
          "a candidate of another connection",
        );
        return;
    }
  }

  /** A client drops its connection, of which the other one knows. */
  restarts(client: 0 | 1): void {
    const sent = this.#sent[client === 0 ? 1 : 0];
    sent.settled = sent.proposed = undefined;
  }

  #describe(sent: Sent, ufrags: ReadonlySet<string>): void {
    const ufrag = [...ufrags].join();
    // An earlier connection does not come back.
    if (ufrag !== sent.settled) sent.settled = undefined;
    sent.proposed = ufrag;
  }

  #settle(): void {
    this.#offerer = undefined;
    for (const sent of this.#sent) {
      sent.settled = sent.proposed ?? sent.settled;
      sent.proposed = undefined;
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
    peers[to].onRestart = () => {
      referee.restarts(to);
      connections[to] = (connections[to] ?? 0) + 1;
    };
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
