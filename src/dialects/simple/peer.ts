import { SignalError } from "../../core/errors.ts";
import { type Expulsion, type LeaveReason, leaveReasonOf } from "../../core/expulsion.ts";
import type { PresentPeer } from "../../core/peer.ts";
import type { CallRole, Leg, Untaken } from "../../core/calls/signal.ts";
import type { PeerEvent, PeerId, PeerSummary, RoomId } from "../../core/events.ts";
import type { Link, Permits, Receiver } from "../../core/session.ts";
import {
  accepted,
  changed,
  effective,
  freeNumber,
  NO_PROFILE,
  placed,
  type Profile,
  type ProfileChange,
  type TokenInfo,
} from "./description.ts";
import { inCommon, mayCallInto } from "../kit/callers.ts";
import { Instance, type InstanceOwner, type InstanceSession, type Reason } from "./instance.ts";
import { after, type Place, Seat } from "../kit/seat.ts";
import { SimpleLeg } from "./leg.ts";
import { Outsiders } from "./outsiders.ts";
import { throwIfTold, untaken } from "./refusals.ts";
import { countTakeBack } from "./take_backs.ts";
import { isEqual } from "../../system/crypto.ts";
import { noteMate, returnSignal, sendSignal, settleSignal, takeSignal } from "./exchange.ts";
import { FarMates } from "./far_mates.ts";
import type { SentSignal, SignalFrame } from "./messages.ts";
import type { Settled } from "./settled.ts";
import { encodeNews, leaveNews } from "./news.ts";
import type { ToHome } from "./node_messages.ts";
import { Self } from "./self.ts";
import type { SimpleServer } from "./server.ts";
import { standingFields, withStanding } from "./standing.ts";
import { slotsOf } from "./targets.ts";

/** A connection's request to take an instance back. */
interface TakeBack extends ProfileChange {
  /** The last signal received. */
  readonly seq?: number | undefined;
  /** It is the same client, and not another one with the secret. */
  readonly isContinuation?: true;
}

/** The recovery of a new instance. */
const NOTHING_MISSED = { recovered: false, seq: 0, frames: [] } as const;

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
export class SimplePeer implements Receiver, InstanceOwner {
  readonly id: PeerId;
  readonly room: RoomId;
  readonly #server: SimpleServer;
  /** The instances by number; undefined for a free one. */
  slots: readonly (Instance | undefined)[] = [];
  readonly self: Self;
  info: TokenInfo = undefined;
  readonly seat: Seat;
  /** Made with the first signal of a peer of another node. */
  #far: FarMates | undefined = undefined;
  /** Made with the first call with a peer of another dialect. */
  #outsiders: Outsiders | undefined = undefined;

  constructor(id: PeerId, room: RoomId, server: SimpleServer) {
    this.id = id;
    this.room = room;
    this.#server = server;
    this.seat = new Seat(server, this);
    this.self = new Self(server, this);
  }

  /** The user of the first connection, and what the tokens of all have in common. */
  get permits(): Permits | undefined {
    return inCommon(this.instances.flatMap(({ carrier }) => carrier?.permits ?? []));
  }

  /** True from the admission to the end of the last instance. */
  get isHere(): boolean {
    return this.seat.peer !== undefined;
  }

  /** The speakers of kept signals that are not peers of this dialect and node. */
  get far(): FarMates {
    return this.#far ??= new FarMates();
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
    for (const instance of this.slots) instance?.carrier?.link.fail(error);
  }

  /** Claims the id and enters the room, with a first instance. */
  found(
    change: ProfileChange & { readonly token?: string | undefined },
    carrier: InstanceSession,
  ): void | Promise<void> {
    this.info = carrier.info;
    this.self.profile = withStanding(
      this.#server,
      this,
      accepted(changed(NO_PROFILE, 0, change, this.#server.limits)),
    );
    this.#addInstance(0, carrier);
    return this.#claim(change.token);
  }

  /** Continues with an earlier state of the peer; all instances are lost. */
  settle(profile: Profile, instances: readonly Instance[]): void {
    this.self.profile = profile;
    this.slots = slotsOf(instances);
  }

  /**
   * Claims the id and enters the room with instances of an earlier run, all of them lost. In vain if
   * the room is full or the id is in use.
   */
  revive(profile: Profile, instances: readonly Instance[]): void | Promise<void> {
    this.settle(profile, instances);
    return this.#claim();
  }

  /** Adds an instance. */
  add(change: ProfileChange, carrier: InstanceSession): void | Promise<void> {
    const { limits } = this.#server;
    this.inform(carrier.info);
    return this.self.inTurn(() => {
      const { profile: old } = this.self;
      const number = freeNumber(old);
      if (number >= limits.maxInstances) {
        throw new SignalError("instances_full", `more than ${limits.maxInstances} instances`);
      }
      const news = accepted(effective(old, number, change, limits) ?? {});
      const profile = accepted(changed(old, number, news, limits));
      const step = this.self.announce(profile, { type: "join", instance: number });
      return after(step, () => {
        if (!this.isHere) return;
        const instance = this.#addInstance(number, carrier);
        if (!carrier.link.isOpen) return this.remove(instance, "lost");
        carrier.welcome(instance, { others: this.#others(), ...NOTHING_MISSED });
      });
    });
  }

  /** Gives an instance, held or still connected, to another connection (§6). */
  takeBack(instance: Instance, request: TakeBack, carrier: InstanceSession): void | Promise<void> {
    const { clock, limits } = this.#server;
    this.inform(carrier.info);
    const takeBacks = countTakeBack(instance.takeBacks, clock, limits);
    return this.self.inTurn(() => {
      const news = effective(this.self.profile, instance.number, request, limits);
      const step = news === undefined ? undefined : this.#publish(instance, accepted(news));
      return after(step, () => {
        const isStill = this.slots[instance.number] === instance && this.isHere;
        if (!isStill || !carrier.link.isOpen) return;
        instance.takeBacks = takeBacks;
        if (request.isContinuation !== true) instance.holder++;
        const old = instance.carrier;
        instance.carrier = carrier;
        this.#server.held.delete(instance);
        old?.replaced();
        carrier.welcome(instance, { others: this.#others(), ...instance.log.resume(request.seq) });
      });
    });
  }

  publish(instance: Instance, change: ProfileChange): void | Promise<void> {
    return this.self.inTurn(() => {
      // It has moved while the change waited, and its client comes back to its new node.
      if (!this.isHere) throw untaken("unavailable");
      return this.#publish(instance, change);
    });
  }

  inform(info: TokenInfo): void {
    if (info === this.info) return;
    this.info = info;
    this.setFields(standingFields(this.#server, this));
  }

  /** Sets the server's fields of the peer, in place of the earlier ones, for an operator. */
  setFields(fields: Readonly<Record<string, unknown>>): ReturnType<Self["setFields"]> {
    return this.self.setFields({ ...this.info, ...fields });
  }

  /** Sends to one instance of a room-mate, or to all of them or none (§6). */
  signal(from: Instance, frame: SignalFrame, via: string): void {
    const mate = this.#server.hub.find(this.#server.realm, frame.peer_id);
    const isMate = mate !== undefined && this.#isMate(mate);
    if (mate === undefined || !isMate && this.#outsiders?.has(mate.id) !== true) {
      throw untaken("peer_unknown");
    }
    const signal: SentSignal = { peer_id: this.id, peer_instance: from.number, frame, via };
    sendSignal(this.#server, this, signal, mate, isMate);
  }

  /** A peer outside the room may call this one, unless a token is missing. */
  leg(other: PeerSummary, role: CallRole): Leg | Untaken {
    const { hub, realm } = this.#server;
    const isStranger = hub.member(realm, this.room, other.id) === undefined;
    const isCalled = role === "callee";
    if (isCalled && !mayCallInto(this.#server, this.room, other.id)) return "absent";
    this.#outsiders ??= new Outsiders(this, this.#server.dialect);
    const speaker = isStranger ? { isGone: false } : this.far.of(other.id, 0);
    return new SimpleLeg(this.#outsiders, other, speaker, isStranger);
  }

  /** The peer's own description, and the server's fields of it. */
  get profile(): Profile {
    return this.self.profile;
  }

  /** Instances that are connected or held. */
  get instances(): Instance[] {
    return this.slots.filter((instance) => instance !== undefined);
  }

  /** The instance with this number and secret; not a later one with the same number. */
  instance(number: number, secret: string): Instance | undefined {
    const instance = this.slots[number];
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
    if (this.slots[instance.number] !== instance || !this.isHere) return;
    this.slots = this.slots.with(instance.number, undefined);
    instance.end();
    held.delete(instance);
    if (instance.hadStream && reason !== "lost") {
      this.#server.departed.add(instance.secret);
      this.#server.nodes?.departed(instance.secret);
    }
    const isLast = this.slots.every((one) => one === undefined);
    if (isLast) return void this.seat.release(leaves, leaveNews(instance.number, [], reason));
    this.self.leave(instance.number, reason);
  }

  /** Another connection is about to take an instance, which waits for it without one. */
  pause(instance: Instance, ms: number): void {
    instance.carrier?.replaced();
    instance.carrier = undefined;
    instance.log.startQueueing();
    instance.heldUntilMs = this.#server.clock.now() + ms;
  }

  /** The peer is no longer this node's, and keeps nothing here. */
  depart(): void {
    this.seat.lose();
    for (const instance of this.instances) {
      this.#server.held.delete(instance);
      instance.log.clear();
    }
    this.slots = [];
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
        // Between peers of one dialect the payload is what `signal` or `#take` sent.
        return this.#receive(event.payload as SentSignal | Settled | ToHome, event.from);
      case "joined":
      case "left":
      case "described":
        if (this.#far !== undefined) noteMate(this.#server, this, event);
        return this.tell(this.#server.news.frames(event, this.#server.dialect, encodeNews));
      case "admitted":
        return this.seat.take(event.peer);
      case "entered": {
        const [founder] = this.slots;
        founder?.carrier?.welcome(founder, { others: event.members, ...NOTHING_MISSED });
        return;
      }
      case "refused":
        return throwIfTold(event.reason, this.slots[0]?.carrier !== undefined);
      case "stopped":
        return this.expel("kicked");
      case "undelivered":
        return returnSignal(this.#server, this, event);
      // Ids are never taken over, and the dialect makes no pairs.
      case "replaced":
      case "gone":
      case "paired":
      case "updated":
        return;
      default:
        event satisfies never;
    }
  }

  #claim(token?: string): void | Promise<void> {
    const { id, room } = this;
    const { maxMembers } = this.#server.limits;
    const description = this.self.publicly();
    return this.seat.claim({ id, description, room: { room, maxMembers, token } });
  }

  #publish({ number }: Instance, change: ProfileChange): void | Promise<void> {
    const { limits } = this.#server;
    const profile = accepted(changed(this.self.profile, number, change, limits));
    return this.self.announce(profile, { type: "change", instance: number, change });
  }

  #isMate({ id, receiver }: PresentPeer): boolean {
    if (receiver instanceof SimplePeer) return receiver.room === this.room;
    const { hub, realm } = this.#server;
    return hub.member(realm, this.room, id) !== undefined;
  }

  #receive(payload: SentSignal | Settled | ToHome, from: string): void {
    if ("op" in payload) this.#server.nodes?.received(this.id, from, payload);
    else if (!("frame" in payload)) settleSignal(this.#server, this, payload);
    else takeSignal(this.#server, this, payload, peerOf(this.#server, payload.peer_id));
  }

  sendAway(): void {
    const { instances } = this;
    this.depart();
    for (const { carrier } of instances) carrier?.lost();
  }

  #addInstance(number: number, carrier: InstanceSession): Instance {
    const secret = this.#server.secrets.issue(this.room, this.id);
    const instance = new Instance(this, number, secret, carrier, this.#server);
    this.slots = placed(this.slots, number, instance);
    return instance;
  }

  #others(): PeerSummary[] {
    const { peer } = this.seat;
    if (peer === undefined) return [];
    const mates = this.#server.hub.others(peer, this.room);
    return this.#outsiders === undefined ? mates : [...mates, ...this.#outsiders.list()];
  }

  /** Sends frames to all instances that are connected. */
  tell(frames: readonly string[]): void {
    for (const instance of this.slots) {
      const link = instance?.carrier?.link;
      if (link !== undefined) { for (const frame of frames) link.send(frame); }
    }
  }
}
