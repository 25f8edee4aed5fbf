import { assertEquals } from "@std/assert";
import { forgetClusters } from "../helpers/cluster/dealt.ts";
import { hubs } from "../helpers/session/hub_modes.ts";
import { registerAgain } from "../helpers/session/test_files.ts";

// The suites of all dialects run once more here, with clients dealt to the hubs of two nodes.

hubs.mode = "dealt";

/** Suites that begin a server once more on what the last one left behind. */
const APART = /\/(fuzz|restart|operations|ordering|issued_ids)_test\.ts$/;

/** Tests of what differs between one node and several, by the reason. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  "limits count on each node": [
    "§4.5: at the limit a newcomer is refused, and gets in when somebody leaves",
    "maxHeldBytesTotal bounds what is held; the excess is answered with EXPIRE at once",
    "held messages of all senders to one peer fit into its output queue",
    "a full server sends the reason before it closes",
    "there are as many rooms as the limit says",
    "the server's own limits refuse joins too: members of a room, rooms, peers",
    "a topic has as many subscribers as the limit",
    "the server has as many topics and subscriptions as the limit: maxTopics",
    "the server has as many topics and subscriptions as the limit: maxSubscriptionsTotal",
    "webrtcsink: maxPeers: one peer more gets the reason and is closed; a place is free again",
    "webrtcsink: sessions of a producer, of a consumer, and in all are bounded each",
    "webrtcsink: the hub's limit of rooms holds for roles too",
    "Simple: the hub's limits of peers and rooms are this dialect's errors",
  ],
  "each node counts its own": [
    "a passive page has no topic of its own, and gets only the room's back",
    "beyond the limit of lost pages the oldest is forgotten",
    "messages over the rate are dropped for as long as they come, and never hang up",
    "operators see topics in both shapes with their subscribers, and end them",
    "publications, deliveries and dropped messages are counted",
    "sealed items that are not lost pages are left out",
  ],
  "announcements that cross between nodes reach both announcers": [
    "the later of two crossing announcements is kept from the earlier announcer",
  ],
  "a node remembers the newest ids of another one": [
    "a connection with more ids than are remembered gets the signals to all of them",
  ],
  "other nodes live on when one ends": [
    "webrtcsink: while the server ends, no departure of a session or peer is announced",
  ],
  "messages of different nodes have no common order": [
    "§7: OFFER, ANSWER and CANDIDATE wait for an absent peer, in order, after OPEN",
    "§9.6: when 40 members drop together, the others get one LEFT of each",
  ],
  "a list of ids is asked of the engine": [
    "§3: with discovery the ids are listed in order of registration",
    "§9.9: only with the right key are the peers listed",
    "§4: any id is welcome up to the length limit",
    "PeerJS's directory lists everybody who can be called outside of rooms",
  ],
  "a caller by SESSION learns of a limit on another node by its first signal": [
    "gstreamer calls a peer that has as many calls as it may: it is busy",
    "gstreamer calls while the server has as many calls as it may: the peer is busy",
  ],
  "a node does not know the peers of others with whom its own share nothing": [
    "a GStreamer client outside a room and one inside do not reach each other's way",
    "§5: a target that is unknown, idle, in a session or in another room is an error",
    "PeerJS: a tab that waits is no stranger, and has the id when it is free",
    "OWT: a tab that waits is no stranger, and has the id when it is free",
  ],
  "an operator of one node does not describe members of another": [
    "an operator sees all members of a room, but describes none of another protocol",
    "a member's description goes with the member, also in a kept pool",
    "a member cannot be hidden by what the server says under its id",
    "descriptions=server: a client's describe is refused, the operator's is announced",
  ],
  "each node of the test has a store of its own": [
    "an id that is reserved in PeerJS is taken for GStreamer and OWT, until it is free",
  ],
  "the test counts the timers of one dialect": ["closing the dialect ends its sweep"],
  "a client of version 1 on another node drops what it has no word for": [
    "§7: a description that version 1 has no word for is an error to the sender",
  ],
};

const left = new Set(Object.values(EXCEPTIONS).flat());
const register = Deno.test;

/** Registers a test, unless it is an exception. Clusters of earlier ones are forgotten first. */
function registerDealt(
  name: string,
  fn: (context: Deno.TestContext) => void | Promise<void>,
): void {
  if (left.delete(name)) return;
  register(name, async (context) => {
    forgetClusters();
    await fn(context);
  });
}

Object.assign(Deno, { test: Object.assign(registerDealt, register) });
await registerAgain(new URL("./", import.meta.url), APART);
Object.assign(Deno, { test: register });

Deno.test("every exception of the suites over two hubs is a test", () =>
  assertEquals([...left], []));
