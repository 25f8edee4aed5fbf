import {
  type Actor,
  type Backplane,
  type Failed,
  type MoveAnswer,
  type MoveNews,
  NODE_DIALECT,
  NODES,
  type PeerKey,
  type RoomKey,
  type SharedMessage,
  type SharedPeer,
} from "./backplane.ts";
import type { HomePart, Homes } from "./elsewhere.ts";
import type { PeerHandle, PeerId } from "../events.ts";
import { type Ghosts, nameOf, roomNameOf } from "./ghosts.ts";
import { Newcomers } from "./newcomers.ts";
import type { OwnPeers } from "./own_peers.ts";
import type { Claim } from "../peer.ts";
import type { Receiver } from "../session.ts";
import type { SharedCalls } from "./shared_calls.ts";
import type { Own } from "./shared_steps.ts";

/** The topic of what parts tell those of all other nodes. */
export const PARTS = "part";

/** A peer on its way to this node: the engine names this node as its holder, its state follows. */
export interface Arrival {
  readonly actor: Actor;
  readonly peer: SharedPeer;
  readonly rooms: readonly RoomKey[];
}

interface Expected extends Arrival {
  /** In order, with their bytes; delivered once the peer is here. */
  readonly kept: (readonly [message: SharedMessage, bytes: number])[];
  /** Its rooms need not be known for its sake any longer. */
  readonly done: () => void;
}

/** The hub among whose peers some come and go. */
export interface MoveHub {
  readonly own: OwnPeers;
  readonly ghosts: Ghosts;
  /** Undefined where no dialects are bridged. */
  readonly calls: Pick<SharedCalls, "abandon" | "arrived" | "isCalling"> | undefined;
  /** Whether the peer of a handle is still here. */
  readonly is: (handle: PeerHandle) => boolean;
  /** Another receiver speaks for a peer. */
  readonly carry: (handle: PeerHandle, receiver: Receiver) => void;
  /** Admits a peer whose id is this node's already. */
  readonly admit: (claim: Claim) => void;
  /** A peer of this node is in a room. */
  readonly enter: (own: Own, room: RoomKey) => void;
  /** A peer is no longer this node's. */
  readonly forget: (own: Own) => void;
  readonly deliver: (message: SharedMessage) => boolean;
}

/** Peers that move from node to node, and messages between the dialects of two nodes. */
export class Moves implements Homes, MoveNews {
  readonly #backplane: Backplane;
  readonly #hub: MoveHub;
  readonly #parts = new Map<string, HomePart>();
  readonly #arriving = new Map<string, Expected>();
  readonly #newcomers: Newcomers;

  constructor(backplane: Backplane, hub: MoveHub) {
    this.#backplane = backplane;
    this.#newcomers = new Newcomers(backplane);
    this.#hub = hub;
  }

  get address(): string {
    return this.#backplane.address;
  }

  get waitMs(): number {
    return this.#backplane.waitMs;
  }

  attend(realm: string, part: HomePart): void {
    this.#parts.set(realm, part);
  }

  get spareBytes(): number {
    return this.#backplane.spareBytes;
  }

  send(
    realm: string,
    to: PeerId,
    payload: unknown,
    failed: (passed: Failed) => void,
    payer?: string,
  ): void {
    const { dialect } = this.#parts.get(realm) ?? { dialect: "" };
    this.#send({ realm, id: to, dialect }, payload, false, ifFailed(failed), payer);
  }

  sendNode(
    realm: string,
    address: string,
    payload: unknown,
    failed: (passed: Failed) => void,
  ): void {
    this.#send(nodeAt(address), [realm, payload], false, ifFailed(failed));
  }

  entrust(
    realm: string,
    address: string,
    payload: unknown,
    answer: (outcome: "taken" | Failed) => void,
  ): void {
    this.#send(nodeAt(address), [realm, payload], true, answer);
  }

  tell(realm: string, payload: unknown): void {
    this.#backplane.tell(PARTS, [realm, payload], true);
  }

  move(
    handle: PeerHandle,
    to: string | undefined,
    answer: (outcome: MoveAnswer) => void,
  ): void {
    const own = this.#hub.own.get(handle);
    if (own === undefined || !this.#hub.is(handle)) return answer({ refused: "stale" });
    this.#backplane.move(own.actor, to, (outcome) => {
      const isHere = this.#hub.own.get(handle) === own && this.#hub.is(handle);
      if ("to" in outcome && isHere) {
        this.#hub.calls?.abandon(own.actor);
        this.#give(own, handle, outcome.node);
      }
      // The new node waits for the state also of a peer that has left meanwhile.
      answer(isHere || "to" in outcome ? outcome : { refused: "stale" });
    });
  }

  isCalling(handle: PeerHandle): boolean {
    return this.#hub.calls?.isCalling(handle) === true;
  }

  shun(): Promise<void> {
    return new Promise((resolve) => this.#backplane.shun(resolve));
  }

  settle(realm: string, id: PeerId, receiver: Receiver): boolean {
    const arrival = this.#arriving.get(nameOf({ realm, id }));
    if (arrival === undefined) return false;
    this.#arriving.delete(nameOf({ realm, id }));
    this.#backplane.settled(arrival.actor);
    this.#take(arrival, receiver);
    this.#newcomers.add(arrival.actor);
    arrival.done();
    for (const message of this.#unkept(arrival)) {
      if (!this.#hub.deliver(message)) this.#parts.get(realm)?.untaken(message, "gone");
    }
    return true;
  }

  /** Whether a peer is on its way to this node. */
  isArriving(peer: Actor): boolean {
    return this.#arriving.get(nameOf(peer))?.actor.fence === peer.fence;
  }

  isNew(peer: PeerKey): boolean {
    return this.#newcomers.has(peer);
  }

  relay({ id: from }: PeerHandle, to: PeerHandle, payload: unknown): void {
    const { own, ghosts } = this.#hub;
    const { realm, id, dialect } = to;
    const fence = own.get(to)?.actor.fence;
    if (fence === undefined) return;
    this.#newcomers.sent(to);
    ghosts.pass({ realm, id, dialect, fence }, { type: "relay", from, room: undefined, payload });
  }

  abandon(realm: string, id: PeerId): void {
    const arrival = this.#arriving.get(nameOf({ realm, id }));
    if (arrival === undefined) return;
    this.#arriving.delete(nameOf({ realm, id }));
    this.#backplane.release(arrival.actor, undefined);
    this.#hub.ghosts.dropOf(arrival.actor);
    arrival.done();
    for (const message of this.#unkept(arrival)) this.#parts.get(realm)?.untaken(message, "gone");
  }

  /** Takes a message that is not for a peer that is here. @returns undefined for all others */
  deliver(message: SharedMessage): boolean | undefined {
    const { realm, id, from, payload, isCall } = message;
    if (realm === NODES) return this.#told(from, payload);
    if (this.#arriving.size === 0) return undefined;
    const arrival = this.#arriving.get(nameOf({ realm, id }));
    if (arrival === undefined) return undefined;
    // Its calls are over, and this node does not know who begins one.
    if (isCall === true) return false;
    const bytes = JSON.stringify(payload ?? null).length;
    if (this.#backplane.hold(bytes, nameOf(arrival.actor))) arrival.kept.push([message, bytes]);
    else this.#parts.get(realm)?.untaken(message, "full");
    return true;
  }

  /** Another node's part of a realm speaks to all others. */
  toldAll(body: unknown): void {
    this.#told("", body);
  }

  arriving(realm: string, peer: SharedPeer, rooms: readonly RoomKey[]): void {
    const { id, fence } = peer;
    const ends = rooms.map((room) => this.#hub.ghosts.awaits(roomNameOf(room)));
    // An engine that lost its data is asked for a move that is not over once more.
    const before = this.#arriving.get(nameOf({ realm, id }));
    this.#arriving.set(nameOf({ realm, id }), {
      actor: { realm, id, fence },
      peer,
      rooms,
      kept: before?.kept ?? [],
      done: () => ends.forEach((end) => end()),
    });
    before?.done();
    const part = this.#parts.get(realm);
    if (part === undefined) this.abandon(realm, id);
    else part.arriving(id);
  }

  nodeGone(address: string): void {
    for (const part of this.#parts.values()) part.nodeGone(address);
  }

  /** This node was taken for dead. */
  severed(): void {
    for (const { actor: { realm, id } } of [...this.#arriving.values()]) this.abandon(realm, id);
    for (const part of this.#parts.values()) part.severed();
  }

  /** A peer of this node moves away: it stays in its rooms, as one of another node. */
  #give(own: Own, handle: PeerHandle, node: string): void {
    const ghost = this.#hub.ghosts.adopt(own.actor, handle, node, own.rooms);
    this.#hub.carry(handle, ghost);
    this.#hub.forget(own);
  }

  /** A peer of another node is this node's now: its room-mates here notice nothing. */
  #take({ actor, peer, rooms }: Arrival, receiver: Receiver): void {
    const { own, ghosts, calls, enter, carry, admit } = this.#hub;
    const { dialect, bytes, info } = peer;
    // Peers of this node may have called it on its way.
    calls?.abandon(actor);
    const arrived: Own = { actor, dialect, fresh: undefined, rooms: new Set(), isGuest: false };
    own.add(arrived);
    for (const room of rooms) enter(arrived, room);
    const met = [...ghosts.find(actor)?.pairs ?? []];
    const handle = ghosts.yield(actor);
    if (handle !== undefined) {
      carry(handle, receiver);
      calls?.arrived(actor, met);
      return receiver.deliver({ type: "admitted", peer: handle });
    }
    const [room] = rooms;
    const description = { bytes, info };
    admit({ ...actor, dialect, receiver, description, ...(room && { room: { room: room.room } }) });
  }

  /** The messages that were kept for an arriving peer, which are no longer counted. */
  #unkept({ actor, kept }: Expected): SharedMessage[] {
    for (const [, bytes] of kept) this.#backplane.unhold(bytes, nameOf(actor));
    return kept.map(([message]) => message);
  }

  #send(
    to: PeerKey & { readonly dialect: string },
    payload: unknown,
    isConfirmed: boolean,
    answer: (outcome: "taken" | Failed) => void,
    payer?: string,
  ): void {
    const from = this.address;
    const message = { ...to, from, room: undefined, payload, fence: undefined, payer };
    // They hold the secrets by which clients come back.
    this.#backplane.send({ ...message, isPrivate: true }, isConfirmed, (passed) => {
      answer(passed === "foreign" ? "absent" : passed);
    });
  }

  #told(from: string, body: unknown): boolean {
    if (!Array.isArray(body)) return false;
    const [realm, payload]: unknown[] = body;
    return this.#parts.get(String(realm))?.told(from, payload) === true;
  }
}

/** A node, as the receiver of messages. */
function nodeAt(address: string): PeerKey & { readonly dialect: string } {
  return { realm: NODES, id: address, dialect: NODE_DIALECT };
}

function ifFailed(failed: (passed: Failed) => void): (outcome: "taken" | Failed) => void {
  return (outcome) => {
    if (outcome !== "taken") failed(outcome);
  };
}
