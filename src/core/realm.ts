import type { Claim, Peer, PresentPeer, RoomRequest } from "./peer.ts";
import type { PeerId, RoomId, RoomRefusal } from "./events.ts";
import type { Rooms } from "./rooms.ts";
import type { Receiver } from "./session.ts";

/**
 * Asked before an id is given out; false keeps it from the claimant.
 * @param isHeld a peer of the realm has the id now, and decides whether the claim takes it over
 */
export type Reserve = (claim: Claim, isHeld: boolean) => boolean | Promise<boolean>;

/** Asked before a peer of another dialect enters a room; false keeps it out. */
export type Admit = (room: RoomId, token: string | undefined) => boolean;

/** A dialect's limit of the members of a room. */
export type MaxMembers = (room: RoomId) => number;

/** Gets news of a realm's peers after the peers themselves. "busy": it can no longer be called. */
export type Watch = (event: "came" | "left" | "busy", peer: PresentPeer) => void;

/** A peer that enters a room, or is about to be admitted to one, and the size of its description. */
export type Entering = [
  peer: Pick<Peer, "realm" | "dialect">,
  request: RoomRequest,
  bytes: number,
  present?: Peer,
];

/** A space of ids and rooms: its peers, and who is asked or gets news in it. */
export class Realm {
  readonly peers = new Map<PeerId, Peer>();
  readonly peersOfDialect = new Map<string, number>();
  readonly reserves: Reserve[] = [];
  readonly watchers: Watch[] = [];
  readonly #admits: { readonly dialect: string; readonly admit: Admit }[] = [];
  readonly #limits: { readonly dialect: string; readonly maxMembers: MaxMembers }[] = [];

  /** Another receiver, of this node or another one, speaks for a peer. */
  carry(peer: Peer, receiver: Receiver): void {
    this.count(peer, -1);
    peer.carriedBy(receiver);
    this.count(peer, 1);
  }

  /** Counts a peer of this node; those of other nodes count there. */
  count({ dialect, receiver }: Peer, change: 1 | -1): void {
    if (receiver.isElsewhere) return;
    this.peersOfDialect.set(dialect, (this.peersOfDialect.get(dialect) ?? 0) + change);
  }

  /** Has `admit` asked about every room that a peer of another dialect enters. */
  guard(dialect: string, admit: Admit): void {
    this.#admits.push({ dialect, admit });
  }

  /** Has a dialect's limit of members count for peers of other dialects, too. */
  limit(dialect: string, maxMembers: MaxMembers): void {
    this.#limits.push({ dialect, maxMembers });
  }

  /** The smallest limit of members that dialects other than this one have for a room. */
  maxMembers(dialect: string, room: RoomId): number {
    const limits = this.#limits.filter((one) => one.dialect !== dialect);
    return Math.min(...limits.map(({ maxMembers }) => maxMembers(room)));
  }

  /** The reason why a peer cannot enter a room, by the rules of all dialects and the hub's limits. */
  objection(
    rooms: Pick<Rooms, "objection">,
    ...[{ realm, dialect }, request, bytes, peer]: Entering
  ): RoomRefusal | undefined {
    const { kind, room, token, maxMembers = Infinity } = request;
    if (kind === "list") return rooms.objection(realm, request, bytes, peer);
    if (!this.admits(dialect, room, token)) return "credentials_missing";
    const most = Math.min(maxMembers, this.maxMembers(dialect, room));
    return rooms.objection(realm, { room, maxMembers: most }, bytes, peer);
  }

  /** True if no dialect keeps the room behind tokens of its own. */
  isUnguarded(room: RoomId): boolean {
    return this.admits(undefined, room, undefined);
  }

  /** Whether every dialect but the peer's own, which has decided already, lets it into a room. */
  admits(dialect: string | undefined, room: RoomId, token: string | undefined): boolean {
    return this.#admits.every((one) => one.dialect === dialect || one.admit(room, token));
  }

  /** The ids that can be called outside of rooms, in order of registration. */
  directory(): PeerId[] {
    const listed = [...this.peers.values()].filter((peer) => peer.isCallable && !peer.isInRoom);
    return listed.map(({ id }) => id);
  }

  tell(event: Parameters<Watch>[0], peer: Peer): void {
    for (const watch of this.watchers) watch(event, peer);
  }
}

/** All realms; each begins when it is first named. */
export class Realms {
  readonly #realms = new Map<string, Realm>();

  of(name: string): Realm {
    let realm = this.#realms.get(name);
    if (realm === undefined) this.#realms.set(name, realm = new Realm());
    return realm;
  }

  all(): Realm[] {
    return [...this.#realms.values()];
  }
}

/** Asks one after the other, until one keeps the id. */
export async function askAll(
  first: boolean | Promise<boolean>,
  others: readonly Reserve[],
  claim: Claim,
  isHeld: boolean,
): Promise<boolean> {
  let isFree = await first;
  for (const reserve of others) isFree &&= await reserve(claim, isHeld);
  return isFree;
}
