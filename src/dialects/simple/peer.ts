import type { Clock } from "../../core/clock.ts";
import { SignalError } from "../../core/errors.ts";
import type { Hub } from "../../core/hub.ts";
import type { StoredRooms } from "../../core/kept.ts";
import type { PeerEvent, PeerHandle, PeerId, Receiver, RoomId } from "../../core/types.ts";
import {
  type Change,
  changed,
  describe,
  difference,
  effective,
  freeNumber,
  NO_PROFILE,
  peerInstances,
  placed,
  type Profile,
  type ProfileLimits,
  sizeOf,
  without,
  withServerFields,
} from "./description.ts";
import type { Departed } from "./departed.ts";
import type { EncodeOnce } from "../kit/encode_once.ts";
import type { Held } from "./held.ts";
import { isObject } from "../kit/json.ts";
import type { JsonOnce } from "../kit/json_once.ts";
import {
  type Carrier,
  Instance,
  type InstanceContext,
  type InstanceOwner,
  type Reason,
} from "./instance.ts";
import { isEqual, type Secrets } from "./secrets.ts";
import type { Speaker } from "./kept_signals.ts";
import type { Tokens } from "../kit/tokens.ts";
import type { FrameLimits, Receipt, Signal, SignalFrame } from "./messages.ts";
import { encodeNews, type News } from "./news.ts";

/** Of what there is no more room. */
const FULL = {
  room_full: "the room holds no more peers, or not what this one says of itself",
  rooms_full: "the server holds no more rooms",
  peers_full: "the server holds no more peers",
} as const;

/** The dialect's bounds, each an option. */
export interface SimpleLimits extends ProfileLimits, FrameLimits {
  readonly maxMembers: number;
  readonly maxInstances: number;
  readonly maxRoomLength: number;
  /** Take-backs of one instance within the window. */
  readonly maxTakeBacks: number;
  readonly takeBackWindowMs: number;
}

/** What all sessions of the dialect share. */
export interface SimpleServer {
  readonly hub: Hub;
  readonly realm: string;
  readonly clock: Pick<Clock, "now">;
  readonly secrets: Secrets;
  readonly tokens: Tokens;
  /** A p_id needs no secret: for closed networks. */
  readonly trustIds: boolean;
  readonly limits: SimpleLimits & InstanceContext["limits"];
  readonly news: EncodeOnce<"simple">;
  readonly json: JsonOnce;
  /** Keeps what an operator says of peers. */
  readonly rooms: Pick<StoredRooms, "description" | "describe">;
  /** Who is behind an id. */
  readonly peers: Map<PeerId, SimplePeer>;
  /** Instances that are held for their clients to come back. */
  readonly held: Held;
  readonly total: InstanceContext["total"];
  readonly departed: Departed;
  /** How long a lost instance is held; 0 means not at all. */
  readonly resumeMs: number;
  readonly maxFrameBytes: number;
  readonly iceServers: readonly unknown[];
}

/** What a connection says that takes an instance back. */
interface TakeBack extends Change {
  /** The last signal received. */
  readonly seq?: number | undefined;
  /** The client itself, which goes on: not another one with its secret. */
  readonly isContinuation?: true;
}

/** A signal on its way between two peers. */
interface Delivery {
  readonly from: Readonly<Speaker>;
  readonly signal: Signal;
  readonly targets: readonly Instance[];
}

/**
 * An identity in a room, and the instances that speak for it. To the hub it is one peer, which is
 * there for as long as any of its instances is connected or held.
 */
export class SimplePeer implements Receiver, InstanceOwner {
  readonly id: PeerId;
  readonly room: RoomId;
  readonly #server: SimpleServer;
  #instances: readonly (Instance | undefined)[] = [];
  #profile: Profile = NO_PROFILE;
  #handle: PeerHandle | undefined = undefined;
  /** While the id is being asked for: without it, nobody needs the id. */
  #founder: Carrier | undefined;
  #refusal: "room_full" | "rooms_full" | undefined = undefined;

  /** @param founder the connection for which the id is claimed, where there is one */
  constructor(id: PeerId, room: RoomId, server: SimpleServer, founder?: Carrier) {
    this.id = id;
    this.room = room;
    this.#server = server;
    this.#founder = founder;
  }

  /** To the hub the peer is its own link: objects and functions for it would weigh on every peer. */
  get link(): Receiver["link"] {
    return this;
  }

  get isOpen(): boolean {
    return this.#founder === undefined || this.#founder.link.isOpen;
  }

  fail(error: unknown): void {
    for (const instance of this.#instances) instance?.carrier?.link.fail(error);
  }

  /** Claims the id and enters the room, with a first instance. False where the id is in use. */
  async found(change: Change, carrier: Carrier): Promise<boolean> {
    const { hub, realm } = this.#server;
    this.#profile = this.#described(changed(NO_PROFILE, 0, change, this.#server.limits));
    this.#addInstance(0, carrier);
    const { id } = this;
    const outcome = await hub.claim({ realm, id, dialect: "simple", receiver: this });
    const refusal = outcome === "full" ? "peers_full" : this.#refusal;
    if (refusal !== undefined) throw new SignalError(refusal, FULL[refusal]);
    return outcome !== "taken";
  }

  /**
   * Claims the id and enters the room with instances of an earlier run, all of them lost. False
   * where there is no room for it, or the id is in use.
   */
  async revive(profile: Profile, instances: readonly Instance[]): Promise<boolean> {
    const { hub, realm } = this.#server;
    this.#profile = profile;
    const all: (Instance | undefined)[] = [];
    for (const instance of instances) all[instance.number] = instance;
    this.#instances = all;
    const outcome = await hub.claim({ realm, id: this.id, dialect: "simple", receiver: this });
    return outcome === "admitted" && this.#refusal === undefined;
  }

  /** Adds an instance. */
  add(change: Change, carrier: Carrier): void {
    const { limits } = this.#server;
    const number = freeNumber(this.#profile);
    if (number >= limits.maxInstances) {
      throw new SignalError("instances_full", `more than ${limits.maxInstances} instances`);
    }
    const news = effective(this.#profile, number, change, limits) ?? {};
    const profile = changed(this.#profile, number, news, limits);
    this.#announce(profile, { type: "join", instance: number });
    const instance = this.#addInstance(number, carrier);
    carrier.welcome(instance, {
      others: this.#others(),
      recovered: false,
      seq: 0,
      frames: [],
    });
  }

  /** Gives an instance, lost or apparently connected, to another connection (§6). */
  takeBack(instance: Instance, request: TakeBack, carrier: Carrier): void {
    const takeBacks = this.#countTakeBack(instance);
    const news = effective(this.#profile, instance.number, request, this.#server.limits);
    if (news !== undefined) this.publish(instance, news);
    instance.takeBacks = takeBacks;
    if (request.isContinuation !== true) instance.holder++;
    const old = instance.carrier;
    instance.carrier = carrier;
    this.#server.held.delete(instance);
    old?.replaced();
    carrier.welcome(instance, { others: this.#others(), ...instance.log.resume(request.seq) });
  }

  publish({ number }: Instance, change: Change): void {
    const profile = changed(this.#profile, number, change, this.#server.limits);
    this.#announce(profile, { type: "change", instance: number, change });
  }

  /** Sets what the server says of the peer, in place of what it said before. */
  setFields(fields: Readonly<Record<string, unknown>>): void {
    const profile = withServerFields(this.#profile, fields, this.#server.limits);
    const peer = difference(this.#profile, profile);
    if (peer === undefined) return;
    // It is no instance's change; there is always one to name.
    const instance = profile.instances.findIndex((one) => one !== undefined);
    this.#announce(profile, { type: "change", instance, change: { peer } });
  }

  /** Sends to one instance of a peer in the room, or to all; nobody gets what one cannot (§6). */
  signal(from: Instance, frame: SignalFrame): Receipt {
    const receiver = this.#server.peers.get(frame.peer_id);
    const to = receiver?.room === this.room ? receiver.#handle : undefined;
    if (receiver === undefined || to === undefined || this.#handle === undefined) {
      throw new SignalError("peer_unknown", "no such peer in the room");
    }
    const targets = receiver.#targets(frame.peer_instance, from);
    if (targets.length === 0) {
      throw new SignalError("instance_unknown", "the peer has no such instance");
    }
    const signal: Signal = { peer_id: this.id, peer_instance: from.number, frame };
    let queued = 0;
    for (const target of targets) {
      if (target.isConnected) continue;
      if (!target.log.hasRoomFor(signal)) {
        throw new SignalError("queue_full", "too much waits for the peer, which is away");
      }
      queued++;
    }
    const delivery: Delivery = { from: from.speaker, signal, targets };
    this.#server.hub.send(this.#handle, to, delivery);
    return { delivered: targets.length - queued, queued };
  }

  /** What the peer says of itself, and the server of it. */
  get profile(): Profile {
    return this.#profile;
  }

  /** Instances that are connected or held. */
  get instances(): Instance[] {
    return this.#instances.filter((instance) => instance !== undefined);
  }

  /** The instance of that number whose secret it is; not one that has the number since. */
  instance(number: number, secret: string): Instance | undefined {
    const instance = this.#instances[number];
    return instance !== undefined && isEqual(instance.secret, secret) ? instance : undefined;
  }

  /** Keeps an instance for its client to come back, or not. */
  lose(instance: Instance): void {
    instance.carrier = undefined;
    instance.log.startQueueing();
    this.#server.held.add(instance, this.#server.clock.now());
  }

  remove(instance: Instance, reason: Reason): void {
    const { hub, peers, held } = this.#server;
    if (this.#instances[instance.number] !== instance || this.#handle === undefined) return;
    this.#instances = this.#instances.with(instance.number, undefined);
    instance.carrier = undefined;
    instance.speaker.isGone = true;
    instance.log.clear();
    held.delete(instance);
    if (instance.hadStream && reason !== "lost") this.#server.departed.add(instance.secret);
    const profile = without(this.#profile, instance.number);
    const instances = peerInstances(profile);
    const news: News = { type: "leave", instance: instance.number, instances, reason };
    if (instances.length > 0) return this.#announce(profile, news);
    peers.delete(this.id);
    hub.release(this.#handle, this, news);
    this.#handle = undefined;
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        // Between peers of one dialect the hub passes on what this class handed it.
        return this.#take(event.payload as Delivery);
      case "joined":
      case "left":
      case "described":
        return this.#tell(this.#server.news.frames(event, "simple", encodeNews));
      case "admitted":
        return this.#enter(event.peer);
      case "entered": {
        const [founder] = this.#instances;
        founder?.carrier?.welcome(founder, {
          others: event.members,
          recovered: false,
          seq: 0,
          frames: [],
        });
        return;
      }
      case "stopped":
        return this.#kick();
      // An id is its secret's alone, calls are the clients' own, and signals wait by instance.
      case "replaced":
      case "gone":
      case "paired":
      case "undelivered":
        return;
      default:
        event satisfies never;
    }
  }

  /** With what an operator has said of the peer before. */
  #described(profile: Profile): Profile {
    const { rooms, limits } = this.#server;
    const fields = rooms.description(this.room, this.id);
    if (!isObject(fields)) return profile;
    try {
      return withServerFields(profile, fields, limits);
    } catch (error) {
      // Too much beside what the client says: that it may join matters more.
      if (error instanceof SignalError) return profile;
      throw error;
    }
  }

  #take({ from, signal, targets }: Delivery): void {
    for (const target of targets) target.take(from, signal);
  }

  #enter(handle: PeerHandle): void {
    const { hub, peers, limits } = this.#server;
    hub.describe(handle, describe(this.id, this.#profile), sizeOf(this.#profile));
    this.#handle = handle;
    this.#founder = undefined;
    peers.set(this.id, this);
    const outcome = hub.join(handle, this.room, limits.maxMembers);
    if (outcome === "entered") return;
    this.#refusal = outcome;
    this.#handle = undefined;
    peers.delete(this.id);
    hub.release(handle, this);
  }

  #addInstance(number: number, carrier: Carrier): Instance {
    const secret = this.#server.secrets.issue(this.room, this.id);
    const instance = new Instance(this, number, secret, carrier, this.#server);
    this.#instances = placed(this.#instances, number, instance);
    return instance;
  }

  /** The sixth take-back within a while is two clients that fight for one instance (§6). */
  #countTakeBack({ takeBacks }: Instance): number[] {
    const { clock, limits: { maxTakeBacks, takeBackWindowMs } } = this.#server;
    const now = clock.now();
    const recent = takeBacks.filter((time) => time > now - takeBackWindowMs);
    const [oldest = now] = recent;
    if (recent.length >= maxTakeBacks) {
      const retry_ms = Math.ceil(oldest + takeBackWindowMs - now);
      throw new SignalError("rate_limited", "taken back too often", { retry_ms });
    }
    return [...recent, now];
  }

  #targets(number: number | undefined, sender: Instance): readonly Instance[] {
    const wanted = number === undefined ? this.#instances : [this.#instances[number]];
    const targets: Instance[] = [];
    for (const one of wanted) if (one !== undefined && one !== sender) targets.push(one);
    return targets;
  }

  #announce(profile: Profile, news: News): void {
    if (this.#handle === undefined) return;
    const info = describe(this.id, profile);
    const outcome = this.#server.hub.describe(this.#handle, info, sizeOf(profile), news);
    if (outcome === "too_large") {
      throw new SignalError("description_too_large", "the room's descriptions are too large");
    }
    this.#profile = profile;
  }

  #others(): ReturnType<SimpleServer["hub"]["others"]> {
    return this.#handle === undefined ? [] : this.#server.hub.others(this.#handle, this.room);
  }

  #kick(): void {
    for (const instance of [...this.#instances]) {
      if (instance === undefined) continue;
      const { carrier } = instance;
      this.remove(instance, "kicked");
      carrier?.kicked();
    }
  }

  #tell(frames: readonly string[]): void {
    for (const instance of this.#instances) {
      const link = instance?.carrier?.link;
      if (link !== undefined) { for (const frame of frames) link.send(frame); }
    }
  }
}
