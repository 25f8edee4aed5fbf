import { type Bridging, type CallRoutes, sendAbroad, type Sent } from "./calls/abroad.ts";
import type { Elsewhere } from "./nodes/elsewhere.ts";
import { Exchange } from "./channels.ts";
import type { LeaveReason } from "./expulsion.ts";
import { Happenings } from "./happenings.ts";
import type { HubLimits } from "./limits.ts";
import {
  type Claim,
  Peer,
  peerOf,
  type PresentPeer,
  type RoomRequest,
  type SelfDescription,
  tell,
} from "./peer.ts";
import { OpenCalls } from "./calls/open_calls.ts";
import { Overview } from "./overview.ts";
import { pairUp, part } from "./pairs.ts";
import { reportPeerJoined, reportPeerLeft } from "./presence_news.ts";
import { askAll, type Entering, type Realm, Realms, type Reserve, type Watch } from "./realm.ts";
import { refuseClaim, refusePair } from "./refusals.ts";
import { type RoomReport, Rooms } from "./rooms.ts";
import { takeOver } from "./take_over.ts";
import type { PeerHandle, PeerId, PeerSummary, Refused, RoomId, RoomRefusal } from "./events.ts";
import type { Receiver } from "./session.ts";

export type { Reserve } from "./realm.ts";
export type { Sent } from "./calls/abroad.ts";

/**
 * The only owner of presence: the peers, their rooms and pairs, and the way from one to another. It
 * knows no wire format, does no I/O, and never assumes that the peers of a realm speak one dialect.
 *
 * A step (claim, join, describe, pair) is carried out at once and whole, or refused without a change.
 * Its answer is an event for the receiver. A returned promise means that the step has to wait for
 * somebody; it resolves when the answer was delivered. If the receiver throws at a refusal, so does
 * the step.
 */
export class Hub {
  /** Publish and subscribe, for dialects whose clients are no peers. */
  readonly channels: Exchange = new Exchange();
  /** The way to the peers of other nodes, if there are any. */
  readonly elsewhere: Elsewhere | undefined = undefined;
  /** The calls that operators see. */
  readonly openCalls: OpenCalls;
  /** Peers and rooms of all realms, for operators. */
  readonly overview: Overview;
  readonly #happenings: Happenings;
  readonly #maxPeers: number;
  readonly #rooms: Rooms;
  readonly #calls: CallRoutes | undefined;
  readonly #realms = new Realms();
  #isSilent = false;
  #peerCount = 0;
  #fences = 0;

  /**
   * @param bridging the way between dialects; without it there is none
   * @param happenings gets the news for operators
   */
  constructor(limits: HubLimits, bridging: Bridging = {}, happenings = new Happenings()) {
    this.#maxPeers = limits.maxPeers;
    this.#happenings = happenings;
    this.openCalls = new OpenCalls(happenings);
    this.#rooms = new Rooms(limits, happenings, bridging);
    this.overview = new Overview(this.#realms, this.#rooms);
    this.#calls = bridging.calls;
  }

  /** True if departures are no longer reported: see `silence`. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  get peerCount(): number {
    return this.#peerCount;
  }
  get roomCount(): number {
    return this.#rooms.count;
  }

  /** Has `reserve` asked about every id of a realm from now on. */
  reserve(realm: string, reserve: Reserve): void {
    this.#realm(realm).reserves.push(reserve);
  }

  /** The rules of a realm that its dialects have in common. */
  rulesOf(
    realm: string,
  ): Pick<Realm, "guard" | "limit" | "isUnguarded" | "admits" | "maxMembers"> {
    return this.#realm(realm);
  }

  /** Has `watch` get the news of a realm's peers. */
  watch(realm: string, watch: Watch): void {
    this.#realm(realm).watchers.push(watch);
  }

  /**
   * Claims an id and enters the room that the claim names. Answers: `admitted`, then `entered`; or
   * `refused`. A receiver whose link has closed meanwhile gets no answer.
   */
  claim(claim: Claim): void | Promise<void> {
    const realm = this.#realm(claim.realm);
    const { reserves: [reserve, ...others] } = realm;
    if (reserve === undefined) return this.#carryOut(realm, claim);
    const isHeld = realm.peers.has(claim.id);
    const objection = isHeld ? undefined : this.#objection(realm, claim);
    if (objection !== undefined) return refuseClaim(claim, objection);
    const isFree = reserve(claim, isHeld);
    if (typeof isFree !== "boolean" || others.length > 0) {
      const areFree = askAll(isFree, others, claim, isHeld);
      return this.#carryOutIf(areFree, realm, claim);
    }
    return isFree ? this.#carryOut(realm, claim) : refuseClaim(claim, "id_taken");
  }

  /**
   * Gives an id up: leaves its rooms, then tells its pairs. Harmless if the id is given up already, or
   * if `receiver` no longer speaks for it.
   * @param why for operators; `news` is for the rooms, in the words of the peer's dialect
   */
  release(handle: PeerHandle, receiver: Receiver, why: LeaveReason = "left", news?: unknown): void {
    const realm = this.#realm(handle.realm);
    const peer = this.#current(handle);
    if (peer === undefined || peer.receiver !== receiver) return;
    peer.release();
    realm.peers.delete(peer.id);
    realm.count(peer, -1);
    this.#peerCount--;
    this.#calls?.leave(peer, !this.#isSilent);
    this.#rooms.leaveAll(peer, !this.#isSilent, news);
    this.#rooms.updateLobby(peer, false);
    for (const other of part(peer, this.openCalls)) {
      if (!this.#isSilent) tell(other, { type: "gone", peer: peer.id });
    }
    realm.tell("left", peer);
    reportPeerLeft(this.#happenings, peer, this.#isSilent ? "draining" : why);
  }

  /**
   * Stops the announcement of departures. At the server's end they would look like people hanging up,
   * one after the other.
   */
  silence(): void {
    this.#isSilent = true;
  }

  /** The holder of an id, of any dialect. */
  find(realm: string, id: PeerId): PresentPeer | undefined {
    return this.#realm(realm).peers.get(id);
  }

  has(realm: string, id: PeerId): boolean {
    return this.#realm(realm).peers.has(id);
  }
  /** All peers of a realm, in order of registration. */
  peers(realm: string): Iterable<PresentPeer> {
    return this.#realm(realm).peers.values();
  }

  /** The ids that can be called outside of rooms, in order of registration. */
  directory(realm: string): PeerId[] {
    return this.#realm(realm).directory();
  }

  /**
   * Takes a peer into a room, which begins with its first member and ends with its last. Of any two
   * members exactly one learns of the other by `entered`, and the other by `joined`. Answers:
   * `entered`, none if the peer is inside already, or `refused`.
   * @param description replaces the peer's own in the same step
   */
  join(
    handle: PeerHandle,
    request: RoomRequest,
    description?: SelfDescription,
  ): void | Promise<void> {
    const peer = this.#own(handle);
    const { bytes } = description ?? { bytes: peer.infoBytes };
    const realm = this.#realm(peer.realm);
    const reason = this.#roomObjection(realm, peer, request, bytes, peer) ??
      (description && !this.#rooms.describe(peer, description) ? "room_full" : undefined);
    if (reason === undefined) {
      this.#rooms.enter(peer, request);
      this.#rooms.updateLobby(peer);
      return this.#noteBusy(peer);
    }
    peer.receiver.deliver({ type: "refused", step: "join", room: request.room, reason });
  }

  /**
   * Replaces a peer's description and tells the other members of its rooms. Answers: `updated`, or
   * `refused` if a room's descriptions would be over their limit.
   * @param news the change in the words of the peer's dialect
   */
  describe(handle: PeerHandle, description: SelfDescription, news?: unknown): void | Promise<void> {
    const peer = this.#own(handle);
    if (this.#rooms.describe(peer, description, news)) {
      return tell(peer, { type: "updated", info: description.info });
    }
    peer.receiver.deliver({
      type: "refused",
      step: "describe",
      reason: "description_too_large",
    });
  }

  /** The same for an operator, who gets the outcome; the peer gets `updated`. */
  describeMember(
    realm: string,
    room: RoomId,
    id: PeerId,
    description: SelfDescription,
    news?: unknown,
  ): "described" | "unknown" | "too_large" {
    const peer = this.#member(realm, room, id);
    if (peer === undefined) return "unknown";
    if (!this.#rooms.describe(peer, description, news)) return "too_large";
    tell(peer, { type: "updated", info: description.info });
    return "described";
  }

  /** The rooms of a realm in which people meet, for operators. */
  rooms(realm: string): RoomReport[] {
    return this.#rooms.reports(realm);
  }

  /** A member of a room; undefined for a peer that is elsewhere. */
  member(realm: string, room: RoomId, id: PeerId): PresentPeer | undefined {
    return this.#member(realm, room, id);
  }

  /** Tells every member that the room ends; their sessions hang up. False if there is no such room. */
  stopRoom(realm: string, id: RoomId): boolean {
    return this.#rooms.stop(realm, id);
  }

  /** The other members of a room that the peer is in, in joining order. */
  others(handle: PeerHandle, id: RoomId): PeerSummary[] {
    const members = [...this.#rooms.members(handle.realm, id, handle.id)];
    return members.filter(({ id }) => id !== handle.id).map((member) => member.summary());
  }

  /**
   * Puts two peers into a call: when one leaves, the other gets `gone`. Answers: `paired` for both, or
   * `refused`.
   */
  pair(handle: PeerHandle, to: PeerId): void | Promise<void> {
    const peer = this.#own(handle);
    const other = this.#realm(peer.realm).peers.get(to);
    if (other === undefined) return refusePair(peer, to, "peer_unknown");
    if (other === peer || other.isBusy || peer.isBusy) {
      return refusePair(peer, to, "peer_busy");
    }
    if (other.dialect !== peer.dialect && this.#calls !== undefined) {
      if (this.#calls.open(peer, other) !== "sent") return refusePair(peer, to, "peer_busy");
      this.engage(peer.handle, to);
      return tell(peer, { type: "paired", peer: other.handle, isCaller: true });
    }
    pairUp(peer, other, this.openCalls);
    tell(peer, { type: "paired", peer: other.handle, isCaller: true });
    tell(other, { type: "paired", peer: peer.handle, isCaller: false });
    for (const busy of [peer, other]) this.#noteBusy(busy);
  }

  /** A peer of another node can be called outside of rooms from now on, or no longer. */
  protected showGuest(handle: PeerHandle, isCallable: boolean, partner?: PeerId): void {
    const peer = this.#own(handle);
    if (peer.isCallable === isCallable) return;
    this.#rooms.showGuest(peer, isCallable, partner);
    this.#realm(peer.realm).tell(isCallable ? "came" : "busy", peer);
  }

  /** A call with a peer of another dialect takes an exclusive peer up for the rest of its stay. */
  engage(handle: PeerHandle, partner: PeerId): void {
    const peer = this.#own(handle);
    peer.isEngaged = true;
    this.#noteBusy(peer, partner);
  }

  /**
   * Delivers a payload of the sender's dialect to another peer, synchronously. "unknown" includes a
   * peer whose link is closing: nothing would reach it, and the sender would not know.
   * "untranslatable": the receiver's client has no words for the payload.
   * @param to an id of the sender's realm, or a handle, which a later holder of its id does not match
   * @param room if given, the receiver has to be in it
   */
  send(from: PeerHandle, to: PeerId | PeerHandle, payload: unknown, room?: RoomId): Sent {
    const sender = this.#own(from);
    const peer = typeof to === "string" ? this.#realm(from.realm).peers.get(to) : this.#current(to);
    if (peer === undefined || !peer.receiver.link.isOpen) return "unknown";
    this.channels.relays.count++;
    if (peer.dialect !== from.dialect) {
      const isInside = room === undefined || this.#rooms.isIn(room, peer);
      return sendAbroad(this.#calls, { from: sender, to: peer, payload, room, isInside });
    }
    if (room !== undefined && !this.#rooms.isIn(room, peer)) return "elsewhere";
    if (peer.receiver.understands?.(payload) === false) return "untranslatable";
    tell(peer, { type: "relay", from: from.id, room, payload });
    return "sent";
  }

  /** Another receiver, of this node or another one, speaks for a peer from now on. */
  protected carry(handle: PeerHandle, receiver: Receiver): void {
    this.#realm(handle.realm).carry(this.#own(handle), receiver);
  }

  /** Tells the holder of `to` that its messages for `peer` were not delivered; false without one. */
  reportUndelivered(realm: string, to: PeerId, peer: PeerId): boolean {
    const sender = this.#realm(realm).peers.get(to);
    if (sender !== undefined) tell(sender, { type: "undelivered", peer });
    return sender !== undefined;
  }

  async #carryOutIf(isFree: Promise<boolean>, realm: Realm, claim: Claim): Promise<void> {
    return await isFree ? this.#carryOut(realm, claim) : refuseClaim(claim, "id_taken");
  }

  /** Admits the claimant, if nothing has come in between. */
  #carryOut(realm: Realm, claim: Claim): void {
    const { receiver, room } = claim;
    if (!receiver.link.isOpen) return;
    const holder = realm.peers.get(claim.id);
    if (holder !== undefined) return takeOver(holder, claim);
    const objection = this.#objection(realm, claim);
    if (objection !== undefined) return refuseClaim(claim, objection);
    const peer = new Peer(claim, ++this.#fences, this.#happenings.now());
    realm.peers.set(claim.id, peer);
    realm.count(peer, 1);
    this.#peerCount++;
    reportPeerJoined(this.#happenings, peer);
    tell(peer, { type: "admitted", peer: peer.handle });
    if (room !== undefined) this.#rooms.enter(peer, room);
    this.#rooms.updateLobby(peer);
    realm.tell("came", peer);
  }

  /** The reason for which an id that is free cannot be given out. */
  #objection(
    realm: Realm,
    { realm: name, dialect, capacity = Infinity, room, description }: Claim,
  ): Extract<Refused, { step: "claim" }>["reason"] | undefined {
    const isFull = (realm.peersOfDialect.get(dialect) ?? 0) >= capacity ||
      this.#peerCount >= this.#maxPeers;
    if (isFull) return "peers_full";
    const claimant = { realm: name, dialect };
    return room && this.#roomObjection(realm, claimant, room, description?.bytes ?? 0);
  }

  /** A hub of one node among several checks this before it asks the others. */
  #roomObjection(realm: Realm, ...entering: Entering): RoomRefusal | undefined {
    return this.elsewhere === undefined ? realm.objection(this.#rooms, ...entering) : undefined;
  }

  #noteBusy(peer: Peer, partner?: PeerId): void {
    if (!peer.isBusy) return;
    this.#rooms.hideGuest(peer, partner);
    this.#realm(peer.realm).tell("busy", peer);
  }

  #member(realm: string, room: RoomId, id: PeerId): Peer | undefined {
    const peer = this.#realm(realm).peers.get(id);
    return peer !== undefined && this.#rooms.isIn(room, peer) ? peer : undefined;
  }

  /** The peer of a handle; undefined if it was released. */
  #current(handle: PeerHandle): Peer | undefined {
    const own = peerOf(handle);
    if (own !== undefined) return own;
    const peer = this.#realm(handle.realm).peers.get(handle.id);
    return peer?.handle.fence === handle.fence ? peer : undefined;
  }

  /** The peer of a handle. A session that lost its id must not act for it. */
  #own(handle: PeerHandle): Peer {
    const peer = this.#current(handle);
    if (peer === undefined) throw new RangeError("Cannot act for a peer that was released");
    return peer;
  }

  #realm(name: string): Realm {
    return this.#realms.of(name);
  }
}
