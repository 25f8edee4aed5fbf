import { assert } from "@std/assert";
import fc from "fast-check";
import { type Judge, refused, type Verdict } from "../../src/auth/authenticator.ts";
import { ALL_GRANTS, covers, exactly } from "../../src/auth/grants.ts";
import { BridgeBench } from "../helpers/session/bridge.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import { runs } from "../helpers/session/hub_modes.ts";
import { sdpOf } from "../helpers/session/legs.ts";

// Clients of all protocols try everything, and nobody is in a room, or in a call with its members, for
// which its token is not good.

const ROOMS = ["ward", "lab", "hall"] as const;
const USERS = ["ann", "bob", "cyd"] as const;
const DIALECTS = ["peerjs", "gstreamer", "ssp", "simple", "owt", "webrtcsink"] as const;

/** Fewer would meet too few calls. */
const RUNS = Math.max(50, runs(150));

type Dialect = typeof DIALECTS[number];
/** The rooms for which each user's token is good. */
type Granted = readonly (readonly string[])[];

/** A client of a user that connects, tries to enter a room, and calls an earlier client. */
interface Attempt {
  readonly user: number;
  readonly dialect: Dialect;
  readonly room: string;
  /** Which of those that are connected it calls. */
  readonly callee: number;
}

interface Client {
  readonly user: number;
  readonly id: string;
  readonly client: TestClient;
  /** Marks its offer. */
  readonly session: string;
  /** The room that its protocol let it enter, if any. */
  readonly room: string | undefined;
}

const attempt: fc.Arbitrary<Attempt> = fc.record({
  user: fc.nat(USERS.length - 1),
  dialect: fc.constantFrom(...DIALECTS),
  room: fc.constantFrom(...ROOMS),
  callee: fc.nat(20),
});
const granted: fc.Arbitrary<Granted> = fc.tuple(
  fc.subarray([...ROOMS]),
  fc.subarray([...ROOMS]),
  fc.subarray([...ROOMS]),
);

function judgeOf(rooms: Granted): Judge {
  return {
    judge(token = ""): Verdict {
      const at = USERS.findIndex((name) => name === token);
      const own = rooms[at];
      if (own === undefined) return refused("denied");
      const grants = { ...ALL_GRANTS, ids: [exactly(token)], rooms: own.map(exactly) };
      return { identity: { user: token, grants, expiresAt: undefined } };
    },
  };
}

const text = (value: unknown): string => JSON.stringify(value);

/** Connects, enters and calls; undefined for a client that was refused. */
async function run(
  bench: BridgeBench,
  { user, dialect, room }: Attempt,
  session: string,
  callee: string,
): Promise<Client | undefined> {
  const token = USERS[user] ?? "";
  const name = token;
  const sdp = { type: "offer", sdp: sdpOf(session) };
  switch (dialect) {
    case "peerjs": {
      const client = await bench.connect(dialect, `/peerjs?key=${token}&id=${name}&token=t`);
      const payload = { sdp, type: "data", connectionId: "dc" };
      await client.say(text({ type: "OFFER", dst: callee, payload }));
      return { user, client, session, id: name, room: undefined };
    }
    case "gstreamer": {
      const client = await bench.connect(dialect, `/gst?token=${token}`);
      await client.say(`HELLO ${name}`, `ROOM ${room}`);
      const isInside = client.sent.some((frame) => String(frame).startsWith("ROOM_OK"));
      if (isInside) await client.say(`ROOM_PEER_MSG ${callee} ${text({ sdp })}`);
      else await client.say(`SESSION ${callee}`, text({ sdp }));
      return { user, client, session, id: name, room: isInside ? room : undefined };
    }
    case "ssp": {
      const client = await bench.connect(dialect, `/ssp?token=${token}`);
      await client.say(text({ type: "rtc:join", data: { pool: room } }));
      const { type, data } = JSON.parse(String(client.sent[0]));
      if (type !== "rtc:joined") return undefined;
      await client.say(text({ type: "rtc:sdp", data: { to: callee, description: sdp } }));
      return { user, client, session, id: data.client_id, room };
    }
    case "simple": {
      const client = await bench.connect(dialect, `/simple?token=${token}`);
      await client.say(text({ event: "join", room }));
      const { p_id: id } = JSON.parse(String(client.sent[0]));
      if (id === undefined) return undefined;
      await client.say(text({ event: "signal", peer_id: callee, ...sdp }));
      return { user, client, session, id, room };
    }
    case "owt": {
      const client = await bench.connectTo("owt", "/");
      await client.say(`2["authentication",${text({ token })}]`);
      const data = text({ type: "chat-signal", data: sdp });
      await client.say(`2["owt-message",${text({ to: callee, data })}]`);
      return { user, client, session, id: token, room: undefined };
    }
    case "webrtcsink": {
      const client = await bench.connect(dialect, `/webrtcsink?token=${token}`);
      const { peerId } = JSON.parse(String(client.sent[0]));
      const roles = ["producer"];
      await client.say(text({ type: "setPeerStatus", roles, meta: null, peerId }));
      await client.say(text({ type: "startSession", peerId: callee, offer: sdp.sdp }));
      return { user, client, session, id: peerId, room: undefined };
    }
  }
}

function assertHeld(
  bench: BridgeBench,
  clients: ReadonlyMap<string, Client>,
  rooms: Granted,
): void {
  const isGood = (id: string, room: string): boolean => {
    const own = rooms[clients.get(id)?.user ?? -1] ?? [];
    return covers(own.map(exactly), room);
  };
  for (const { id: room, members } of bench.hub.rooms("bridged")) {
    for (const { id } of members) assert(isGood(id, room), `${id} in ${room}`);
  }
  for (const member of clients.values()) {
    for (const other of clients.values()) {
      if (member.room === undefined || other === member || isGood(other.id, member.room)) continue;
      assert(!hasOfferOf(member, other), `${other.id} calls into ${member.room}`);
      // Members of the lobby call those who are in no room.
      const mayCall = member.room === "hall" && other.room === undefined;
      assert(mayCall || !hasOfferOf(other, member), `${member.id} calls out of ${member.room}`);
    }
  }
}

function hasOfferOf({ client }: Client, { session }: Client): boolean {
  return client.sent.some((frame) => String(frame).includes(`o=- ${session} `));
}

Deno.test("no token is a way into a room, or into a call with its members, that it does not grant", async () => {
  let calls = 0;
  await fc.assert(
    fc.asyncProperty(granted, fc.array(attempt, { maxLength: 10 }), async (rooms, attempts) => {
      using bench = new BridgeBench({ judge: judgeOf(rooms), lobby: "hall" });
      const clients = new Map<string, Client>();
      for (const [at, one] of attempts.entries()) {
        const ids = [...clients.keys()];
        const callee = ids[one.callee % Math.max(1, ids.length)] ?? "nobody";
        const client = await run(bench, one, `s${at}`, callee);
        if (client !== undefined && bench.hub.has("bridged", client.id)) {
          if (!clients.has(client.id)) clients.set(client.id, client);
        }
        assertHeld(bench, clients, rooms);
      }
      calls += bench.calls.count;
    }),
    { numRuns: RUNS, seed: 15 },
  );
  assert(calls > RUNS / 8, `only ${calls} calls`);
});
