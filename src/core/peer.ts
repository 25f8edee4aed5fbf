import type { PeerEvent, PeerHandle, PeerId, PeerSummary, RoomId, RoomKind } from "./events.ts";
import type { OpenCall } from "./calls/open_calls.ts";
import type { Receiver } from "./session.ts";

/** A request to enter a room. */
export interface RoomRequest {
  readonly room: RoomId;
  /** "room" by default. */
  readonly kind?: RoomKind;
  /** The room's own limit of members, besides the hub's. */
  readonly maxMembers?: number;
  /** The token that the client has shown, for the rooms of other dialects in its realm. */
  readonly token?: string | undefined;
}

/** A peer's description of itself. */
export interface SelfDescription {
  /** JSON; null for no description. */
  readonly info: unknown;
  /** Its size, which counts towards the room's limit. */
  readonly bytes: number;
  /** Whether others can call the peer from now on; undefined for no change. */
  readonly isCallable?: boolean;
}

/** A session's request for an id. */
export interface Claim {
  /** The space of ids and rooms in which `id` has to be free. */
  readonly realm: string;
  readonly id: PeerId;
  readonly dialect: string;
  readonly receiver: Receiver;
  /** Decides who takes an id over within a dialect: a client with the same proof, or the newest. */
  readonly policy?: "proof" | "newest";
  /** A secret that shows that two claims come from one client. */
  readonly proof?: string;
  /** The client's network address, for quotas of reserved ids. */
  readonly address?: string;
  /** Maximum of peers of this dialect in the realm; a take-over is not subject to it. */
  readonly capacity?: number;
  /** The peer is in one pair or one room at a time, and cannot be paired meanwhile. */
  readonly isExclusive?: boolean;
  /** The description with which the peer begins. A take-over keeps the old one. */
  readonly description?: SelfDescription;
  /** False for a peer that others cannot call before its description permits it. */
  readonly isCallable?: boolean;
  /**
   * A room to enter in the same step: if that is impossible, the claim is refused. A take-over keeps
   * the rooms that the peer is in.
   */
  readonly room?: RoomRequest;
}

/** A peer that is here, as its dialect's other sessions see it. It changes as the peer does. */
export interface PresentPeer extends PeerSummary {
  /** Named by its token. */
  readonly user: string | undefined;
  /** On the server's clock. */
  readonly joinedAt: number;
  /** False as soon as the peer has given its id up. */
  readonly isReleased: boolean;
  readonly rooms: ReadonlySet<OpenRoom> | undefined;
  readonly handle: PeerHandle;
  /** Holds the dialect's own state of the peer. */
  readonly receiver: Receiver;
  /** The peer is in one call or one room at a time. */
  readonly isExclusive: boolean;
  /** True for an exclusive peer that is in a pair or a room. */
  readonly isBusy: boolean;
  /** True if others can call it, in its room or, without one, by its id alone. */
  readonly isCallable: boolean;
  /** True if it is in a room that people meet in. */
  readonly isInRoom: boolean;
  readonly realm: string;
  summary(): PeerSummary;
}

/** A room with members, as operators see it. */
export interface OpenRoom {
  readonly id: RoomId;
  readonly kind: RoomKind;
  /** The dialect of its first member. */
  readonly dialect: string;
  readonly realm: string;
  /** On the server's clock. */
  readonly startedAt: number;
  /** Orders rooms by their start. */
  readonly serial: number;
  /** In joining order. */
  readonly members: ReadonlySet<PresentPeer>;
  /** Total size of the members' descriptions. */
  readonly infoBytes: number;
}

/** A handle of this hub's own: equal to any with the same data, but it needs no lookup. */
class OwnHandle implements PeerHandle {
  readonly realm: string;
  readonly id: PeerId;
  readonly dialect: string;
  readonly fence: number;
  /** Undefined from the release on: a relay then needs no look at the sender's peer. */
  #peer: Peer | undefined;

  constructor({ realm, id, dialect }: Claim, fence: number, peer: Peer) {
    this.realm = realm;
    this.id = id;
    this.dialect = dialect;
    this.fence = fence;
    this.#peer = peer;
  }

  static peerOf(handle: PeerHandle): Peer | undefined {
    return #peer in handle ? handle.#peer : undefined;
  }

  static release(handle: PeerHandle): void {
    if (#peer in handle) handle.#peer = undefined;
  }
}

/**
 * The peer of a handle that this process made; undefined for a copy, which has to be looked up, and
 * for a peer that was released.
 */
export const peerOf = OwnHandle.peerOf;

/** A claimed id. It outlives a connection only if another one takes the id over. */
export class Peer implements PresentPeer {
  readonly handle: PeerHandle;
  readonly joinedAt: number;
  receiver: Receiver;
  user: string | undefined;
  /** Belongs to the connection that claimed the id last; null for a peer that had none. */
  address: string | null = null;
  connection: string | null = null;
  proof: string | undefined;
  isExclusive: boolean;
  info: unknown;
  infoBytes: number;
  /** Created with the first entry, because most peers idle. */
  rooms: Set<Room> | undefined = undefined;
  /** The room that it entered last: mostly the only one. */
  newestRoom: Room | undefined = undefined;
  paired: Map<Peer, OpenCall | undefined> | undefined = undefined;
  isReleased = false;
  /** True from the begin of a call with a peer of another dialect that takes up the connection. */
  isEngaged = false;
  /** True if peers of other dialects can call it, and it may be shown in the lobby. */
  isCallable: boolean;

  constructor(claim: Claim, fence: number, joinedAt: number) {
    const { receiver, proof, isExclusive = false, isCallable = true, description } = claim;
    this.handle = new OwnHandle(claim, fence, this);
    this.joinedAt = joinedAt;
    this.receiver = receiver;
    this.proof = proof;
    this.isExclusive = isExclusive;
    this.carriedBy(receiver);
    this.isCallable = isCallable;
    this.info = description?.info ?? null;
    this.infoBytes = description?.bytes ?? 0;
  }

  /** The peer has given its id up. */
  release(): void {
    this.isReleased = true;
    OwnHandle.release(this.handle);
  }

  /** Another receiver speaks for the peer from now on. */
  carriedBy(receiver: Receiver): void {
    const { links: [link], permits } = receiver;
    this.receiver = receiver;
    this.user = permits?.user;
    this.address = link?.address ?? null;
    this.connection = link?.id ?? null;
  }

  get id(): PeerId {
    return this.handle.id;
  }

  get dialect(): string {
    return this.handle.dialect;
  }

  get realm(): string {
    return this.handle.realm;
  }

  get isInRoom(): boolean {
    for (const { kind } of this.rooms ?? []) if (kind === "room") return true;
    return false;
  }

  get isBusy(): boolean {
    return this.isExclusive && (this.isEngaged || hasAny(this.rooms) || hasAny(this.paired));
  }

  summary(): PeerSummary {
    return { id: this.id, dialect: this.dialect, info: this.info };
  }
}

/** Peers of one realm that get each other's news. */
export interface Room extends OpenRoom {
  readonly members: Set<Peer>;
  infoBytes: number;
}

/** Delivers one event. A fault in one peer's session concerns that peer alone. */
export function tell(peer: Pick<PresentPeer, "receiver">, event: PeerEvent): void {
  try {
    peer.receiver.deliver(event);
  } catch (error) {
    peer.receiver.link.fail(error);
  }
}

function hasAny(set: { readonly size: number } | undefined): boolean {
  return set !== undefined && set.size > 0;
}
