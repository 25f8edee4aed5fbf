import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { DialectBench } from "../../helpers/dialect.ts";
import { settle, type TestClient } from "../../helpers/hub.ts";
import { frameOf, newPools, PATHS, type SspEvent } from "../../helpers/ssp.ts";
import { SspWitness } from "../../helpers/ssp_witness.ts";

// Section 4 of protocols/ssp.md: what holds however joins, talk and departures interleave.

/** Which endpoint a client connects to, and which version it speaks there. */
const KINDS = [["v1", "v1"], ["v2", "v2"], ["auto", "v1"], ["auto", "v2"]] as const;
type Kind = (typeof KINDS)[number];

type Step =
  | { readonly do: "join"; readonly kind: Kind; readonly pool: string }
  /** One of the ids that were asked for is given out. */
  | { readonly do: "grant"; readonly which: number }
  /** Somebody says a few things to one whom it knows. */
  | { readonly do: "talk"; readonly who: number; readonly to: number; readonly words: number }
  /** Somebody talks to one who is elsewhere or has left. */
  | { readonly do: "stray" | "describe" | "leave"; readonly who: number }
  /** A few microtasks run, perhaps not all that wait. */
  | { readonly do: "wait"; readonly rounds: number };

class Actor {
  readonly client: TestClient;
  readonly pool: string;
  readonly witness: SspWitness;
  readonly #speaks: "v1" | "v2";
  /** It has said what only its version has. */
  #hasShownVersion = false;
  /** How many words it has said to whom. */
  readonly said = new Map<string, number>();
  #read = 0;

  constructor(client: TestClient, [endpoint, speaks]: Kind, pool: string) {
    this.client = client;
    this.pool = pool;
    this.witness = new SspWitness(speaks);
    this.witness.isTold = endpoint !== "auto";
    this.#speaks = speaks;
    client.blurt(frameOf("rtc:join", { pool }));
  }

  /** Takes in what has come. */
  listen(): void {
    const fresh = this.client.sent.slice(this.#read);
    this.#read = this.client.sent.length;
    for (const frame of fresh) this.witness.take(JSON.parse(String(frame)) as SspEvent);
  }

  /** Everything that it has said was heard: from here on the server knows its version. */
  wasHeard(): void {
    this.listen();
    if (this.#hasShownVersion) this.witness.isTold = true;
  }

  talk(to: number, words: number): void {
    this.listen();
    const known = [...this.witness.known.keys()];
    const target = known[to % known.length];
    if (target === undefined) return;
    for (let word = 0; word < words; word++) {
      const n = (this.said.get(target) ?? 0) + 1;
      this.said.set(target, n);
      this.client.blurt(n % 4 === 1 ? this.#describe(target, n) : candidateFor(target, n));
    }
  }

  #describe(to: string, n: number): string {
    this.#hasShownVersion = true;
    const type = n % 8 === 1 ? "offer" : "answer";
    const description = { type, n };
    if (this.#speaks === "v2") return frameOf("rtc:sdp", { to, description });
    if (type === "answer") return frameOf("rtc:answer", { for: to, answer: description });
    return frameOf("rtc:offers", { nobody: description, [to]: description });
  }
}

function candidateFor(to: string, n: number): string {
  return frameOf("rtc:candidate", { for: to, candidate: { n } });
}

class Stage implements Disposable {
  readonly bench: DialectBench;
  readonly actors: Actor[] = [];
  readonly #claims: (() => void)[] = [];

  constructor() {
    const reserve = (): Promise<boolean> =>
      new Promise((resolve) => this.#claims.push(() => resolve(true)));
    this.bench = newPools({ options: { maxMembers: 100_000 }, reserve });
  }

  async play(step: Step): Promise<void> {
    switch (step.do) {
      case "join":
        this.actors.push(
          new Actor(await this.bench.connect(PATHS[step.kind[0]]), step.kind, step.pool),
        );
        return;
      case "grant":
        return this.#claims.splice(step.which % (this.#claims.length || 1), 1)[0]?.();
      case "talk":
        return this.#actor(step.who)?.talk(step.to, step.words);
      case "stray":
        return this.#stray(step.who);
      case "describe":
        return this.#actor(step.who)?.client.blurt(frameOf("describe", { name: "x" }));
      case "leave":
        return this.#actor(step.who)?.client.link.drop();
      case "wait":
        for (let round = 0; round < step.rounds; round++) await Promise.resolve();
    }
  }

  /** Everything that is under way comes to pass. */
  async settle(): Promise<void> {
    for (const grant of this.#claims.splice(0)) grant();
    await settle();
    for (const actor of this.actors) actor.wasHeard();
  }

  [Symbol.dispose](): void {
    this.bench[Symbol.dispose]();
  }

  #actor(who: number): Actor | undefined {
    return this.actors[who % this.actors.length];
  }

  /** Its number would be out of order wherever it arrived. */
  #stray(who: number): void {
    const actor = this.#actor(who);
    actor?.listen();
    const target = this.actors.find(({ client, pool, witness: { id } }) =>
      id !== undefined && (pool !== actor?.pool || !client.isOpen)
    );
    if (target?.witness.id === undefined || actor?.witness.id === undefined) return;
    actor.client.blurt(candidateFor(target.witness.id, -1));
  }
}

/** What holds of everybody when nothing is under way any more. */
function assertAllKnowEachOther(actors: readonly Actor[]): void {
  const byId = new Map(actors.map((actor) => [actor.witness.id, actor]));
  const present = actors.filter(({ client }) => client.isOpen);
  for (const { client, witness, pool, said } of present) {
    assertEquals([client.refusals.filter((code) => code !== "peer_unknown"), client.link.faults], [
      [],
      [],
    ]);
    const mates = present.filter((other) => other.pool === pool && other.witness !== witness);
    assertEquals([...witness.known.keys()].sort(), mates.map(({ witness: { id } }) => id).sort());
    for (const { witness: mate } of mates) {
      // Exactly one of the two found the other by its join, or both would be polite.
      const sources = [witness.known.get(mate.id ?? ""), mate.known.get(witness.id ?? "")];
      assertEquals(sources.sort(), ["announced", "joined"]);
      // Nothing that was said to somebody present was lost.
      assertEquals(mate.lastHeard.get(witness.id ?? ""), said.get(mate.id ?? ""));
    }
  }
  for (const { client, witness } of actors) {
    assertEquals(client.link.faults, []);
    for (const [id, source] of witness.everKnown) {
      const other = byId.get(id);
      assert(other !== undefined, "it was told of a stranger");
      const theirs = other.witness.everKnown.get(witness.id ?? "");
      // Only who had left already need not have learned of a newcomer.
      if (theirs === undefined) assert(source === "joined" && !other.client.isOpen);
      else assert(theirs !== source, `both learned of each other by ${source}`);
    }
  }
}

async function play(steps: readonly Step[]): Promise<number> {
  using stage = new Stage();
  for (const step of steps) await stage.play(step);
  await stage.settle();
  // Now that everybody's version is known, nobody is told a word of the other one.
  for (let round = 0; round < 2; round++) {
    for (const [nth, { client }] of stage.actors.entries()) {
      if (client.isOpen) await stage.play({ do: "talk", who: nth, to: nth + round, words: 4 });
    }
    await stage.settle();
  }
  assertAllKnowEachOther(stage.actors);
  const { length } = stage.actors;
  // Nobody is told of a departure twice, whoever of them goes first.
  for (const { client } of stage.actors) client.link.drop();
  await stage.settle();
  assertEquals([stage.bench.hub.peerCount, stage.bench.hub.roomCount], [0, 0]);
  return length;
}

function stepOf(pools: readonly [string, ...string[]]): fc.Arbitrary<Step> {
  const who = fc.nat(9_999);
  const joining = fc.record({
    do: fc.constant("join" as const),
    kind: fc.constantFrom(...KINDS),
    pool: fc.constantFrom(...pools),
  });
  const granting = fc.record({ do: fc.constant("grant" as const), which: who });
  const talking = fc.record({
    do: fc.constant("talk" as const),
    who,
    to: who,
    words: fc.integer({ min: 1, max: 6 }),
  });
  const one = (action: "stray" | "describe" | "leave") =>
    fc.record({ do: fc.constant(action), who });
  const waiting = fc.record({
    do: fc.constant("wait" as const),
    rounds: fc.integer({ min: 1, max: 4 }),
  });
  return fc.oneof(
    { weight: 8, arbitrary: joining },
    { weight: 8, arbitrary: granting },
    { weight: 12, arbitrary: talking },
    { weight: 2, arbitrary: one("stray") },
    { weight: 1, arbitrary: one("describe") },
    { weight: 3, arbitrary: one("leave") },
    { weight: 6, arbitrary: waiting },
  );
}

Deno.test("§4: however a few members of all kinds interleave, each hears a history that makes sense", async () => {
  const steps = fc.array(stepOf(["p", "p", "q"]), { maxLength: 60, size: "max" });
  await fc.assert(fc.asyncProperty(steps, async (steps) => void await play(steps)), {
    numRuns: 400,
  });
});

Deno.test("§4: the same holds for hundreds of members that join, talk and leave at once", async () => {
  const steps = fc.array(stepOf(["p", "p", "p", "q"]), {
    minLength: 1_800,
    maxLength: 2_000,
    size: "max",
  });
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      assert(await play(steps) > 200);
    }),
    // The property above finds small examples.
    { numRuns: 5, endOnFailure: true },
  );
});
