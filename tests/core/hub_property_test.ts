import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Hub } from "../../src/core/hub.ts";
import type { PeerHandle } from "../../src/core/events.ts";
import { newTestHub } from "../helpers/session/hub.ts";
import { claimOf } from "../helpers/session/receiver.ts";
import { Witness } from "../helpers/session/witness.ts";

const IDS = ["a", "b", "c", "d", "__proto__"] as const;
const ROOMS = ["r", "s", "constructor"] as const;
/** The proof of who needs none. */
const NEWEST = "newest";
const MAX_PEERS = 4;
const MAX_ROOMS = 2;
const MAX_MEMBERS = 3;

/** The expected state, kept in the simplest way. */
interface Model {
  /** The connection that speaks for an id, and its proof. */
  readonly holders: Map<string, { witness: Witness; proof: string; isExclusive: boolean }>;
  /** Ids by room. */
  readonly rooms: Map<string, Set<string>>;
  /** Connections that were replaced or have left. */
  readonly former: Witness[];
}

type Step = fc.AsyncCommand<Model, Hub>;

/** A step of a peer; it is left out where `isPossible` says no. */
function stepOf(
  name: string,
  act: (model: Model, hub: Hub) => void | Promise<void>,
  isPossible: (model: Readonly<Model>) => boolean = () => true,
): Step {
  return {
    check: isPossible,
    run: async (model, hub) => {
      await act(model, hub);
      checkAll(model, hub);
    },
    toString: () => name,
  };
}

function claim(id: string, proof: string, isExclusive: boolean, isAbandoned: boolean): Step {
  return stepOf(`claim ${id} ${proof}${isAbandoned ? " abandoned" : ""}`, async (model, hub) => {
    const holder = model.holders.get(id);
    const witness = new Witness(id, holder?.witness.knows);
    const policy = proof === NEWEST ? "newest" : "proof";
    const mayHave = holder === undefined
      ? model.holders.size < MAX_PEERS
      : proof === NEWEST || holder.proof === proof;
    const pending = hub.claim(claimOf(id, witness, { policy, proof, isExclusive }));
    if (isAbandoned) witness.link.drop();
    await pending;
    const outcome = witness.refusal ?? (witness.peer && "admitted");
    // Nobody is asked about an id that cannot be given out: it is refused before it is abandoned.
    if (isAbandoned && (mayHave || holder !== undefined)) assertEquals(outcome, undefined);
    else if (mayHave) assertEquals(outcome, "admitted");
    else assertEquals(outcome, holder === undefined ? "peers_full" : "id_taken");
    if (outcome !== "admitted") return;
    if (holder !== undefined) model.former.push(holder.witness);
    model.holders.set(id, { witness, proof, isExclusive });
  });
}

function join(id: string, room: string): Step {
  const isOutside = (model: Readonly<Model>): boolean =>
    model.holders.has(id) && model.rooms.get(room)?.has(id) !== true;
  return stepOf(`join ${id} ${room}`, (model, hub) => {
    const members = model.rooms.get(room);
    const witness = witnessOf(model, id);
    witness.refusal = undefined;
    hub.join(handleOf(model, id), { room });
    if (members === undefined && model.rooms.size >= MAX_ROOMS) {
      assertEquals(witness.refusal, "rooms_full");
    } else if ((members?.size ?? 0) >= MAX_MEMBERS) assertEquals(witness.refusal, "room_full");
    else {
      assertEquals([witness.refusal, witness.knows.rooms.has(room)], [undefined, true]);
      model.rooms.set(room, (members ?? new Set()).add(id));
    }
  }, isOutside);
}

function pair(id: string, other: string): Step {
  return stepOf(`pair ${id} ${other}`, (model, hub) => {
    const isBusy = other === id || isEngaged(model, id) || isEngaged(model, other);
    const witness = witnessOf(model, id);
    witness.refusal = undefined;
    hub.pair(handleOf(model, id), other);
    if (!model.holders.has(other)) assertEquals(witness.refusal, "peer_unknown");
    else assertEquals(witness.refusal, isBusy ? "peer_busy" : undefined);
    if (witness.refusal === undefined) assert(witness.knows.pairs.has(other));
  }, (model) => model.holders.has(id));
}

function send(id: string, to: string, room: string | undefined): Step {
  // Sending into a room without being in it is the session's to refuse.
  const isPossible = (model: Readonly<Model>): boolean =>
    model.holders.has(id) && (room === undefined || model.rooms.get(room)?.has(id) === true);
  return stepOf(`send ${id} ${to} ${room ?? ""}`, (model, hub) => {
    const payload = {};
    const outcome = hub.send(handleOf(model, id), to, payload, room);
    const receiver = model.holders.get(to)?.witness;
    const isInside = room === undefined || model.rooms.get(room)?.has(to) === true;
    if (receiver === undefined) assertEquals(outcome, "unknown");
    else assertEquals(outcome, isInside ? "sent" : "elsewhere");
    assertEquals(receiver?.heard.at(-1) === payload, outcome === "sent");
  }, isPossible);
}

function leave(id: string): Step {
  return stepOf(`leave ${id}`, (model, hub) => {
    const holder = model.holders.get(id);
    if (holder !== undefined) release(model, hub, holder.witness);
  }, (model) => model.holders.has(id));
}

/** A connection that no longer speaks for its id releases it once more. */
function leaveAgain(nth: number): Step {
  return stepOf(`leave again ${nth}`, (model, hub) => {
    const former = model.former[nth % model.former.length];
    if (former?.peer !== undefined) hub.release(former.peer, former);
  }, (model) => model.former.length > 0);
}

function witnessOf(model: Model, id: string): Witness {
  const holder = model.holders.get(id);
  assert(holder !== undefined);
  return holder.witness;
}

function handleOf(model: Model, id: string): PeerHandle {
  const { peer } = witnessOf(model, id);
  assert(peer !== undefined);
  return peer;
}

function isEngaged(model: Model, id: string): boolean {
  const holder = model.holders.get(id);
  const isInRoom = [...model.rooms.values()].some((members) => members.has(id));
  const isPaired = (holder?.witness.knows.pairs.size ?? 0) > 0;
  return holder?.isExclusive === true && (isInRoom || isPaired);
}

function release(model: Model, hub: Hub, witness: Witness): void {
  assert(witness.peer !== undefined);
  hub.release(witness.peer, witness);
  model.holders.delete(witness.id);
  model.former.push(witness);
  for (const [room, members] of model.rooms) {
    members.delete(witness.id);
    if (members.size === 0) model.rooms.delete(room);
  }
}

/** Everything that must hold between any two steps. */
function checkAll(model: Model, hub: Hub): void {
  assertEquals(hub.peerCount, model.holders.size);
  assertEquals(hub.roomCount, model.rooms.size);
  for (const one of model.former) one.check();
  for (const id of IDS) assertEquals(hub.has("test", id), model.holders.has(id));
  for (const { witness } of model.holders.values()) {
    witness.check();
    assertEquals([...witness.knows.rooms.keys()].sort(), roomsOf(model, witness.id));
    for (const other of witness.knows.pairs) {
      assert(model.holders.get(other)?.witness.knows.pairs.has(witness.id), "pairs are mutual");
    }
  }
  for (const [room, members] of model.rooms) checkRoom(model, room, [...members]);
}

/** Exactly one of any two members learned of the other by `entered` and the other by `joined`. */
function checkRoom(model: Model, room: string, members: readonly string[]): void {
  const sources = (id: string) => model.holders.get(id)?.witness.knows.rooms.get(room);
  for (const one of members) {
    const others = members.filter((id) => id !== one);
    assertEquals([...sources(one)?.keys() ?? []].sort(), others.sort());
    for (const other of others) {
      const learned = [sources(one)?.get(other), sources(other)?.get(one)];
      assertEquals(learned.sort(), ["entered", "joined"]);
    }
  }
}

function roomsOf(model: Model, id: string): string[] {
  return [...model.rooms].flatMap(([room, members]) => members.has(id) ? [room] : []).sort();
}

const id = fc.constantFrom(...IDS);
const room = fc.constantFrom(...ROOMS);
const proof = fc.constantFrom("p", "q", NEWEST);

/** @param isSlow only a claim that waits can be abandoned */
function stepArbitraries(isSlow: boolean): fc.Arbitrary<Step>[] {
  const isAbandoned = isSlow ? fc.nat(9).map((luck) => luck === 0) : fc.constant(false);
  return [
    fc.tuple(id, proof, fc.boolean(), isAbandoned).map((parts) => claim(...parts)),
    fc.tuple(id, room).map((parts) => join(...parts)),
    fc.tuple(id, id).map((parts) => pair(...parts)),
    fc.tuple(id, id, fc.option(room, { nil: undefined })).map((parts) => send(...parts)),
    id.map(leave),
    fc.nat(9).map(leaveAgain),
  ];
}

for (const isSlow of [false, true]) {
  const when = isSlow ? "after a while" : "at once";
  Deno.test(`whatever peers do, the hub keeps its promises (ids given out ${when})`, async () => {
    const limits = { maxPeers: MAX_PEERS, maxRooms: MAX_ROOMS, maxRoomMembers: MAX_MEMBERS };
    const steps = fc.commands(stepArbitraries(isSlow), { maxCommands: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (commands) => {
        const hub = newTestHub(limits);
        if (isSlow) hub.reserve("test", () => Promise.resolve(true));
        const model: Model = { holders: new Map(), rooms: new Map(), former: [] };
        await fc.asyncModelRun(() => ({ model, real: hub }), commands);
        for (const { witness } of [...model.holders.values()]) {
          release(model, hub, witness);
          checkAll(model, hub);
        }
        assertEquals([hub.peerCount, hub.roomCount], [0, 0]);
      }),
      { numRuns: 200 },
    );
  });
}
