import {
  type Actor,
  type Fence,
  guestsOf,
  type PeerKey,
  type RoomKey,
  type SharedDescription,
  type SharedPeer,
} from "./backplane.ts";
import type { PeerHandle, PeerId, RoomId, RoomKind } from "../events.ts";
import { type Addressee, Ghost, type GhostHub, type RelayEvent } from "./ghost.ts";

/** The name of an id in maps. */
export function nameOf({ realm, id }: PeerKey): string {
  return `${realm}:${id}`;
}

/** The name of a room in maps. */
export function roomNameOf({ realm, kind, room }: RoomKey): string {
  return `${realm}:${kind}:${room}`;
}

/** A room of which this node has members. */
interface Known {
  /** Names of this node's members. */
  readonly own: Set<string>;
  readonly ghosts: Set<Ghost>;
  /** Peers of this node that are about to enter: they count on what is known of the room. */
  awaited: number;
}

/** The peers of other nodes that are known on this one: by a room, or by a pair. */
export class Ghosts {
  readonly #hub: GhostHub;
  readonly #ghosts = new Map<string, Ghost>();
  /** Those that are known by a pair. */
  readonly #paired = new Set<Ghost>();
  readonly #rooms = new Map<string, Known>();
  #changes = 0;

  constructor(hub: GhostHub) {
    this.#hub = hub;
  }

  /** Grows with every change of a ghost. */
  get changes(): number {
    return this.#changes;
  }

  find(key: PeerKey): Ghost | undefined {
    return this.#ghosts.get(nameOf(key));
  }

  /** Whether a peer of another node speaks the sender's dialect, and is in no pair with it. */
  isKin({ realm, id, dialect }: PeerHandle, to: PeerId): boolean {
    const ghost = this.find({ realm, id: to });
    return ghost?.dialect === dialect && !ghost.pairs.has(id);
  }

  hasRoom(name: string): boolean {
    return this.#rooms.has(name);
  }

  /**
   * A peer of this node asks to enter a room.
   * @returns a function for the time when it has its answer, and has entered where it could
   */
  awaits(room: string): () => void {
    const known = this.#room(room);
    known.awaited++;
    return () => {
      known.awaited--;
      this.#tidy(room);
    };
  }

  /** Knows a room for good, as if a peer of this node were always about to enter it. */
  follow(room: RoomKey): void {
    this.#room(roomNameOf(room)).awaited++;
  }

  /** A peer of this node enters a room. */
  entered(room: string, peer: string): void {
    this.#room(room).own.add(peer);
  }

  /** A peer of this node is gone: ghosts that only it knew go, too. */
  forget(peer: PeerKey, rooms: Iterable<string>): void {
    for (const ghost of [...this.#paired]) {
      const wasPaired = ghost.realm === peer.realm && ghost.pairs.delete(peer.id);
      if (wasPaired && ghost.pairs.size === 0) this.#paired.delete(ghost);
      if (wasPaired) this.#dropUnknown(ghost);
    }
    for (const room of rooms) {
      this.#rooms.get(room)?.own.delete(nameOf(peer));
      this.#tidy(room);
    }
  }

  /** Forgets a room that no peer of this node is in. */
  #tidy(room: string): void {
    const known = this.#rooms.get(room);
    if (known === undefined || known.own.size > 0 || known.awaited > 0) return;
    this.#rooms.delete(room);
    for (const ghost of known.ghosts) {
      ghost.rooms.delete(room);
      this.#dropUnknown(ghost);
    }
  }

  /**
   * Takes over who is in a room: first who left, then who joined, then who changed.
   * @param isMoving a member is about to come from another node
   * @param isOwn true for a peer of this node
   */
  listed(
    room: RoomKey,
    members: readonly SharedPeer[],
    isMoving: boolean,
    isOwn: (member: SharedPeer) => boolean,
  ): void {
    const { realm } = room;
    const name = roomNameOf(room);
    // The peer that was about to enter was refused meanwhile, or has left.
    if (!isMoving && !this.#rooms.has(name)) return;
    const { ghosts } = this.#room(name);
    const fences = new Map(members.map(({ id, fence }) => [id, fence]));
    for (const ghost of [...ghosts]) {
      const fence = fences.get(ghost.id);
      // A guest that is listed no more may still be here.
      if (room.kind === "guests" && fence === undefined) this.#unlist(ghost);
      else if (fence !== ghost.fence) this.drop(ghost);
    }
    for (const member of members) {
      if (isOwn(member)) continue;
      const before = this.find({ realm, id: member.id });
      this.#enter(room, member);
      if (before !== undefined) this.#update(before, member);
    }
  }

  /** A peer of another node enters a room, which the last member of this node may have left. */
  joined(room: RoomKey, member: SharedPeer): void {
    if (this.#rooms.has(roomNameOf(room))) this.#enter(room, member);
  }

  described({ realm, id }: PeerKey, fence: Fence, to: SharedDescription): void {
    const ghost = this.find({ realm, id });
    if (ghost?.fence === fence) this.#describe(ghost, to, to.news);
  }

  /** A peer of another node is no guest any more. */
  unlisted(key: PeerKey, fence: Fence): void {
    const ghost = this.find(key);
    if (ghost?.fence === fence) this.#unlist(ghost);
  }

  /** A peer of another node is gone. */
  left(key: PeerKey, fence: Fence, news: unknown): void {
    const ghost = this.find(key);
    if (ghost?.fence === fence) this.drop(ghost, news);
  }

  /** A peer of another node becomes the partner of one of this node; undefined if it is already. */
  pair(realm: string, peer: SharedPeer, partner: PeerId): PeerHandle | undefined {
    const ghost = this.#ghostOf(realm, peer);
    if (ghost.pairs.has(partner)) return undefined;
    ghost.pairs.add(partner);
    this.#paired.add(ghost);
    return ghost.handle;
  }

  /** A peer of this node stays known as one of another node. */
  adopt(
    { realm, id, fence }: Actor,
    handle: PeerHandle,
    node: string,
    rooms: Iterable<string>,
  ): Ghost {
    const { dialect } = handle;
    const nothing = { isExclusive: false, bytes: 0, info: null };
    const ghost = new Ghost(realm, { id, fence, dialect, node, ...nothing }, this.#hub);
    ghost.deliver({ type: "admitted", peer: handle });
    this.#changes++;
    this.#ghosts.set(nameOf(ghost), ghost);
    for (const room of rooms) {
      ghost.rooms.add(room);
      this.#room(room).ghosts.add(ghost);
    }
    return ghost;
  }

  /** A peer of another node is this node's from now on: returns its handle, and forgets it. */
  yield(key: Actor): PeerHandle | undefined {
    const ghost = this.find(key);
    if (ghost?.fence !== key.fence) return undefined;
    this.#changes++;
    this.#ghosts.delete(nameOf(ghost));
    this.#paired.delete(ghost);
    for (const room of ghost.rooms) this.#rooms.get(room)?.ghosts.delete(ghost);
    return ghost.handle;
  }

  /** A peer of another node and one of this node, in any order, know each other no longer by a pair. */
  part(realm: string, one: PeerId, other: PeerId): void {
    this.#part(realm, one, other);
    this.#part(realm, other, one);
  }

  #part(realm: string, id: PeerId, own: PeerId): void {
    const ghost = this.find({ realm, id });
    if (ghost === undefined || !ghost.pairs.delete(own) || ghost.pairs.size > 0) return;
    this.#paired.delete(ghost);
    this.#dropUnknown(ghost);
  }

  /** The ghosts that are known by a pair. */
  partners(): Iterable<Ghost> {
    return this.#paired;
  }

  /** Passes a message on by the engine, to a peer of any node. */
  pass(to: Addressee, message: RelayEvent): void {
    this.#hub.pass(to, message);
  }

  /** Whether peers of other nodes know a peer of this one. */
  know({ realm, id }: PeerKey, rooms: Iterable<string>): boolean {
    for (const room of rooms) if ((this.#rooms.get(room)?.ghosts.size ?? 0) > 0) return true;
    for (const ghost of this.#paired) {
      if (ghost.realm === realm && ghost.pairs.has(id)) return true;
    }
    return false;
  }

  /** A ghost leaves its rooms and pairs here, which learn of it. */
  drop(ghost: Ghost, news?: unknown): void {
    this.#changes++;
    this.#ghosts.delete(nameOf(ghost));
    this.#paired.delete(ghost);
    for (const room of ghost.rooms) this.#rooms.get(room)?.ghosts.delete(ghost);
    this.#hub.release(ghost.handle, ghost, news);
  }

  dropOf(key: PeerKey): void {
    const ghost = this.find(key);
    if (ghost !== undefined) this.drop(ghost);
  }

  clear(): void {
    for (const ghost of [...this.#ghosts.values()]) this.drop(ghost);
  }

  #dropUnknown(ghost: Ghost): void {
    if (ghost.rooms.size === 0 && ghost.pairs.size === 0) this.drop(ghost);
  }

  #list(room: RoomKey, guest: SharedPeer): void {
    const name = roomNameOf(room);
    const ghost = this.#ghostOf(room.realm, guest);
    if (ghost.rooms.has(name)) return;
    this.#changes++;
    ghost.rooms.add(name);
    this.#room(name).ghosts.add(ghost);
    this.#hub.showGuest(ghost.handle, true);
  }

  #unlist(ghost: Ghost): void {
    const name = roomNameOf(guestsOf(ghost.realm));
    if (!ghost.rooms.delete(name)) return;
    this.#changes++;
    this.#rooms.get(name)?.ghosts.delete(ghost);
    // The one that it is in a call with met it before.
    const [partner] = ghost.pairs;
    this.#hub.showGuest(ghost.handle, false, partner);
    this.#dropUnknown(ghost);
  }

  #enter({ realm, kind, room }: RoomKey, member: SharedPeer): void {
    if (kind === "guests") return this.#list({ realm, kind, room }, member);
    const name = roomNameOf({ realm, kind, room });
    const known = this.find({ realm, id: member.id });
    const request = { room, kind };
    const ghost = this.#ghostOf(realm, member, request);
    if (ghost.rooms.has(name)) return;
    ghost.rooms.add(name);
    this.#room(name).ghosts.add(ghost);
    if (ghost !== known) return;
    // A description before its entry was not sent to this node.
    this.#update(ghost, member);
    this.#hub.join(ghost.handle, request);
  }

  #update(ghost: Ghost, member: SharedPeer): void {
    const text = JSON.stringify(this.#hub.find(ghost.realm, ghost.id)?.info);
    if (text !== JSON.stringify(member.info)) this.#describe(ghost, member);
  }

  #describe(ghost: Ghost, { bytes, info }: SharedDescription, news?: unknown): void {
    this.#changes++;
    this.#hub.describe(ghost.handle, { bytes, info }, news);
  }

  /** The ghost of a peer, made where there is none yet; then it enters the room in the same step. */
  #ghostOf(
    realm: string,
    peer: SharedPeer,
    room?: { readonly room: RoomId; readonly kind: RoomKind },
  ): Ghost {
    const known = this.find({ realm, id: peer.id });
    if (known?.fence === peer.fence) return known;
    // The id has another holder now.
    if (known !== undefined) this.drop(known);
    const { id, dialect, isExclusive, bytes, info } = peer;
    const ghost = new Ghost(realm, peer, this.#hub);
    this.#changes++;
    this.#ghosts.set(nameOf(ghost), ghost);
    // A guest is shown by its list.
    const claim = { realm, id, dialect, receiver: ghost, isExclusive, isCallable: false };
    this.#hub.claim({ ...claim, description: { bytes, info }, ...(room && { room }) });
    return ghost;
  }

  #room(name: string): Known {
    let known = this.#rooms.get(name);
    if (known === undefined) {
      this.#rooms.set(name, known = { own: new Set(), ghosts: new Set(), awaited: 0 });
    }
    return known;
  }
}
