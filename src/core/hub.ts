import type { HubLimits } from "./limits.ts";
import { type Claim, Peer, tell } from "./peer.ts";
import { type RoomReport, Rooms } from "./rooms.ts";
import type { PeerHandle, PeerId, PeerSummary, Receiver, RoomId } from "./types.ts";

/** "abandoned": the connection ended while the claim was pending. */
export type ClaimOutcome = "admitted" | "taken" | "full" | "abandoned";

/** Asked before an id is given out, as a store or a cluster will be; false means taken elsewhere. */
export type Reserve = (claim: Claim) => Promise<boolean>;

const RELEASED = "Cannot act for a peer that was released";

class Realm {
  readonly peers = new Map<PeerId, Peer>();
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
  readonly #maxPeers: number;
  readonly #rooms: Rooms;
  readonly #reserve: Reserve | undefined;
  readonly #realms = new Map<string, Realm>();
  /** Nobody is told of departures any more: see `silence`. */
  isSilent = false;
  #peerCount = 0;

  constructor(limits: HubLimits, reserve?: Reserve) {
    this.#maxPeers = limits.maxPeers;
    this.#rooms = new Rooms(limits);
    this.#reserve = reserve;
  }

  get peerCount(): number {
    return this.#peerCount;
  }

  get roomCount(): number {
    return this.#rooms.count;
  }

  /** Asks for an id. "admitted" was told to the receiver, first of all events, when this resolves. */
  async claim(claim: Claim): Promise<ClaimOutcome> {
    const isFree = this.#reserve === undefined || await this.#reserve(claim);
    if (!claim.receiver.link.isOpen) return "abandoned";
    if (!isFree) return "taken";

    const realm = this.#realm(claim.realm);
    const holder = realm.peers.get(claim.id);
    if (holder !== undefined) return this.#takeOver(holder, claim);
    if (this.isFull(claim.realm, claim.dialect, claim.capacity)) return "full";

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
    this.#rooms.leaveAll(peer, !this.isSilent, news);
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

  /** Whether nobody new of this dialect can be admitted now. */
  isFull(realm: string, dialect: string, capacity = Infinity): boolean {
    const alike = this.#realm(realm).peersOfDialect.get(dialect) ?? 0;
    return alike >= capacity || this.#peerCount >= this.#maxPeers;
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
    return this.#rooms.join(this.#own(handle), id, maxMembers);
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
    return this.#rooms.describe(this.#own(handle), info, bytes, news);
  }

  /** The rooms of a realm, for operators. */
  rooms(realm: string): RoomReport[] {
    return this.#rooms.reports(realm);
  }

  /** A member of a room, for operators. */
  member(realm: string, room: RoomId, id: PeerId): PeerHandle | undefined {
    const peer = this.#realm(realm).peers.get(id);
    return peer !== undefined && this.#rooms.isIn(room, peer) ? peer : undefined;
  }

  /** Tells every member that the room ends; their sessions hang up. False where there is none. */
  stopRoom(realm: string, id: RoomId): boolean {
    return this.#rooms.stop(realm, id);
  }

  /** The other members of a room that the peer is in, in joining order. */
  others(handle: PeerHandle, id: RoomId): PeerSummary[] {
    return this.#rooms.others(handle, id);
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
   * is not in it). The payload is the dialect's own; a peer of another dialect cannot read it. Who
   * is being hung up on is gone already: nothing would reach it, and the sender would not know.
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
    if (peer === undefined || peer.isReleased || !peer.receiver.link.isOpen) return "unknown";
    if (room !== undefined && !this.#rooms.isIn(room, peer)) return "elsewhere";
    if (peer.dialect !== from.dialect) return "untranslatable";
    tell(peer, { type: "relay", from: from.id, room, payload });
    return "sent";
  }

  /** Tells whoever holds `to` now that what it said to `peer` was not delivered. */
  reportUndelivered(realm: string, to: PeerId, peer: PeerId): boolean {
    const sender = this.#realm(realm).peers.get(to);
    if (sender !== undefined) tell(sender, { type: "undelivered", peer });
    return sender !== undefined;
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
