import type { HubLimits } from "./limits.ts";
import type {
  PeerEvent,
  PeerHandle,
  PeerId,
  PeerSummary,
  Receiver,
  RoomEvent,
  RoomId,
} from "./types.ts";

/** What a session asks for when it wants an id. */
export interface Claim {
  /** The space of ids and rooms in which `id` has to be free. */
  readonly realm: string;
  readonly id: PeerId;
  readonly dialect: string;
  readonly receiver: Receiver;
  /** Who takes an id from a peer of the same dialect: who shows its proof, or whoever comes last. */
  readonly policy?: "proof" | "newest";
  /** A secret that shows that two claims come from one client. */
  readonly proof?: string;
  /** Peers of this dialect that the realm may hold; taking an id over is not subject to it. */
  readonly capacity?: number;
  /** The peer is in one pair or one room at a time, and cannot be paired while it is. */
  readonly isExclusive?: boolean;
}

/** "abandoned": the connection ended while the claim was pending. */
export type ClaimOutcome = "admitted" | "taken" | "full" | "abandoned";

/** Asked before an id is given out, as a store or a cluster will be; false means taken elsewhere. */
export type Reserve = (claim: Claim) => Promise<boolean>;

const RELEASED = "Cannot act for a peer that was released";

/** A claimed id. It outlives a connection only where another one takes the id over. */
class Peer implements PeerHandle {
  info: unknown = null;
  infoBytes = 0;
  /** Made when there is something to put in: most peers idle. */
  rooms: Set<Room> | undefined = undefined;
  paired: Set<Peer> | undefined = undefined;
  isReleased = false;

  /** @param claim the claim that holds now; replaced when another connection takes over */
  constructor(public claim: Claim) {}

  get receiver(): Receiver {
    return this.claim.receiver;
  }

  get id(): PeerId {
    return this.claim.id;
  }

  get dialect(): string {
    return this.claim.dialect;
  }

  get realm(): string {
    return this.claim.realm;
  }

  get isBusy(): boolean {
    return this.claim.isExclusive === true && (hasAny(this.rooms) || hasAny(this.paired));
  }

  summary(): PeerSummary {
    return { id: this.id, dialect: this.dialect, info: this.info };
  }
}

interface Room {
  readonly id: RoomId;
  /** In joining order. */
  readonly members: Set<Peer>;
  /** What `info` of all members takes. */
  infoBytes: number;
}

/** A room as an operator sees it. */
export interface RoomReport {
  readonly id: RoomId;
  /** In joining order. */
  readonly members: readonly PeerSummary[];
}

class Realm {
  readonly peers = new Map<PeerId, Peer>();
  readonly rooms = new Map<RoomId, Room>();
  readonly peersOfDialect = new Map<string, number>();

  count(dialect: string, change: 1 | -1): void {
    this.peersOfDialect.set(dialect, (this.peersOfDialect.get(dialect) ?? 0) + change);
  }
}

/**
 * Who is here, in which rooms, and the way from one peer to another: the only owner of that state.
 * It knows no wire format and does no I/O, and never assumes that the peers of a realm speak one
 * dialect. Every step is carried out at once and whole; what a session is told inside a step comes
 * before anything that the step makes possible.
 */
export class Hub {
  readonly #limits: HubLimits;
  readonly #reserve: Reserve | undefined;
  readonly #realms = new Map<string, Realm>();
  /** Nobody is told of departures any more: see `silence`. */
  isSilent = false;
  #peerCount = 0;
  #roomCount = 0;

  constructor(limits: HubLimits, reserve?: Reserve) {
    this.#limits = limits;
    this.#reserve = reserve;
  }

  get peerCount(): number {
    return this.#peerCount;
  }

  get roomCount(): number {
    return this.#roomCount;
  }

  /** Asks for an id. "admitted" was told to the receiver, first of all events, when this resolves. */
  async claim(claim: Claim): Promise<ClaimOutcome> {
    const isFree = this.#reserve === undefined || await this.#reserve(claim);
    if (!claim.receiver.link.isOpen) return "abandoned";
    if (!isFree) return "taken";

    const realm = this.#realm(claim.realm);
    const holder = realm.peers.get(claim.id);
    if (holder !== undefined) return this.#takeOver(holder, claim);
    const alike = realm.peersOfDialect.get(claim.dialect) ?? 0;
    if (alike >= (claim.capacity ?? Infinity) || this.#peerCount >= this.#limits.maxPeers) {
      return "full";
    }

    const peer = new Peer(claim);
    realm.peers.set(claim.id, peer);
    realm.count(claim.dialect, 1);
    this.#peerCount++;
    tell(peer, { type: "admitted", peer });
    return "admitted";
  }

  /**
   * Gives an id up: leaves its rooms, tells its pairs. Harmless when the id is given up already, or
   * when `receiver` no longer speaks for it.
   * @param news for the rooms, what the peer's dialect has to say about it
   */
  release(handle: PeerHandle, receiver: Receiver, news?: unknown): void {
    const realm = this.#realm(handle.realm);
    const peer = realm.peers.get(handle.id);
    if (peer === undefined || peer !== handle || peer.receiver !== receiver) return;
    realm.peers.delete(peer.id);
    peer.isReleased = true;
    realm.count(peer.dialect, -1);
    this.#peerCount--;
    for (const room of peer.rooms ?? []) this.#removeMember(realm, room, peer, news);
    const pairs = peer.paired;
    peer.paired = undefined;
    for (const other of pairs ?? []) {
      other.paired?.delete(peer);
      if (!this.isSilent) tell(other, { type: "gone", peer: peer.id });
    }
  }

  /**
   * From now on nobody is told of departures: the server ends, and a room that is told of one after
   * the other would take them for people hanging up.
   */
  silence(): void {
    this.isSilent = true;
  }

  has(realm: string, id: PeerId): boolean {
    return this.#realm(realm).peers.has(id);
  }

  /** Ids of one dialect's peers in a realm, in order of registration. */
  ids(realm: string, dialect: string): PeerId[] {
    const ids: PeerId[] = [];
    for (const peer of this.#realm(realm).peers.values()) {
      if (peer.dialect === dialect) ids.push(peer.id);
    }
    return ids;
  }

  /**
   * Takes a peer into a room, which begins with its first member and ends with its last. One step:
   * of any two members exactly one learns of the other by "entered" and the other by "joined".
   */
  join(
    handle: PeerHandle,
    id: RoomId,
    maxMembers = Infinity,
  ): "entered" | "room_full" | "rooms_full" {
    const peer = this.#own(handle);
    const realm = this.#realm(peer.realm);
    let room = realm.rooms.get(id);
    if (room?.members.has(peer)) return "entered";
    if (room === undefined) {
      if (this.#roomCount >= this.#limits.maxRooms) return "rooms_full";
      room = { id, members: new Set(), infoBytes: 0 };
      realm.rooms.set(id, room);
      this.#roomCount++;
    } else if (
      room.members.size >= Math.min(maxMembers, this.#limits.maxRoomMembers) ||
      room.infoBytes + peer.infoBytes > this.#limits.maxRoomInfoBytes
    ) {
      return "room_full";
    }
    const earlier = [...room.members];
    room.members.add(peer);
    room.infoBytes += peer.infoBytes;
    (peer.rooms ??= new Set()).add(room);
    tell(peer, { type: "entered", room: id, members: earlier.map((member) => member.summary()) });
    const joined = roomEvent("joined", room, peer);
    for (const member of earlier) tell(member, joined);
    return "entered";
  }

  /**
   * Replaces what a peer says of itself, and tells the other members of its rooms. "too_large": the
   * rooms' sum would be over its limit; nothing has changed.
   * @param bytes what `info` takes
   * @param news what has changed, in the words of the peer's dialect
   */
  describe(
    handle: PeerHandle,
    info: unknown,
    bytes: number,
    news?: unknown,
  ): "described" | "too_large" {
    const peer = this.#own(handle);
    const change = bytes - peer.infoBytes;
    for (const room of peer.rooms ?? []) {
      if (change > 0 && room.infoBytes + change > this.#limits.maxRoomInfoBytes) return "too_large";
    }
    peer.info = info;
    peer.infoBytes = bytes;
    for (const room of peer.rooms ?? []) {
      room.infoBytes += change;
      const described = roomEvent("described", room, peer, news);
      for (const member of [...room.members]) if (member !== peer) tell(member, described);
    }
    return "described";
  }

  /** The rooms of a realm, for operators. */
  rooms(realm: string): RoomReport[] {
    return [...this.#realm(realm).rooms.values()].map(({ id, members }) => ({
      id,
      members: [...members].map((member) => member.summary()),
    }));
  }

  /** A member of a room, for operators. */
  member(realm: string, room: RoomId, id: PeerId): PeerHandle | undefined {
    const peer = this.#realm(realm).peers.get(id);
    const isThere = peer !== undefined && this.#realm(realm).rooms.get(room)?.members.has(peer);
    return isThere ? peer : undefined;
  }

  /** Tells every member that the room ends; their sessions hang up. False where there is none. */
  stopRoom(realm: string, id: RoomId): boolean {
    const room = this.#realm(realm).rooms.get(id);
    if (room === undefined) return false;
    const stopped: PeerEvent = { type: "stopped", room: id };
    for (const member of [...room.members]) tell(member, stopped);
    return true;
  }

  /** The other members of a room that the peer is in, in joining order. */
  others(handle: PeerHandle, id: RoomId): PeerSummary[] {
    const others: PeerSummary[] = [];
    for (const member of this.#realm(handle.realm).rooms.get(id)?.members ?? []) {
      if (member !== handle) others.push(member.summary());
    }
    return others;
  }

  /** Puts two peers into a call: when one leaves, the other is told that it is gone. */
  pair(handle: PeerHandle, to: PeerId): "paired" | "unknown" | "busy" {
    const peer = this.#own(handle);
    const other = this.#realm(peer.realm).peers.get(to);
    if (other === undefined) return "unknown";
    if (other === peer || other.isBusy || peer.isBusy) return "busy";
    (peer.paired ??= new Set()).add(other);
    (other.paired ??= new Set()).add(peer);
    tell(peer, { type: "paired", peer: other, isCaller: true });
    tell(other, { type: "paired", peer, isCaller: false });
    return "paired";
  }

  /**
   * Hands a payload to another peer, in a room when one is named ("elsewhere": the peer exists, but
   * is not in it). The payload is the dialect's own; a peer of another dialect cannot read it.
   * @param to an id of the sender's realm or, quicker, a partner's handle
   */
  send(
    from: PeerHandle,
    to: PeerId | PeerHandle,
    payload: unknown,
    room?: RoomId,
  ): "sent" | "unknown" | "elsewhere" | "untranslatable" {
    if (from.isReleased) throw new RangeError(RELEASED);
    const peer = typeof to === "string" ? this.#realm(from.realm).peers.get(to) : to as Peer; // nobody else makes handles
    if (peer === undefined || peer.isReleased) return "unknown";
    if (room !== undefined && !this.#isIn(room, peer)) return "elsewhere";
    if (peer.dialect !== from.dialect) return "untranslatable";
    tell(peer, { type: "relay", from: from.id, room, payload });
    return "sent";
  }

  /** Tells whoever holds `to` now that what it said to `peer` was not delivered. */
  reportUndelivered(realm: string, to: PeerId, peer: PeerId): void {
    const sender = this.#realm(realm).peers.get(to);
    if (sender !== undefined) tell(sender, { type: "undelivered", peer });
  }

  #takeOver(holder: Peer, claim: Claim): ClaimOutcome {
    const isSameClient = claim.proof !== undefined && holder.claim.proof === claim.proof;
    const mayHave = claim.policy === "newest" || isSameClient;
    if (!mayHave || holder.dialect !== claim.dialect) return "taken";
    const old = holder.receiver;
    holder.claim = claim;
    try {
      // Who asks for what it has is told that it has it.
      if (old !== claim.receiver) old.deliver({ type: "replaced" });
    } catch (error) {
      old.link.fail(error);
    }
    tell(holder, { type: "admitted", peer: holder });
    return "admitted";
  }

  #removeMember(realm: Realm, room: Room, peer: Peer, news: unknown): void {
    room.members.delete(peer);
    room.infoBytes -= peer.infoBytes;
    peer.rooms?.delete(room);
    if (room.members.size === 0) {
      realm.rooms.delete(room.id);
      this.#roomCount--;
      return;
    }
    if (this.isSilent) return;
    const left = roomEvent("left", room, peer, news);
    for (const member of [...room.members]) tell(member, left);
  }

  #isIn(room: RoomId, peer: Peer): boolean {
    return this.#realm(peer.realm).rooms.get(room)?.members.has(peer) === true;
  }

  /** The hub's own record of a handle; a session that lost its id must not act for it. */
  #own(handle: PeerHandle): Peer {
    const peer = this.#realm(handle.realm).peers.get(handle.id);
    if (peer === undefined || peer !== handle) throw new RangeError(RELEASED);
    return peer;
  }

  #realm(name: string): Realm {
    let realm = this.#realms.get(name);
    if (realm === undefined) this.#realms.set(name, realm = new Realm());
    return realm;
  }
}

function roomEvent(type: RoomEvent["type"], room: Room, peer: Peer, news?: unknown): RoomEvent {
  const event = { type, room: room.id, peer: peer.summary() };
  return news === undefined ? event : { ...event, news };
}

/** Delivers one event; a fault in one peer's session is that peer's alone. */
function tell(peer: Peer, event: PeerEvent): void {
  try {
    peer.receiver.deliver(event);
  } catch (error) {
    peer.receiver.link.fail(error);
  }
}

function hasAny(set: Set<unknown> | undefined): boolean {
  return set !== undefined && set.size > 0;
}
