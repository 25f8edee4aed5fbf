import { assert } from "@std/assert";
import fc from "fast-check";
import { type Judge, refused, type Verdict } from "../../src/auth/authenticator.ts";
import { readGrants } from "../../src/auth/claims.ts";
import type { Grants } from "../../src/auth/grants.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { gstreamer } from "../../src/dialects/gstreamer/mod.ts";
import { owt } from "../../src/dialects/owt/mod.ts";
import { peerjs } from "../../src/dialects/peerjs/mod.ts";
import { simple } from "../../src/dialects/simple/mod.ts";
import { ssp } from "../../src/dialects/ssp/mod.ts";
import { topics } from "../../src/dialects/topics/mod.ts";
import { BridgeBench } from "../helpers/session/bridge.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import { type Gained, type Held, type Step, type Way, WAYS } from "./ways_in.ts";

// Clients try all their tokens in any order, and nobody gets an id or a room outside the
// grants of the token that was shown last. fast-check prints the seed of a failure.

/** A token of the tests: its user, and the patterns of its grants. */
interface TokenFacts {
  readonly user: string;
  readonly ids: readonly string[] | undefined;
  readonly rooms: readonly string[] | undefined;
}

const NAMES = ["alice", "alice-1", "al", "bob", "lobby", "lobby2"];
const patterns = fc.option(
  fc.array(fc.constantFrom(...NAMES, "*", "al*", "lobby*", "{sub}", "{sub}-*", ""), {
    maxLength: 3,
  }),
  { nil: undefined },
);
const tokens = fc.array(
  fc.record<TokenFacts>({
    user: fc.constantFrom("alice", "bob", "al"),
    ids: patterns,
    rooms: patterns,
  }),
  { minLength: 2, maxLength: 4 },
);
const steps = fc.array(
  fc.record<Step>({
    way: fc.nat(1_000),
    token: fc.nat(4),
    id: fc.constantFrom(...NAMES),
    room: fc.constantFrom(...NAMES),
    earlier: fc.nat(8),
  }),
  { minLength: 1, maxLength: 14 },
);

function grantsOf({ user, ids, rooms }: TokenFacts): Grants {
  const claim = { ...(ids && { ids }), ...(rooms && { rooms }) };
  const claimed = readGrants(claim, user);
  assert(claimed !== undefined);
  return claimed.grants;
}

/** Knows the tokens by their numbers. */
function judgeOf(facts: readonly TokenFacts[]): Judge {
  return {
    judge(token): Verdict {
      const known = facts[Number(/^t(\d)$/.exec(token ?? "")?.[1] ?? NaN)];
      if (known === undefined) return refused("signature");
      return { identity: { user: known.user, expiresAt: undefined, grants: grantsOf(known) } };
    },
  };
}

/** The rule for patterns, written down a second time: exact, or a prefix with `*` at its end. */
function isGranted(patterns: readonly string[], user: string, name: string): boolean {
  return patterns.some((pattern) => {
    const words = pattern.split("{sub}").join(user);
    return words.endsWith("*") ? name.indexOf(words.slice(0, -1)) === 0 : words === name;
  });
}

/** Rooms and their members, each as one text. */
function seatsOf({ hub, realm }: DialectBench): Set<string> {
  const seats = hub.rooms(realm).flatMap(({ id, members }) =>
    [...members].map((member) => `${id}\0${member.id}`)
  );
  return new Set(seats);
}

/** Fails if the token does not grant what a step brought. */
function assertGranted(
  facts: readonly TokenFacts[],
  gained: Gained,
  seats: readonly string[],
): void {
  const { token, id, derivedId, room } = gained;
  const known = facts[token];
  if (known === undefined) {
    assert([id, derivedId, room, ...seats].every((it) => it === undefined), "an unknown token");
    return;
  }
  const { user, ids = ["{sub}"], rooms = ["*"] } = known;
  assert(id === undefined || isGranted(ids, user, id), `id ${id}`);
  // Without an exact id of the token, the server calls a client by its user.
  const exact = ids.filter((pattern) => !pattern.endsWith("*"));
  const isDerived = derivedId === undefined || derivedId === user ||
    isGranted(exact, user, derivedId);
  assert(isDerived, `id ${derivedId}`);
  for (const one of [room ?? [], seats.map((seat) => seat.split("\0")[0] ?? "")].flat()) {
    assert(isGranted(rooms, user, one), `room ${one}`);
  }
}

/** A way of a dialect at work, with its clients so far. */
interface OpenWay {
  readonly name: string;
  readonly way: Way;
  readonly bench: DialectBench;
  readonly held: Held[];
}

function waysOf(bench: DialectBench): OpenWay[] {
  const held: Held[] = [];
  return Object.entries(WAYS[bench.name] ?? {}).map(([name, way]) => {
    return { name: `${bench.name} ${name}`, way, bench, held };
  });
}

/** How often each way led to an id or a room; a way that never does would prove nothing. */
class Gains {
  readonly #counts = new Map<string, number>();

  note(name: string, { id, derivedId, room }: Gained): void {
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + ((id ?? derivedId ?? room) === undefined ? 0 : 1));
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  assertAll(): void {
    for (const [name, count] of this.#counts) {
      const isForOthers = FOR_OTHERS.some((word) => name.endsWith(` ${word}`));
      assert(isForOthers || count > 0, `${name} led nowhere`);
    }
  }
}

/** These steps bring nothing by themselves. */
const FOR_OTHERS = ["drop", "issued", "refresh"];

/** Carries out steps, each on the way that it selects. */
async function walk(
  facts: readonly TokenFacts[],
  steps: readonly Step[],
  ways: readonly OpenWay[],
  gains: Gains,
): Promise<void> {
  for (const step of steps) {
    const open = ways[step.way % ways.length];
    assert(open !== undefined);
    const before = seatsOf(open.bench);
    const gained = await open.way(open.bench, step, open.held);
    const seats = [...seatsOf(open.bench)].filter((seat) => !before.has(seat));
    assertGranted(facts, gained, seats);
    gains.note(open.name, gained);
  }
}

const DIALECTS: readonly Dialect[] = [peerjs, gstreamer, ssp, owt, simple, topics];

for (const dialect of DIALECTS) {
  Deno.test(`${dialect.title}: nobody gets an id or a room outside the grants of its token`, async () => {
    const gains = new Gains();
    await fc.assert(
      fc.asyncProperty(tokens, steps, async (facts, steps) => {
        using bench = new DialectBench(dialect, { judge: judgeOf(facts) });
        await walk(facts, steps, waysOf(bench), gains);
      }),
      { numRuns: 400 },
    );
    gains.assertAll();
  });
}

Deno.test("bridged: nobody gets an id or a room outside the grants of its token", async () => {
  const gains = new Gains();
  await fc.assert(
    fc.asyncProperty(tokens, steps, async (facts, steps) => {
      using bridge = new BridgeBench({ judge: judgeOf(facts) });
      const names = ["peerjs", "gstreamer", "ssp", "owt", "simple"];
      await walk(facts, steps, names.flatMap((name) => waysOf(bridge.bench(name))), gains);
    }),
    { numRuns: 1_000 },
  );
  assert(gains.total > 0, "nobody was admitted");
});
