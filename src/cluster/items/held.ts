import {
  type Actor,
  guestsOf,
  NODE_DIALECT,
  NODES,
  type SharedClaim,
  type Sink,
} from "../../core/nodes/backplane.ts";
import { actorArgs, roomName, wantStep } from "../names.ts";
import { packBody, packName, packProof } from "../texts.ts";

/** How an id was reserved for its client; "": it was not. */
export type ReservationNote = "" | "kept" | "evicted" | "full" | "address";

/** An id of this node, as the engine has to know it again after it lost its data. */
interface Held {
  readonly realm: string;
  readonly id: string;
  readonly fence: string;
  readonly dialect: string;
  readonly proof: string;
  readonly exclusive: string;
  /** The newest claim's: several connections of this node may ask for one id at a time. */
  ticket: string;
  /** The reservation for its client; empty for none. */
  readonly reservation: string;
  bytes: string;
  info: string;
  /** Names of rooms with their kind. */
  readonly rooms: Set<string>;
  /** By the partner's id. */
  readonly pairs: Map<string, Part>;
  /** It moves to this node, and its state has not come. */
  isExpected?: boolean;
  /** Those that it parts from, until this node has learned that they are parted: fences by ids. */
  parting?: Map<string, string>;
}

/** A peer as the news of a pair name it; without a fence for any holder of the id. */
export interface Party {
  readonly id: string;
  readonly fence: string;
}

/** The part that a peer of this node has in a pair. */
export interface Part {
  /** The partner's. */
  readonly fence: string;
  readonly role: "caller" | "callee" | "met";
  /** The caller's permits, as items carry them. */
  readonly permits: string;
}

/** No other node has this address: its fence tells nothing. */
const NODE_FENCE = "1";

/** Everything that this node holds in the engine. Names are those of the engine. */
export class Registry {
  readonly #held = new Map<string, Held>();
  /** Those that have a partner. */
  readonly #paired = new Set<Held>();
  /** Rooms that this node follows, by realm and name. */
  readonly #followed = new Map<string, readonly [realm: string, room: string]>();
  /** No peer moves to this node any more. */
  isShunned = false;

  add(claim: SharedClaim, fence: string, ticket: string, note: ReservationNote): void {
    const { realm, id, dialect, proof, isExclusive, bytes, info } = claim;
    const name = packName(id);
    const known = this.#held.get(`${realm}:${name}`);
    // Another connection of this node took the id over: the engine changed nothing.
    if (known?.fence === fence) return void (known.ticket = ticket);
    this.#hold({
      realm,
      id: name,
      fence,
      ticket,
      dialect,
      proof: packProof(proof),
      exclusive: isExclusive ? "1" : "0",
      reservation: note === "kept" || note === "evicted" ? reservationOf(claim) : "",
      bytes: String(bytes),
      info: packBody(info),
    }, []);
  }

  /** A process holds its own address, to which other nodes send. */
  addNode(process: string): void {
    const nothing = {
      dialect: NODE_DIALECT,
      ticket: "",
      reservation: "",
      proof: "-",
      exclusive: "0",
      bytes: "0",
      info: packBody(null),
    };
    this.#hold({ ...nothing, realm: NODES, id: process, fence: NODE_FENCE }, []);
  }

  /** A peer of another node is this node's from now on. @param peer as items carry it */
  adopt(realm: string, peer: readonly string[], proof: string, rooms: readonly string[]): void {
    const [id = "", , fence = "", dialect = "", exclusive = "", bytes = "", info = ""] = peer;
    const none = { ticket: "", reservation: "" }; // peers with reserved ids do not move
    const held = { realm, id, fence, dialect, proof, exclusive, bytes, info, ...none };
    this.#hold({ ...held, isExpected: true }, rooms);
  }

  /** The state of such a peer has come. */
  settled(realm: string, id: string, fence: string): void {
    delete this.find(realm, id, fence)?.isExpected;
  }

  /** Undefined if the id is held no more, or again. */
  find(realm: string, id: string, fence: string): Held | undefined {
    const held = this.#held.get(`${realm}:${id}`);
    return held?.fence === fence ? held : undefined;
  }

  /** The ticket of an id's newest claim; undefined if this node does not hold it. */
  ticketOf(realm: string, id: string): string | undefined {
    return this.#held.get(`${realm}:${id}`)?.ticket;
  }

  /** @returns the ticket of the newest claim; "" if the id is held no more, or again */
  remove(realm: string, id: string, fence: string): string {
    const held = this.find(realm, id, fence);
    if (held === undefined) return "";
    this.#held.delete(`${realm}:${id}`);
    this.#paired.delete(held);
    return held.ticket;
  }

  entered(realm: string, id: string, fence: string, room: string): void {
    this.find(realm, id, fence)?.rooms.add(room);
  }

  /** A peer is a guest of its realm from now on, or no longer. @returns the step for the engine */
  listed(realm: string, id: string, fence: string, isGuest: boolean): readonly string[] {
    const rooms = this.find(realm, id, fence)?.rooms;
    const name = roomName(guestsOf(realm));
    if (isGuest) rooms?.add(name);
    else rooms?.delete(name);
    return ["I", realm, id, fence, isGuest ? "1" : "0"];
  }

  described(realm: string, id: string, fence: string, bytes: number, info: unknown): void {
    const held = this.find(realm, id, fence);
    if (held === undefined) return;
    held.bytes = String(bytes);
    held.info = packBody(info);
  }

  paired(realm: string, id: string, fence: string, other: string, part: Part): void {
    const held = this.find(realm, id, fence);
    if (held === undefined) return;
    held.pairs.set(other, part);
    this.#paired.add(held);
  }

  /** A peer of this node is about to part from another. @returns the step for the engine */
  parting(realm: string, id: string, fence: string, other: string): readonly string[] {
    const held = this.find(realm, id, fence);
    const otherFence = held?.pairs.get(other)?.fence ?? "";
    this.part(realm, { id, fence }, { id: other, fence: otherFence });
    if (held !== undefined) (held.parting ??= new Map()).set(other, otherFence);
    return ["U", realm, id, fence, other, otherFence];
  }

  /** Two peers know each other no longer. @returns false if that is about an earlier pair */
  part(realm: string, one: Party, other: Party): boolean {
    let isCurrent = true;
    for (const [{ id, fence }, partner] of [[one, other], [other, one]] as const) {
      const held = this.#held.get(`${realm}:${id}`);
      if (held === undefined) continue;
      const known = held.pairs.get(partner.id)?.fence;
      const isOfPair = isSame(held.fence, fence);
      if (isOfPair && isSame(held.parting?.get(partner.id), partner.fence)) {
        held.parting?.delete(partner.id);
      }
      if (isOfPair && isSame(known, partner.fence)) this.#unpair(held, partner.id);
      else isCurrent = false;
    }
    return isCurrent;
  }

  /** A peer of any node is gone. No peer here is its partner any more. */
  unpair(realm: string, { id, fence }: Party): void {
    for (const held of this.#paired) {
      const known = held.realm === realm ? held.pairs.get(id) : undefined;
      if (known !== undefined && isSame(known.fence, fence)) this.#unpair(held, id);
    }
  }

  #unpair(held: Held, partner: string): void {
    held.pairs.delete(partner);
    if (held.pairs.size === 0) this.#paired.delete(held);
  }

  #hold(held: Omit<Held, "rooms" | "pairs">, rooms: readonly string[]): void {
    const { realm, id } = held;
    this.#held.set(`${realm}:${id}`, { ...held, rooms: new Set(rooms), pairs: new Map() });
  }

  /** This node gets the news of a room for good. */
  follow(realm: string, room: string): void {
    this.#followed.set(`${realm}:${room}`, [realm, room]);
  }

  /** The steps that tell an engine everything again: ids first, then what needs them. */
  *steps(): Generator<readonly string[]> {
    if (this.isShunned) yield ["shun", ""];
    for (const room of this.#followed.values()) yield ["F", ...room];
    for (const held of this.#held.values()) {
      const { realm, id, fence, dialect, proof, exclusive, bytes, info } = held;
      const step = held.isExpected === true ? "expect" : "X";
      yield [step, realm, id, fence, dialect, proof, exclusive, bytes, info];
      if (held.reservation !== "") yield ["o", realm, id, fence, held.reservation];
    }
    for (const { realm, id, fence, rooms, pairs } of this.#held.values()) {
      for (const room of rooms) yield ["Y", realm, id, fence, room];
      for (const [other, part] of pairs) {
        yield ["V", realm, id, fence, other, part.fence, part.role];
      }
    }
  }

  /** The ids that an engine has of this node beyond that. @param names as it has them */
  *unknown(names: Iterable<string>): Generator<readonly [realm: string, id: string]> {
    for (const name of names) {
      const at = name.indexOf(":");
      if (!this.#held.has(name)) yield [name.slice(0, at), name.slice(at + 1)];
    }
  }

  /** The step for each pair with one of these peers of other nodes, once everybody is there again. */
  *pairSteps(partners: Iterable<Actor>): Generator<readonly string[]> {
    for (const { realm, id, fence, parting = [] } of this.#held.values()) {
      for (const [other, otherFence] of parting) yield ["U", realm, id, fence, other, otherFence];
    }
    const fences = new Map<string, string>();
    for (const partner of partners) {
      const [realm, id, fence] = actorArgs(partner);
      fences.set(`${realm}:${id}`, fence);
    }
    for (const { realm, id, fence, pairs } of this.#paired) {
      for (const [other, { role, permits, fence: otherFence }] of pairs) {
        if (role === "met") yield ["agree", realm, id, fence, other, otherFence];
        else if (fences.get(`${realm}:${other}`) === otherFence) {
          yield ["again", realm, id, fence, other, otherFence, role, permits];
        }
      }
    }
  }

  /** The rooms whose members this node knows, by realm and name. */
  rooms(): readonly (readonly [realm: string, room: string])[] {
    const known = new Map(this.#followed);
    for (const { realm, rooms } of this.#held.values()) {
      for (const room of rooms) known.set(`${realm}:${room}`, [realm, room]);
    }
    return [...known.values()];
  }
}

/** The steps that ask an engine for what it has of others, once all nodes have told it what they hold. */
export function questionsOf(registry: Registry, sink: Sink | undefined): (readonly string[])[] {
  const { partners = [], awaited = [] } = sink?.remembered() ?? {};
  const asked: (readonly string[])[] = [];
  for (const [realm, room] of registry.rooms()) asked.push(["L", realm, room]);
  for (const partner of partners) asked.push(["K", ...actorArgs(partner)]);
  for (const step of registry.pairSteps(partners)) asked.push(step);
  for (const one of awaited) asked.push(wantStep(one));
  return asked;
}

/** A client's reservation as the engine and stores write it. */
function reservationOf({ terms }: SharedClaim): string {
  return JSON.stringify({ digest: terms?.digest, lifetimeMs: terms?.lifetimeMs });
}

/** Whether two fences may be those of one peer. Items of earlier versions have none. */
function isSame(known: string | undefined, named: string): boolean {
  return known === undefined || known === "" || named === "" || known === named;
}
