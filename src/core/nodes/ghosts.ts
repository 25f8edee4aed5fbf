import {
  type Fence,
  guestsOf,
  type PeerKey,
  type RoomKey,
  type SharedDescription,
  type SharedPeer,
} from "./backplane.ts";
import type { Expulsion } from "../expulsion.ts";
import type { PeerEvent, PeerHandle, PeerId, PeerSummary, RoomId, RoomKind } from "../events.ts";
import type { Claim, PresentPeer, RoomRequest, SelfDescription } from "../peer.ts";
import type { Permits, Receiver } from "../session.ts";
import type { CallRole, Leg, Untaken } from "../calls/signal.ts";

export type RelayEvent = Extract<PeerEvent, { type: "relay" }>;

/**
 * A peer of another node, in the place of a peer of this one: its rooms and pairs here see it like any
 * other. Messages for it leave this node.
 */
export class Ghost implements Receiver {
  /** It is open until its node reports that the peer is gone. */
  readonly link = { isOpen: true, fail: (): void => {} };
  readonly links = [];
  readonly isElsewhere = true;
  readonly node: string;
  readonly realm: string;
  readonly id: string;
  readonly fence: Fence;
  readonly dialect: string;
  /** Names of rooms of this node, and ids of peers of this node. */
  readonly rooms = new Set<string>();
  readonly pairs = new Set<string>();
  /** Ids of the peers of this node that it has called. */
  readonly called = new Set<PeerId>();
  readonly isExclusive: boolean;
  /** As of its last call to a peer of this node. */
  permits: Permits | undefined = undefined;
  readonly #hub: Pick<GhostHub, "pass" | "expel" | "leg">;
  #handle: PeerHandle | undefined;

  constructor(
    realm: string,
    { id, node, fence, dialect, isExclusive }: SharedPeer,
    hub: Pick<GhostHub, "pass" | "expel" | "leg">,
  ) {
    this.realm = realm;
    this.id = id;
    this.node = node;
    this.fence = fence;
    this.dialect = dialect;
    this.isExclusive = isExclusive;
    this.#hub = hub;
  }

  /** Its handle in this hub; throws before it was admitted. */
  get handle(): PeerHandle {
    if (this.#handle === undefined) {
      throw new RangeError("Cannot use a ghost before it is admitted");
    }
    return this.#handle;
  }

  deliver(event: PeerEvent): void {
    if (event.type === "relay") this.#hub.pass(this, event);
    else if (event.type === "admitted") this.#handle = event.peer;
  }

  expel(reason: Expulsion): void {
    this.#hub.expel(this, reason);
  }

  /** Stands for the leg on its client's node. */
  leg(other: PeerSummary, _role: CallRole, room: RoomId | undefined): Leg | Untaken {
    return this.#hub.leg(this, other.id, room);
  }
}

/** The name of an id in maps. */
export function nameOf({ realm, id }: PeerKey): string {
  return `${realm}:${id}`;
}

/** The name of a room in maps. */
export function roomNameOf({ realm, kind, room }: RoomKey): string {
  return `${realm}:${kind}:${room}`;
}

/** The hub in which ghosts stand, as on a single node. */
export interface GhostHub {
  readonly claim: (claim: Claim) => void;
  readonly join: (handle: PeerHandle, request: RoomRequest) => void;
  readonly describe: (handle: PeerHandle, to: SelfDescription, news?: unknown) => void;
  readonly release: (handle: PeerHandle, receiver: Receiver, news?: unknown) => void;
  readonly find: (realm: string, id: PeerId) => PresentPeer | undefined;
  /** Shows or hides a peer that can be called outside of rooms, or no longer. */
  readonly showGuest: (handle: PeerHandle, isCallable: boolean, partner?: PeerId) => void;
  /** Sends a message for a ghost on to its node. */
  readonly pass: (ghost: Ghost, message: RelayEvent) => void;
  /** The end of a call whose client is on the ghost's node, or why there is none. */
  readonly leg: (ghost: Ghost, other: PeerId, room: RoomId | undefined) => Leg | Untaken;
  /** Has its node end the stay of a ghost's client. */
  readonly expel: (ghost: Ghost, reason: Expulsion) => void;
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
   * @param isOwn true for a peer of this node
   */
  listed(
    room: RoomKey,
    members: readonly SharedPeer[],
    isOwn: (member: SharedPeer) => boolean,
  ): void {
    const { realm } = room;
    const ghosts = this.#rooms.get(roomNameOf(room))?.ghosts;
    // The peer that was about to enter was refused meanwhile, or has left.
    if (ghosts === undefined) return;
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
