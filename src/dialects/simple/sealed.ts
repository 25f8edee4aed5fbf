import * as z from "zod";
import type { PeerId } from "../../core/events.ts";
import type { DialectStore } from "../../core/kept.ts";
import { isObject } from "../kit/json.ts";
import { readSealed } from "../kit/sealed.ts";
import {
  changed,
  isObjection,
  NO_PROFILE,
  peerInstances,
  type Profile,
  withServerFields,
} from "./description.ts";
import { Instance } from "./instance.ts";
import { leaveNews, type News } from "./news.ts";
import { peerOf, peersOf, SimplePeer } from "./peer.ts";
import type { SimpleServer } from "./server.ts";
import { GONE, type Speaker } from "./kept_signals.ts";

// A planned restart keeps every peer to which some client can still come back.

/** The speaker of a signal: an id and a number, while that instance exists. */
const SpeakerName = z.tuple([z.string(), z.int().min(0)]);
type SpeakerName = z.infer<typeof SpeakerName>;

const SealedLog = z.object({
  lastSeq: z.int().min(0),
  lostAfter: z.int().min(0),
  signals: z.array(z.object({ from: SpeakerName.nullable(), frame: z.string() })),
}).refine(
  ({ lastSeq, lostAfter, signals }) =>
    lostAfter <= lastSeq && lastSeq - lostAfter <= signals.length && signals.length <= lastSeq,
);

const SealedInstance = z.object({
  number: z.int().min(0),
  secret: z.string(),
  sdp: z.string(),
  ice: z.array(z.looseObject({ candidate: z.string() })),
  /** The rest of the time for which it is held. */
  leftMs: z.number(),
  holder: z.int().min(0),
  hadStream: z.boolean(),
  /** How long ago it was taken back; a restart, which makes every client come back, begins anew. */
  takeBackAgesMs: z.array(z.number()).default([]),
  log: SealedLog,
});
type SealedInstance = z.infer<typeof SealedInstance>;

const Fields = z.record(z.string(), z.unknown());
const SealedPeer = z.object({
  v: z.literal(1),
  id: z.string(),
  room: z.string(),
  fields: Fields,
  serverFields: Fields,
  instances: z.array(SealedInstance),
  /** News of the peer that others have not heard; other nodes write nothing else. */
  untold: z.array(z.custom<News>(isObject)).default([]),
});
export type SealedPeer = z.infer<typeof SealedPeer>;

/** Streams that have left, and need not come back. */
const SealedDeparted = z.object({ v: z.literal(1), departed: z.array(z.string()) });
type SealedDeparted = z.infer<typeof SealedDeparted>;

const Sealed = z.union([SealedPeer, SealedDeparted]);

/** The peers that clients can continue with, in the order of their joins. */
export function* seal(server: SimpleServer): Generator<unknown> {
  const names = new Map<Readonly<Speaker>, SpeakerName>();
  for (const { id, instances } of peersOf(server)) {
    for (const { speaker, number } of instances) names.set(speaker, [id, number]);
  }
  const nameOf = (speaker: Readonly<Speaker>): SpeakerName | null => names.get(speaker) ?? null;
  for (const peer of peersOf(server)) yield sealPeer(server, peer, nameOf);
  yield* server.nodes?.unsure ?? [];
  const departed = server.departed.list();
  if (departed.length > 0) yield { v: 1, departed };
}

/** The other peers of the room that have their home here. */
export function* matesOf(server: SimpleServer, peer: SimplePeer): Generator<SimplePeer> {
  const { seat: { peer: handle }, room } = peer;
  for (const { id } of handle === undefined ? [] : server.hub.others(handle, room)) {
    const mate = peerOf(server, id);
    if (mate !== undefined) yield mate;
  }
}

/** A peer that moves to another node. @param untold what others have not heard of it */
export function sealMoving(
  server: SimpleServer,
  peer: SimplePeer,
  untold: News[] = [],
): SealedPeer {
  const names = new Map<Readonly<Speaker>, SpeakerName>(peer.far.named());
  for (const mate of [peer, ...matesOf(server, peer)]) {
    for (const { speaker, number } of mate.instances) names.set(speaker, [mate.id, number]);
  }
  return { ...sealPeer(server, peer, (speaker) => names.get(speaker) ?? null), untold };
}

function sealPeer(
  server: SimpleServer,
  { id, room, profile, instances }: SimplePeer,
  nameOf: (speaker: Readonly<Speaker>) => SpeakerName | null,
): SealedPeer {
  const now = server.clock.now();
  return {
    v: 1,
    id,
    room,
    fields: Object.fromEntries(profile.fields.values),
    serverFields: Object.fromEntries(profile.serverFields.values),
    instances: instances.map((instance): SealedInstance => {
      const { number, secret, holder, hadStream, log, takeBacks } = instance;
      const { sdp = "", ice = [] } = profile.instances[number] ?? {};
      const sealedLog = log.sealed(nameOf);
      return {
        number,
        secret,
        sdp,
        ice: ice.map((candidate) => ({ ...candidate })),
        leftMs: leftOf(instance, server),
        holder,
        hadStream,
        takeBackAgesMs: takeBacks.map((at) => now - at),
        log: { ...sealedLog, signals: [...sealedLog.signals] },
      };
    }),
    untold: [],
  };
}

/**
 * Continues with the sealed state: all instances are lost ones, for the rest of their time. Expired
 * ones are gone.
 */
export async function unseal(server: SimpleServer, store: DialectStore): Promise<void> {
  const { items, ageMs } = readSealed(store, Sealed);
  const revivals: Revival[] = [];
  for (const sealed of items) {
    if ("id" in sealed) revivals.push(prepare(server, sealed, ageMs));
    else for (const secret of sealed.departed) server.departed.add(secret);
  }
  const speakers = new Map<string, Readonly<Speaker>>();
  for (const { id, instances } of revivals) {
    for (const { number, speaker } of instances.keys()) {
      speakers.set(nameFor([id, number]), speaker);
    }
  }
  const speakerOf = (name: SpeakerName | null): Readonly<Speaker> =>
    name === null ? GONE : speakers.get(nameFor(name)) ?? GONE;
  for (const { instances } of revivals) {
    for (const [instance, { log }] of instances) instance.log.restore(log, speakerOf);
  }
  // Each claim is carried out before the next, so that they are in their rooms in this order.
  const outcomes = await Promise.all(revivals.map((revival) => revive(revival)));
  const refused = outcomes.filter((outcome) => outcome === "refused").length;
  if (refused > 0) store.unreadable(refused);
  const back = revivals.filter((_, n) => outcomes[n] === "revived")
    .flatMap(({ instances }) => [...instances.keys()]);
  for (const instance of back.sort((a, b) => a.heldUntilMs - b.heldUntilMs)) {
    server.held.restore(instance);
  }
}

/**
 * Continues with a peer of another node.
 * @param settle takes over the id; false where nobody expects the peer
 * @returns its id, once it is here or turns out to be gone; undefined for an unreadable state
 */
export async function unsealMoving(
  server: SimpleServer,
  state: unknown,
  settle: (peer: SimplePeer) => boolean,
): Promise<{ readonly id: PeerId; readonly isHere: boolean } | undefined> {
  const { success, data } = SealedPeer.safeParse(state);
  if (!success) return undefined;
  const { id, peer, profile, instances } = prepare(server, data, 0, Infinity);
  if (profile === undefined || instances.size === 0) return { id, isHere: false };
  const held = [...instances.keys()];
  const { hub, realm } = server;
  const speakerOf = (name: SpeakerName | null): Readonly<Speaker> => {
    const [from = "", number = 0] = name ?? [];
    const own = from === id ? held : peerOf(server, from)?.instances;
    if (own !== undefined) return own.find((one) => one.number === number)?.speaker ?? GONE;
    const isThere = hub.member(realm, peer.room, from) !== undefined;
    return isThere ? peer.far.of(from, number) : GONE;
  };
  const now = server.clock.now();
  for (const [instance, { log, takeBackAgesMs }] of instances) {
    instance.log.restore(log, speakerOf);
    instance.takeBacks = takeBackAgesMs.map((age) => now - age);
  }
  peer.settle(profile, held);
  // An engine that has lost its data does not know of the move.
  if (!settle(peer)) await peer.revive(profile, held);
  if (!peer.isHere) { for (const { log } of held) log.clear(); }
  if (!peer.isHere) return { id, isHere: false };
  for (const instance of held) server.held.restoreMoved(instance);
  for (const news of data.untold) peer.self.tell(news);
  for (const { number } of data.instances) {
    // Its time was over on the way.
    if (peer.slots[number] !== undefined) continue;
    peer.self.tell(leaveNews(number, peerInstances(profile), "lost"));
  }
  return { id, isHere: true };
}

/** A peer that is about to come back. */
interface Revival {
  readonly id: string;
  readonly peer: SimplePeer;
  /** Undefined where the configuration does not allow it any more. */
  readonly profile: Profile | undefined;
  readonly instances: ReadonlyMap<Instance, SealedInstance>;
}

function prepare(
  server: SimpleServer,
  sealed: SealedPeer,
  ageMs: number,
  mostMs = server.resumeMs,
): Revival {
  const { id, room } = sealed;
  const { clock, secrets } = server;
  const peer = new SimplePeer(id, room, server);
  const instances = new Map<Instance, SealedInstance>();
  for (const one of sealed.instances) {
    const leftMs = Math.min(one.leftMs - ageMs, mostMs);
    // With another secret behind the ids nobody could take it back.
    if (leftMs <= 0 || !secrets.isValid(one.secret, id, room)) continue;
    const instance = new Instance(peer, one.number, one.secret, undefined, server);
    instance.heldUntilMs = clock.now() + leftMs;
    instance.holder = one.holder;
    instance.hadStream = one.hadStream;
    instances.set(instance, one);
  }
  return { id, peer, profile: profileOf(server, sealed, [...instances.values()]), instances };
}

async function revive(
  { peer, profile, instances }: Revival,
): Promise<"revived" | "over" | "refused"> {
  if (instances.size === 0) return "over";
  const held = [...instances.keys()];
  if (profile !== undefined) await peer.revive(profile, held);
  if (peer.isHere) return "revived";
  for (const { log, speaker } of held) {
    log.clear();
    speaker.isGone = true;
  }
  return "refused";
}

function profileOf(
  { limits }: SimpleServer,
  { fields, serverFields }: SealedPeer,
  instances: readonly SealedInstance[],
): Profile | undefined {
  const [first] = instances;
  if (first === undefined) return undefined;
  const last = Math.max(...instances.map(({ number }) => number));
  if (last >= limits.maxInstances) return undefined;
  const free: Profile = { ...NO_PROFILE, instances: new Array(last + 1).fill(undefined) };
  let profile = changed(free, first.number, { peer: fields }, limits);
  for (const { number, sdp, ice } of instances) {
    if (isObjection(profile)) return undefined;
    profile = changed(profile, number, { sdp, peer_ice: ice }, limits);
  }
  if (isObjection(profile)) return undefined;
  const described = withServerFields(profile, serverFields, limits);
  return isObjection(described) ? undefined : described;
}

function leftOf({ carrier, heldUntilMs }: Instance, { clock, resumeMs }: SimpleServer): number {
  return carrier === undefined ? heldUntilMs - clock.now() : resumeMs;
}

function nameFor(name: SpeakerName): string {
  return JSON.stringify(name);
}
