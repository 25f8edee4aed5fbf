import { assert } from "@std/assert";
import fc from "fast-check";
import { type Judge, refused, type Verdict } from "../../src/auth/authenticator.ts";
import { readGrants } from "../../src/auth/claims.ts";
import { covers, type Grants } from "../../src/auth/grants.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { gstreamer } from "../../src/dialects/gstreamer/mod.ts";
import { owt } from "../../src/dialects/owt/mod.ts";
import { peerjs } from "../../src/dialects/peerjs/mod.ts";
import { simple } from "../../src/dialects/simple/mod.ts";
import { ssp } from "../../src/dialects/ssp/mod.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import { connectTo } from "../helpers/session/namespace.ts";

// Whatever clients try with whatever tokens, in whatever order: nobody gets an id or a room outside the
// grants of the token that was shown last.

/** A token of the tests: its user, and the patterns of its grants. */
interface TokenFacts {
  readonly user: string;
  readonly ids: readonly string[] | undefined;
  readonly rooms: readonly string[] | undefined;
}

/** One client's attempt. `earlier` is the client whose place or secret it wants. */
interface Try {
  readonly token: number;
  readonly id: string;
  readonly room: string;
  readonly earlier: number;
}

/** The id and the room that a client got, if any. */
interface Got {
  readonly id?: string | undefined;
  readonly room?: string | undefined;
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
const tries = fc.array(
  fc.record<Try>({
    token: fc.nat(4),
    id: fc.constantFrom(...NAMES),
    room: fc.constantFrom(...NAMES),
    earlier: fc.nat(8),
  }),
  { minLength: 1, maxLength: 10 },
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

/** Carries out one attempt in a dialect; `kept` holds the secrets of earlier clients. */
type Act = (bench: DialectBench, attempt: Try, kept: Record<string, unknown>[]) => Promise<Got>;

const ACTS: readonly [dialect: Dialect, act: Act][] = [
  [peerjs, async (bench, { token, id }) => {
    const client = await bench.connect(`/peerjs?key=peerjs&token=t${token}&id=${id}`);
    return client.heard().includes('{"type":"OPEN"}') ? { id } : {};
  }],
  [gstreamer, async (bench, { token, id, room }) => {
    const client = await bench.connect(`/gst?token=t${token}`);
    await client.say(`HELLO ${id}`);
    if (!client.heard().includes("HELLO")) return {};
    await client.say(`ROOM ${room}`);
    const isIn = client.heard().some((frame) => String(frame).startsWith("ROOM_OK"));
    return { id, ...(isIn ? { room } : {}) };
  }],
  [ssp, async (bench, { token, room }) => {
    const client = await bench.connect(`/ssp?token=t${token}`);
    await client.say(`{"type":"rtc:join","data":{"pool":"${room}"}}`);
    return JSON.stringify(client.heard()).includes("rtc:joined") ? { room } : {};
  }],
  [owt, async (bench, { token }) => {
    const { client } = await connectTo(bench, "/", { token: `t${token}` });
    const [, uid] = /"uid":"([^"]*)"/.exec(client.heard().join()) ?? [];
    return { id: uid };
  }],
  [simple, async (bench, { token, room, earlier }, kept) => {
    const client = await bench.connect("/simple");
    // With a secret of an earlier client this one resumes it, in its room or in another.
    const resumed = kept.at(earlier - 4) ?? {};
    const join = { event: "join", room, token: `t${token}`, ...resumed };
    await client.say(JSON.stringify(join));
    const frames = client.heardJson() as Record<string, unknown>[];
    const ready = frames.find(({ event }) => event === "ready");
    const [{ p_id } = {}] = frames;
    if (ready === undefined) return {};
    const { p_instance, p_secret } = ready;
    kept.push({ p_id, p_secret, p_instance });
    return { room };
  }],
];

for (const [dialect, act] of ACTS) {
  Deno.test(`${dialect.title}: nobody gets an id or a room outside the grants of its token`, async () => {
    let admitted = 0;
    await fc.assert(
      fc.asyncProperty(tokens, tries, async (facts, attempts) => {
        using bench = new DialectBench(dialect, { judge: judgeOf(facts) });
        const kept: Record<string, unknown>[] = [];
        for (const attempt of attempts) {
          const { id, room } = await act(bench, attempt, kept);
          if (id === undefined && room === undefined) continue;
          admitted++;
          const known = facts[attempt.token];
          assert(known !== undefined, "a token that is not known");
          const { ids, rooms } = grantsOf(known);
          // OWT's clients choose no id: without an exact one they get their user's name.
          const mayHaveId = id === undefined || covers(ids, id) ||
            dialect === owt && id === known.user;
          assert(mayHaveId, `id ${id}`);
          assert(room === undefined || covers(rooms, room), `room ${room}`);
        }
      }),
      { numRuns: 60 },
    );
    assert(admitted > 0, `${admitted} admitted`);
  });
}
