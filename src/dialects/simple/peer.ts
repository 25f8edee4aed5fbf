import { SignalError } from "../../core/errors.ts";
import { type Expulsion, type LeaveReason, leaveReasonOf } from "../../core/expulsion.ts";
import type { PresentPeer, SelfDescription } from "../../core/peer.ts";
import type { CallRole, Leg, Untaken } from "../../core/signal.ts";
import type { PeerEvent, PeerId, PeerSummary, RoomId } from "../../core/events.ts";
import type { Link, Permits, Receiver } from "../../core/session.ts";
import {
  accepted,
  type Change,
  changed,
  describe,
  difference,
  effective,
  freeNumber,
  isObjection,
  NO_PROFILE,
  type Objection,
  peerInstances,
  placed,
  type Profile,
  sizeOf,
  type TokenInfo,
  without,
  withServerFields,
} from "./description.ts";
import { inCommon, mayCallInto } from "../kit/callers.ts";
import { Instance, type InstanceOwner, type InstanceSession, type Reason } from "./instance.ts";
import { after, type Place, Seat } from "../kit/seat.ts";
import { type PeerLine, SimpleLeg } from "./leg.ts";
import { throwIfTold, UNSENT } from "./refusals.ts";
import { countTakeBack } from "./take_backs.ts";
import { isEqual } from "../../system/crypto.ts";
import { GONE, type Speaker } from "./kept_signals.ts";
import {
  encodeJoin,
  encodeLeave,
  type Receipt,
  type Signal,
  type SignalFrame,
} from "./messages.ts";
import { descriptionOf, encodeNews, type News } from "./news.ts";
import type { SimpleServer } from "./server.ts";
import { standingFields, withStanding } from "./standing.ts";
import { receiptOf, targetsOf } from "./targets.ts";

/** A connection's request to take an instance back. */
interface TakeBack extends Change {
  /** The last signal received. */
  readonly seq?: number | undefined;
  /** It is the same client, and not another one with the secret. */
  readonly isContinuation?: true;
}

/** The recovery of a new instance. */
const NOTHING_MISSED = { recovered: false, seq: 0, frames: [] } as const;
/** The receipt for a peer of another dialect, which is one client. */
const ONE: Receipt = { delivered: 1, queued: 0 };

/** The peer of an id; undefined for one that is free, or of another dialect. */
export function peerOf({ hub, realm }: Place, id: PeerId): SimplePeer | undefined {
  const receiver = hub.find(realm, id)?.receiver;
  return receiver instanceof SimplePeer ? receiver : undefined;
}

/** All peers of the dialect, in order of registration. */
export function* peersOf({ hub, realm }: Place): Generator<SimplePeer> {
  for (const { receiver } of hub.peers(realm)) if (receiver instanceof SimplePeer) yield receiver;
}

/**
 * An identity in a room, and the instances that speak for it. To the hub it is one peer, which stays
 * while any of its instances is connected or held.
 */
export class SimplePeer implements Receiver, InstanceOwner, PeerLine {
  readonly id: PeerId;
  readonly room: RoomId;
  readonly #server: SimpleServer;
  #instances: readonly (Instance | undefined)[] = [];
  #profile: Profile = NO_PROFILE;
  info: TokenInfo = undefined;
  readonly #seat: Seat;
  /** Peers outside the room that are in a call with this one; made with the first. */
  #introduced: Map<PeerId, PeerSummary> | undefined = undefined;

  constructor(id: PeerId, room: RoomId, server: SimpleServer) {
    this.id = id;
    this.room = room;
    this.#server = server;
    this.#seat = new Seat(server, this);
  }

  /** The user of the first connection, and what the tokens of all have in common. */
  get permits(): Permits | undefined {
    return inCommon(this.instances.flatMap(({ carrier }) => carrier?.permits ?? []));
  }

  /** True from the admission to the end of the last instance. */
  get isHere(): boolean {
    return this.#seat.peer !== undefined;
  }

  /** The peer is its own link for the hub, because one more object per peer would weigh. */
  get link(): Receiver["link"] {
    return this;
  }

  get links(): readonly Link[] {
    return this.instances.flatMap(({ carrier }) => carrier === undefined ? [] : [carrier.link]);
  }

  /** False if the connection for which the id is being claimed has ended. */
  get isOpen(): boolean {
    return this.isHere || this.instances.every(({ carrier }) => carrier?.link.isOpen !== false);
  }

  fail(error: unknown): void {
    for (const instance of this.#instances) instance?.carrier?.link.fail(error);
  }

  /** Claims the id and enters the room, with a first instance. */
  found(
    change: Change & { readonly token?: string | undefined },
    carrier: InstanceSession,
  ): void | Promise<void> {
    this.info = carrier.info;
    this.#profile = withStanding(
      this.#server,
      this,
      accepted(changed(NO_PROFILE, 0, change, this.#server.limits)),
    );
    this.#addInstance(0, carrier);
    return this.#claim(change.token);
  }

  /**
   * Claims the id and enters the room with instances of an earlier run, all of them lost. In vain if
   * the room is full or the id is in use.
   */
  revive(profile: Profile, instances: readonly Instance[]): void | Promise<void> {
    this.#profile = profile;
    const all: (Instance | undefined)[] = [];
    for (const instance of instances) all[instance.number] = instance;
    this.#instances = all;
    return this.#claim();
  }

  /** Adds an instance. */
  add(change: Change, carrier: InstanceSession): void | Promise<void> {
    const { limits } = this.#server;
    this.inform(carrier.info);
    const number = freeNumber(this.#profile);
    if (number >= limits.maxInstances) {
      throw new SignalError("instances_full", `more than ${limits.maxInstances} instances`);
    }
    const news = accepted(effective(this.#profile, number, change, limits) ?? {});
    const profile = accepted(changed(this.#profile, number, news, limits));
    const step = this.#announce(profile, { type: "join", instance: number });
    return after(step, () => {
      const instance = this.#addInstance(number, carrier);
      carrier.welcome(instance, { others: this.#others(), ...NOTHING_MISSED });
    });
  }

  /** Gives an instance, held or still connected, to another connection (§6). */
  takeBack(instance: Instance, request: TakeBack, carrier: InstanceSession): void | Promise<void> {
    const { clock, limits } = this.#server;
    this.inform(carrier.info);
    const takeBacks = countTakeBack(instance.takeBacks, clock, limits);
    const news = effective(this.#profile, instance.number, request, limits);
    const step = news === undefined ? undefined : this.publish(instance, accepted(news));
    return after(step, () => {
      instance.takeBacks = takeBacks;
      if (request.isContinuation !== true) instance.holder++;
      const old = instance.carrier;
      instance.carrier = carrier;
      this.#server.held.delete(instance);
      old?.replaced();
      carrier.welcome(instance, { others: this.#others(), ...instance.log.resume(request.seq) });
    });
  }

  publish({ number }: Instance, change: Change): void | Promise<void> {
    const profile = accepted(changed(this.#profile, number, change, this.#server.limits));
    return this.#announce(profile, { type: "change", instance: number, change });
  }

  inform(info: TokenInfo): void {
    if (info === this.info) return;
    this.info = info;
    this.setFields(standingFields(this.#server, this));
  }

  /** Sets the server's fields of the peer, in place of the earlier ones, for an operator. */
  setFields(
    fields: Readonly<Record<string, unknown>>,
  ): "described" | "unknown" | Objection["code"] {
    const { hub, realm, limits } = this.#server;
    const profile = withServerFields(this.#profile, { ...this.info, ...fields }, limits);
    if (isObjection(profile)) return profile.code;
    const peer = difference(this.#profile, profile);
    if (peer === undefined) return "described";
    // The change is not an instance's; there is always one to name.
    const instance = profile.instances.findIndex((one) => one !== undefined);
    const news: News = { type: "change", instance, change: { peer } };
    const outcome = hub.describeMember(realm, this.room, this.id, this.#publicly(profile), news);
    if (outcome === "described") this.#profile = profile;
    return outcome === "too_large" ? "description_too_large" : outcome;
  }

  /** Sends to one instance of a room-mate, or to all of them or none (§6). */
  signal(from: Instance, frame: SignalFrame): Receipt {
    const { hub, realm } = this.#server;
    const { peer } = this.#seat;
    const mate = hub.find(realm, frame.peer_id);
    const isKnown = mate !== undefined &&
      (this.#isMate(mate) || this.#introduced?.has(mate.id) === true);
    if (!isKnown || peer === undefined) {
      throw new SignalError("peer_unknown", "no such peer in the room");
    }
    const signal: Signal = { peer_id: this.id, peer_instance: from.number, frame };
    const { receiver } = mate;
    const receipt = receiver instanceof SimplePeer
      ? receiptOf(targetsOf(receiver.#instances, signal), signal)
      : ONE;
    const refusal = UNSENT[hub.send(peer, mate.handle, signal)];
    if (refusal !== undefined) throw new SignalError(...refusal);
    return receipt;
  }

  /** A peer outside the room may call this one, unless a token is missing. */
  leg(other: PeerSummary, role: CallRole): Leg | Untaken {
    const { hub, realm } = this.#server;
    const isStranger = hub.member(realm, this.room, other.id) === undefined;
    const isCalled = role === "callee";
    if (isCalled && !mayCallInto(this.#server, this.room, other.id)) return "absent";
    return new SimpleLeg(this, other, isStranger);
  }

  get instanceCount(): number {
    return this.instances.length;
  }

  hand(signal: Signal, from: Readonly<Speaker>): boolean {
    const targets = targetsOf(this.#instances, signal);
    const isFull = (target: Instance) => !target.isConnected && !target.log.hasRoomFor(signal);
    if (targets.length === 0 || targets.some(isFull)) return false;
    for (const target of targets) target.take(from, signal);
    return true;
  }

  introduce(other: PeerSummary): void {
    (this.#introduced ??= new Map()).set(other.id, other);
    this.#tell([encodeJoin(descriptionOf(other, this.#server.dialect), 0)]);
  }

  retire({ id }: PeerSummary): void {
    this.#introduced?.delete(id);
    this.#tell([encodeLeave(id, 0, [], "left")]);
  }

  /** The peer's own description, and the server's fields of it. */
  get profile(): Profile {
    return this.#profile;
  }

  /** Instances that are connected or held. */
  get instances(): Instance[] {
    return this.#instances.filter((instance) => instance !== undefined);
  }

  /** The instance with this number and secret; not a later one with the same number. */
  instance(number: number, secret: string): Instance | undefined {
    const instance = this.#instances[number];
    return instance !== undefined && isEqual(instance.secret, secret) ? instance : undefined;
  }

  /** Holds an instance for its client, if the configuration allows. */
  lose(instance: Instance): void {
    instance.carrier = undefined;
    instance.log.startQueueing();
    this.#server.held.add(instance, this.#server.clock.now());
  }

  remove(instance: Instance, reason: Reason, leaves: LeaveReason = reason): void {
    const { held } = this.#server;
    if (this.#instances[instance.number] !== instance || !this.isHere) return;
    this.#instances = this.#instances.with(instance.number, undefined);
    instance.carrier = undefined;
    instance.speaker.isGone = true;
    instance.log.clear();
    held.delete(instance);
    if (instance.hadStream && reason !== "lost") this.#server.departed.add(instance.secret);
    const profile = without(this.#profile, instance.number);
    const instances = peerInstances(profile);
    const news: News = { type: "leave", instance: instance.number, instances, reason };
    // A shrinking description is never refused.
    if (instances.length > 0) return void this.#announce(profile, news);
    this.#seat.release(leaves, news);
  }

  /** Removes all instances, held ones too. */
  expel(reason: Expulsion): void {
    const leaves = leaveReasonOf(reason);
    for (const instance of this.instances) {
      const { carrier } = instance;
      this.remove(instance, "kicked", leaves);
      carrier?.kicked(leaves);
    }
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        // Between peers of one dialect the payload is what `signal` sent.
        return this.#take(event.payload as Signal);
      case "joined":
      case "left":
      case "described":
        return this.#tell(this.#server.news.frames(event, this.#server.dialect, encodeNews));
      case "admitted":
        return this.#seat.take(event.peer);
      case "entered": {
        const [founder] = this.#instances;
        founder?.carrier?.welcome(founder, { others: event.members, ...NOTHING_MISSED });
        return;
      }
      case "refused":
        return throwIfTold(event.reason, this.#instances[0]?.carrier !== undefined);
      case "stopped":
        return this.expel("kicked");
      // Ids are never taken over, the dialect makes no pairs, and signals are queued by instance.
      case "replaced":
      case "gone":
      case "paired":
      case "undelivered":
      case "updated":
        return;
      default:
        event satisfies never;
    }
  }

  #claim(token?: string): void | Promise<void> {
    const { id, room } = this;
    const { maxMembers } = this.#server.limits;
    const description = this.#publicly(this.#profile);
    return this.#seat.claim({ id, description, room: { room, maxMembers, token } });
  }

  #publicly(profile: Profile): SelfDescription {
    return { info: describe(this.id, profile), bytes: sizeOf(profile) };
  }

  #isMate({ id, receiver }: PresentPeer): boolean {
    if (receiver instanceof SimplePeer) return receiver.room === this.room;
    const { hub, realm } = this.#server;
    return hub.member(realm, this.room, id) !== undefined;
  }

  #take(signal: Signal): void {
    const sender = peerOf(this.#server, signal.peer_id);
    const speaker = (sender && sender.#instances[signal.peer_instance]?.speaker) ?? GONE;
    for (const target of targetsOf(this.#instances, signal)) target.take(speaker, signal);
  }

  #addInstance(number: number, carrier: InstanceSession): Instance {
    const secret = this.#server.secrets.issue(this.room, this.id);
    const instance = new Instance(this, number, secret, carrier, this.#server);
    this.#instances = placed(this.#instances, number, instance);
    return instance;
  }

  #announce(profile: Profile, news: News): void | Promise<void> {
    const { peer } = this.#seat;
    if (peer === undefined) return;
    const step = this.#server.hub.describe(peer, this.#publicly(profile), news);
    return after(step, () => {
      this.#profile = profile;
    });
  }

  #others(): PeerSummary[] {
    const { peer } = this.#seat;
    if (peer === undefined) return [];
    const mates = this.#server.hub.others(peer, this.room);
    return this.#introduced === undefined ? mates : [...mates, ...this.#introduced.values()];
  }

  #tell(frames: readonly string[]): void {
    for (const instance of this.#instances) {
      const link = instance?.carrier?.link;
      if (link !== undefined) { for (const frame of frames) link.send(frame); }
    }
  }
}
