import { assert, assertEquals } from "@std/assert";
import type { Chaos } from "./chaos.ts";
import type { ChaosClient } from "./chaos_client.ts";
import { groupOf, GROUPS, IDS } from "./chaos_plan.ts";

/** Longer than any fault's consequences last. */
const CALM_MS = 25_000;
const TALK_MS = 1_000;
/** Keys in the engine that are there for the sake of peers. */
const OF_PEERS = /^test:1:(ids:test|members|room|rooms|seen|pairs)/;

/** Ends all faults of a run, and checks everything that the nodes promise. */
export async function check(chaos: Chaos): Promise<void> {
  chaos.heal();
  await chaos.pass(CALM_MS);
  assertEquals(chaos.faults, []);
  assertEquals(chaos.outages.sentAway, []);
  checkMessages(chaos);
  checkRooms(chaos);
  checkCalls(chaos);
  await checkTalk(chaos);
  await checkEnd(chaos);
}

/** Each message came once, to its id and in its sender's order; or its sender knows that it did not. */
function checkMessages({ clients, sent }: Chaos): void {
  const arrived = new Set<string>();
  for (const client of clients) {
    const newest = new Map<ChaosClient, number>();
    for (const payload of client.received) {
      const message = sent.get(payload);
      assert(message !== undefined && message.to === client.id, `${payload} came to ${client.id}`);
      assert(!arrived.has(payload), `${payload} came twice`);
      arrived.add(payload);
      const number = Number(payload.slice(1));
      assert(number > (newest.get(message.from) ?? 0), `${payload} was overtaken`);
      newest.set(message.from, number);
    }
  }
  for (const [payload, { from, outcome, isAwaited }] of sent) {
    if (outcome === "sent") assert(arrived.has(payload), `${payload} was acknowledged, and lost`);
    if (!from.isPresent) continue;
    if (isAwaited) assert(outcome !== undefined, `${payload} has no outcome`);
    const isKnown = outcome !== undefined || from.returned.includes(payload);
    assert(isKnown || arrived.has(payload), `${payload} was lost`);
  }
}

/** One of any two members found the other as it entered, and that one learned of it. */
function checkRooms({ present, clients }: Chaos): void {
  for (const client of clients) client.known();
  for (const group of Object.keys(GROUPS)) {
    const members = present.filter(({ id, isMember }) => isMember && groupOf(id) === group);
    for (const one of members) {
      assert(!one.isAsking, `${one.id} has no answer`);
      const others = members.filter((other) => other !== one);
      const known = one.known();
      assertEquals([...known.keys()].toSorted(), others.map(({ id }) => id).toSorted(), one.id);
      const { hub } = one.home;
      const seen = hub.others(one.peer, `room of ${group}`);
      assertEquals(seen.map(({ id }) => id).toSorted(), [...known.keys()].toSorted(), one.id);
      for (const other of others) {
        const ways = [known.get(other.id), other.known().get(one.id)].toSorted();
        assertEquals(ways, ["entered", "joined"], `${one.id} and ${other.id}`);
        const info = seen.find(({ id }) => id === other.id)?.info;
        assertEquals(info, other.home.hub.find("test", other.id)?.info, `${other.id} as described`);
      }
    }
  }
}

/** A peer in a call has a partner that is in a call with it. */
function checkCalls({ present, clients }: Chaos): void {
  for (const client of clients) client.partner();
  for (const one of present) {
    assert(!one.isAsking, `${one.id} has no answer`);
    const partner = one.partner();
    if (partner === undefined) continue;
    const other = present.find(({ id }) => id === partner);
    assertEquals(other?.partner(), one.id, `the partner of ${one.id}, which is ${partner}`);
  }
}

/** Everybody reaches everybody, an id that a client has is taken, and any other one is free. */
async function checkTalk(chaos: Chaos): Promise<void> {
  const { present, cluster } = chaos;
  assertEquals(
    present.map(({ id }) => id).toSorted(),
    [...new Set(present.map(({ id }) => id))].toSorted(),
  );
  const payloads = present.flatMap((from) =>
    GROUPS[groupOf(from.id)].filter((to) => to !== from.id).map((to) => chaos.send(from, to, false))
  );
  await chaos.pass(TALK_MS);
  for (const payload of payloads) {
    const { from, to } = chaos.sent.get(payload) ?? {};
    const receiver = present.find(({ id }) => id === to);
    const words = `${payload} from ${from?.id} to ${to}`;
    assertEquals(receiver?.received.includes(payload) ?? false, receiver !== undefined, words);
    assertEquals(from?.returned.includes(payload), receiver === undefined, words);
  }
  for (const [n, id] of IDS.entries()) {
    const owner = present.find((client) => client.id === id);
    // A client with the proof takes the id over.
    if (owner !== undefined && groupOf(id) === "proven") continue;
    const { client, done } = chaos.claim(id, cluster.at(n % cluster.nodes.length));
    await cluster.during(done);
    const type = client.heard[0]?.type;
    assertEquals(type, owner === undefined ? "admitted" : "refused", `a claim of ${id}`);
  }
}

/** When everybody has left, nothing is left of them. */
async function checkEnd(chaos: Chaos): Promise<void> {
  const { cluster } = chaos;
  for (const client of chaos.present) chaos.leave(client);
  await chaos.pass(TALK_MS);
  for (const { node, hub } of cluster.nodes) {
    const { waitingSteps, unconfirmedBytes } = node;
    const left = { waitingSteps, unconfirmedBytes, peers: hub.peerCount, rooms: hub.roomCount };
    assertEquals(left, { waitingSteps: 0, unconfirmedBytes: 0, peers: 0, rooms: 0 });
  }
  assertEquals(cluster.engine.data.keys().filter((key) => OF_PEERS.test(key)), []);
}
