import type { Happenings } from "./happenings.ts";
import { inOrder } from "./in_order.ts";
import type { HubLimits } from "./limits.ts";
import type { Bridging } from "./calls/abroad.ts";
import { Lobby } from "./calls/lobby.ts";
import {
  type OpenRoom,
  type Peer,
  type Room,
  type RoomRequest,
  type SelfDescription,
  tell,
} from "./peer.ts";
import { reportRoomJoined, reportRoomLeft } from "./presence_news.ts";
import type {
  PeerEvent,
  PeerId,
  PeerSummary,
  RoomEvent,
  RoomId,
  RoomKind,
  RoomRefusal,
} from "./events.ts";

/** A room as an operator sees it. */
export interface RoomReport {
  readonly id: RoomId;
  /** In joining order. */
  readonly members: readonly PeerSummary[];
}

/** The rooms of one realm, by kind and name. */
type RealmRooms = Readonly<Record<RoomKind, Map<RoomId, Room>>>;

/** The hub's rooms, of all realms, and the parts of its steps that concern them. */
export class Rooms {
  readonly #limits: HubLimits;
  readonly #realms = new Map<string, RealmRooms>();
  readonly #lobby: Lobby;
  readonly #happenings: Happenings;
  /** Rooms in which people meet, by the dialect that began them. */
  readonly #countOfDialect = new Map<string, number>();
  readonly #moved: (peer: Peer) => void;
  #count = 0;
  #serial = 0;

  /** @param bridging with `moved`, which is called for each peer that can be called, or no longer */
  constructor(
    limits: HubLimits,
    happenings: Happenings,
    { lobby, moved = () => {} }: Pick<Bridging, "lobby" | "moved"> = {},
  ) {
    this.#limits = limits;
    this.#happenings = happenings;
    this.#lobby = new Lobby(lobby);
    this.#moved = moved;
  }

  /** Rooms of every kind. */
  get count(): number {
    return this.#count;
  }

  /**
   * Returns the reason why a peer cannot enter a room; undefined if it can, or is in it already.
   * @param peer undefined for one that is about to be admitted
   * @param bytes the size of its description
   */
  objection(
    realm: string,
    { room: id, kind, maxMembers = Infinity }: RoomRequest,
    bytes: number,
    peer?: Peer,
  ): RoomRefusal | undefined {
    const room = this.find(realm, id, kind);
    if (room === undefined) return this.#count >= this.#limits.maxRooms ? "rooms_full" : undefined;
    if (peer !== undefined && room.members.has(peer)) return undefined;
    const isFull = room.members.size >= Math.min(maxMembers, this.#limits.maxRoomMembers) ||
      room.infoBytes + bytes > this.#limits.maxRoomInfoBytes;
    return isFull ? "room_full" : undefined;
  }

  /** Takes in a peer against which there is no objection; harmless if it is inside already. */
  enter(peer: Peer, { room: id, kind = "room" }: RoomRequest): void {
    const room = this.find(peer.realm, id, kind) ?? this.#open(peer, id, kind);
    if (room.members.has(peer)) return;
    const isLobby = kind === "room" && this.#lobby.is(peer.realm, id);
    const earlier = [...room.members];
    room.members.add(peer);
    room.infoBytes += peer.infoBytes;
    (peer.rooms ??= new Set()).add(room);
    peer.newestRoom = room;
    reportRoomJoined(this.#happenings, room, peer);
    if (this.#lobby.has(peer)) this.updateLobby(peer);
    const seen = isLobby ? [...earlier, ...this.#lobby.guestsFor(peer)] : earlier;
    const members = seen.map((member) => member.summary());
    tell(peer, { type: "entered", room: room.id, ...kindOf(room), self: peer.summary(), members });
    const joined = roomEvent("joined", room, peer);
    for (const member of earlier) tell(member, joined);
  }

  /**
   * Shows a peer in the lobby, or takes it out again.
   * @param isHere false for a peer that has given its id up
   */
  updateLobby(peer: Peer, isHere = true): void {
    if (isHere) this.#moved(peer);
    const id = this.#lobby.roomFor(peer);
    if (id === undefined) return;
    const isGuest = isHere && peer.isCallable && !peer.isInRoom;
    if (isGuest === this.#lobby.has(peer)) return;
    if (isGuest) this.#lobby.add(peer);
    const room = this.find(peer.realm, id);
    if (room !== undefined) {
      const event = roomEvent(isGuest ? "joined" : "left", room, peer);
      for (const member of [...room.members]) {
        if (member !== peer && this.#lobby.shows(peer, member)) tell(member, event);
      }
    }
    if (!isGuest) this.#lobby.delete(peer);
  }

  /** Takes a guest of the lobby that is in a call out of the others' sight. */
  hideGuest(peer: Peer, partner: PeerId | undefined): void {
    this.#moved(peer);
    if (!this.#lobby.hide(peer, partner)) return;
    const id = this.#lobby.roomFor(peer);
    const room = id === undefined ? undefined : this.find(peer.realm, id);
    if (room === undefined) return;
    const left = roomEvent("left", room, peer);
    for (const member of [...room.members]) if (member.id !== partner) tell(member, left);
  }

  /**
   * A peer of another node can be called outside of rooms from now on, or no longer.
   * @param partner still sees one that is in a call
   */
  showGuest(peer: Peer, isCallable: boolean, partner: PeerId | undefined): void {
    peer.isCallable = isCallable;
    if (!isCallable && peer.isExclusive) this.hideGuest(peer, partner);
    else this.updateLobby(peer);
  }

  /** Takes a peer out of all its rooms; a room ends with its last member. */
  leaveAll(peer: Peer, isTold: boolean, news?: unknown): void {
    peer.newestRoom = undefined;
    for (const room of peer.rooms ?? []) {
      room.members.delete(peer);
      room.infoBytes -= peer.infoBytes;
      peer.rooms?.delete(room);
      reportRoomLeft(this.#happenings, room, peer);
      if (room.members.size === 0) {
        this.#realms.get(peer.realm)?.[room.kind].delete(room.id);
        this.#count--;
        this.#countPeoples(room, -1);
      } else if (isTold) {
        const left = roomEvent("left", room, peer, news);
        for (const member of [...room.members]) tell(member, left);
      }
    }
  }

  /** Replaces a peer's description; false, without a change, if a room's sum would be over its limit. */
  describe(peer: Peer, description: SelfDescription, news?: unknown): boolean {
    const { info, bytes, isCallable } = description;
    const change = bytes - peer.infoBytes;
    for (const room of peer.rooms ?? []) {
      if (change > 0 && room.infoBytes + change > this.#limits.maxRoomInfoBytes) return false;
    }
    peer.info = info;
    peer.infoBytes = bytes;
    for (const room of peer.rooms ?? []) {
      room.infoBytes += change;
      const described = roomEvent("described", room, peer, news);
      for (const member of [...room.members]) if (member !== peer) tell(member, described);
    }
    if (isCallable !== undefined) {
      peer.isCallable = isCallable;
      this.updateLobby(peer);
    }
    return true;
  }

  /** See `Hub.rooms`. */
  reports(realm: string): RoomReport[] {
    return [...this.#realms.get(realm)?.room.values() ?? []].map(({ id, members }) => ({
      id,
      members: [...members].map((member) => member.summary()),
    }));
  }

  /** See `Hub.stopRoom`. */
  stop(realm: string, id: RoomId): boolean {
    const room = this.find(realm, id);
    if (room === undefined) return false;
    const stopped: PeerEvent = { type: "stopped", room: id };
    for (const member of [...room.members]) tell(member, stopped);
    return true;
  }

  /** The members of a room as one of them sees them, in joining order. */
  *members(realm: string, id: RoomId, viewer: PeerId): Generator<Peer> {
    yield* this.find(realm, id)?.members ?? [];
    if (this.#lobby.is(realm, id)) yield* this.#lobby.guestsFor({ id: viewer });
  }

  /** Whether a peer is a member of a room, or a guest in it. */
  isIn(id: RoomId, peer: Peer): boolean {
    // Maps and sets are cold where thousands of peers take turns, and each relay asks.
    const { newestRoom } = peer;
    if (newestRoom?.id === id && newestRoom.kind === "room") return true;
    if (this.find(peer.realm, id)?.members.has(peer) === true) return true;
    return this.#lobby.is(peer.realm, id) && this.#lobby.has(peer);
  }

  find(realm: string, id: RoomId, kind: RoomKind = "room"): Room | undefined {
    return this.#realms.get(realm)?.[kind].get(id);
  }

  /** All rooms in which people meet, in order of their start. */
  all(): Generator<OpenRoom> {
    const rooms = [...this.#realms.values()].map(({ room }) => room.values());
    return inOrder<OpenRoom>(rooms, ({ serial }) => serial);
  }

  /** Rooms in which people meet, of one dialect or of all. */
  countOf(dialect?: string): number {
    if (dialect !== undefined) return this.#countOfDialect.get(dialect) ?? 0;
    return this.#countOfDialect.values().reduce((sum, count) => sum + count, 0);
  }

  #countPeoples({ kind, dialect }: Room, change: 1 | -1): void {
    if (kind === "list") return;
    this.#countOfDialect.set(dialect, (this.#countOfDialect.get(dialect) ?? 0) + change);
  }

  #open({ realm, dialect }: Peer, id: RoomId, kind: RoomKind): Room {
    let rooms = this.#realms.get(realm);
    if (rooms === undefined) {
      this.#realms.set(realm, rooms = { room: new Map(), list: new Map() });
    }
    const [startedAt, serial] = [this.#happenings.now(), ++this.#serial];
    const begun = { dialect, realm, startedAt, serial };
    const room: Room = { id, kind, ...begun, members: new Set(), infoBytes: 0 };
    rooms[kind].set(id, room);
    this.#count++;
    this.#countPeoples(room, 1);
    return room;
  }
}

function roomEvent(type: RoomEvent["type"], room: Room, peer: Peer, news?: unknown): RoomEvent {
  const event = { type, room: room.id, ...kindOf(room), peer: peer.summary() };
  return news === undefined ? event : { ...event, news };
}

const PEOPLES = {};
const LIST = { kind: "list" } as const;

function kindOf({ kind }: Room): { readonly kind?: "list" } {
  return kind === "list" ? LIST : PEOPLES;
}
