import { Buffer } from "node:buffer";
import type { Authenticator } from "../../auth/authenticator.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { SignalError } from "../../core/errors.ts";
import type { CallRole, Leg, Untaken } from "../../core/calls/signal.ts";
import type {
  PeerEvent,
  PeerHandle,
  PeerId,
  PeerSummary,
  Returned,
  RoomEvent,
  RoomId,
  Sent,
} from "../../core/events.ts";
import { type Expulsion, type LeaveReason, refusalOf } from "../../core/expulsion.ts";
import type { Departure, Frame, Link, Session } from "../../core/session.ts";
import type { EncodeOnce } from "../kit/encode_once.ts";
import { mayCallInto } from "../kit/callers.ts";
import type { JsonOnce } from "../kit/json_once.ts";
import { sendRefusal } from "../kit/refusal.ts";
import { after, type Place, Seat } from "../kit/seat.ts";
import type { Pass } from "../kit/pass.ts";
import { type IdHalf, newServerId } from "../kit/server_ids.ts";
import { type Acquaintance, SspLeg } from "./leg.ts";
import type { Pools } from "./pools.ts";
import {
  type ClientMessage,
  decode,
  descriptionIn,
  encodeJoined,
  encodeNews,
  encodeRelay,
  type Read,
  type Relayed,
  relayOf,
  type SessionDescription,
  type Version,
  versionOf,
} from "./messages.ts";
import { explained, UNSENT, UNTOLD, WIRE } from "./wire.ts";

/** The parts that all sessions of the dialect share. */
export interface SspServer extends Place {
  readonly news: EncodeOnce<Version>;
  readonly json: JsonOnce;
  readonly maxPoolLength: number;
  readonly maxDescriptionBytes: number;
  /** True if clients may describe themselves; else only the operator describes them. */
  readonly mayDescribe: boolean;
  readonly pools: Pools;
  readonly authenticator: Authenticator;
  /** How members' ids begin. */
  readonly idHalf: IdHalf;
}

/** The way in which a client connected. */
export interface Way {
  readonly version: Version;
  /** Reads the link's frames. */
  readonly read: Read;
  /** Undefined if no token is needed. */
  readonly pass: Pass | undefined;
  /** Shown by connecting: RTCPool's join has no room for it (§5). */
  readonly token?: string | undefined;
}

/** One member, or a client that has not joined a pool yet. */
export class SspSession implements Session {
  readonly link: Link;
  readonly #server: SspServer;
  readonly #pass: Pass | undefined;
  readonly #token: string | undefined;
  readonly #read: Read;
  #version: Version;
  readonly #seat: Seat;
  /** The pool it is in. */
  #pool: RoomId | undefined = undefined;
  /** Members of other dialects that it found in the pool: their offers go first. Made with the first. */
  #found: Set<PeerId> | undefined = undefined;

  constructor(link: Link, server: SspServer, { version, read, pass, token }: Way) {
    this.link = link;
    this.#server = server;
    this.#version = version;
    this.#read = read;
    this.#pass = pass;
    this.#token = token;
    this.#seat = new Seat(server, this);
  }

  get peerId(): PeerId | undefined {
    return this.#seat.peer?.id;
  }

  /** A client that was refused may try again (§5), within the same time limit. */
  get isIdentified(): boolean {
    return this.#seat.peer !== undefined && this.#pool !== undefined;
  }

  get permits(): Pass | undefined {
    return this.#pass;
  }

  get leaveReason(): LeaveReason | undefined {
    return this.#seat.leaveReason;
  }

  get links(): readonly Link[] {
    return [this.link];
  }

  /** The client speaks first. */
  opened(): void {}

  receive(frame: Frame): void | Promise<void> {
    const { peer } = this.#seat;
    const action = decode(frame, this.#version, this.isIdentified, this.#read);
    if (action === undefined) return;
    if (this.#version === "auto") this.#version = versionOf(action) ?? "auto";
    if (action.type === "join") return this.#join(action.pool);
    if (peer === undefined || this.#pool === undefined) return; // `decode` has refused it.
    return this.#act(peer, this.#pool, action);
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        // Between peers of one dialect the payload is what this class sent.
        return this.#tell(event.payload as Relayed, event.from);
      case "described":
        // Descriptions do not cross dialects.
        if (event.peer.dialect !== this.#server.dialect) return;
        return this.#announce(event);
      case "left":
        this.#found?.delete(event.peer.id);
        return this.#announce(event);
      case "joined":
        return this.#announce(event);
      case "admitted":
        return this.#seat.take(event.peer);
      case "entered":
        return this.#entered(event.room, event.self, event.members);
      case "refused":
        throw explained(event);
      case "stopped":
        return this.expel("kicked");
      // Ids are new for every join and in no pairs of the hub, and the dialect holds no messages.
      case "replaced":
        return this.link.close(1000);
      case "undelivered":
        return this.#undelivered(event.returned);
      case "gone":
      case "paired":
      case "updated":
        return;
      default:
        event satisfies never;
    }
  }

  /**
   * The other nodes could not be reached, or a client of another dialect there had no form for a message or
   * was busy. Members who have left are announced.
   */
  #undelivered(returned: Returned | undefined): void {
    if (returned === undefined) return;
    const outcome = returned.isUnavailable ? "unavailable" : returned.refusal;
    if (outcome === undefined) return;
    // Nothing but what `#hand` has sent.
    const relayed = returned.payload as Relayed;
    const words = wordsFor(relayed, outcome);
    if (words !== undefined) this.refuse(new SignalError(...words));
    else if (relayed.kind === "offer") this.refuse(unknownPeer());
  }

  /** Version 1 has no words for a rollback (§7). */
  understands({ kind }: Relayed): boolean {
    return kind !== "other" || this.#version !== "v1";
  }

  expel(reason: Expulsion): void {
    this.#seat.expelled(reason);
    this.refuse(refusalOf(reason));
  }

  refuse(error: SignalError): void {
    sendRefusal(this.link, WIRE[error.code], error);
  }

  wordFor(code: ErrorCode): string | undefined {
    return WIRE[code].word;
  }

  closed(departure: Departure): void {
    this.#seat.release(departure);
  }

  /** A peer outside the pool may call a member, unless a token is missing. */
  leg(other: PeerSummary, role: CallRole, _room: RoomId | undefined): Leg | Untaken {
    const { hub, realm } = this.#server;
    const pool = this.#pool;
    if (pool === undefined) return "absent";
    const isMate = (): boolean => hub.member(realm, pool, other.id) !== undefined;
    const isStranger = !isMate();
    const isCalled = role === "callee";
    if (isCalled && !mayCallInto(this.#server, pool, other.id)) return "absent";
    const acquaintance: Acquaintance = isStranger
      ? "stranger"
      : this.#found?.has(other.id)
      ? "newcomer"
      : "elder";
    return new SspLeg({
      isMate,
      write: (relayed) => this.#tell(relayed, other.id),
      announce: (type) => {
        // A member that is announced anew is the later one.
        this.#found?.delete(other.id);
        this.#sendAll(encodeNews({ type, room: pool, peer: other }, this.#version));
      },
    }, acquaintance);
  }

  /** Assigning the id, entering the pool and answering are one step (§4). */
  #join(wanted: unknown): void | Promise<void> {
    const pool = this.#readPool(wanted);
    const details = { pool };
    if (this.#seat.peer !== undefined) {
      throw new SignalError("already_joined", "Cannot join a second pool", details);
    }
    // Checked first, so that a client without a token does not learn which pools there are.
    const check = this.#pass?.present({ token: this.#token, room: pool }, details);
    return after(check, () => this.#enter(pool));
  }

  #enter(pool: RoomId): void | Promise<void> {
    if (!this.#server.pools.admits(pool)) {
      throw new SignalError("room_unknown", "There is no such pool", { pool });
    }
    const maxMembers = this.#server.pools.maxMembers(pool);
    const id = newServerId(this.#server.idHalf);
    const info = this.#pass?.info;
    const description = info && { description: { info, bytes: this.#sizeOf(info) } };
    return this.#seat.claim({
      id,
      room: { room: pool, maxMembers, token: this.#token },
      ...description,
    });
  }

  #entered(pool: RoomId, self: PeerSummary, peers: readonly PeerSummary[]): void {
    this.#pool = pool;
    const { pools, json, dialect } = this.#server;
    for (const peer of peers) {
      if (peer.dialect !== dialect) (this.#found ??= new Set()).add(peer.id);
    }
    const standing = pools.standing(pool);
    this.link.send(encodeJoined({ pool, self, peers, standing }, json));
  }

  #act(
    peer: PeerHandle,
    pool: RoomId,
    action: Exclude<ClientMessage, { type: "join" }>,
  ): void | Promise<void> {
    switch (action.type) {
      case "describe":
        return this.#describe(peer, action.description);
      case "sdp":
        return this.#relay(peer, pool, action.to, relayOf(action.description));
      // An answer or a candidate for a peer that has just left is not an error (§3, §5).
      case "answer":
        this.#send(peer, pool, action.to, { kind: "answer", description: action.answer });
        return;
      case "candidate":
        this.#send(peer, pool, action.to, { kind: "candidate", candidate: action.candidate });
        return;
      case "offers":
        return this.#offer(peer, pool, action.offers);
      default:
        action satisfies never;
    }
  }

  /** Skips unknown ids. An entry that is not an object causes one error; the others are sent (§7). */
  #offer(peer: PeerHandle, pool: RoomId, offers: ReadonlyMap<string, unknown>): void {
    let fault: unknown;
    for (const [to, offer] of offers) {
      if (to === peer.id) continue;
      try {
        this.#hand(peer, pool, to, { kind: "offer", description: descriptionIn(offer) });
      } catch (error) {
        fault ??= error;
      }
    }
    if (fault !== undefined) throw fault;
  }

  #relay(peer: PeerHandle, pool: RoomId, to: string, payload: Relayed): void {
    if (!this.#send(peer, pool, to, payload)) throw unknownPeer();
  }

  /** False if the pool has no such member. Clients cannot handle messages of themselves (§4). */
  #send(peer: PeerHandle, pool: RoomId, to: string, payload: Relayed): boolean {
    if (to === peer.id) throw unknownPeer();
    return this.#hand(peer, pool, to, payload);
  }

  #hand(peer: PeerHandle, pool: RoomId, to: string, payload: Relayed): boolean {
    const outcome = this.#server.hub.send(peer, to, payload, pool);
    const refusal = wordsFor(payload, outcome);
    if (refusal !== undefined) throw new SignalError(...refusal);
    return outcome === "sent";
  }

  #announce(event: RoomEvent): void {
    this.#sendAll(this.#server.news.frames(event, this.#version, encodeNews));
  }

  #describe(peer: PeerHandle, description: SessionDescription): void | Promise<void> {
    if (!this.#server.mayDescribe) {
      throw new SignalError("not_allowed", "Only the server sets descriptions here");
    }
    const { hub, maxDescriptionBytes } = this.#server;
    const granted = this.#pass?.info;
    const info = granted === undefined ? description : { ...description, ...granted };
    const bytes = this.#sizeOf(info);
    if (bytes > maxDescriptionBytes) {
      throw new SignalError("description_too_large", "The description is too large");
    }
    return hub.describe(peer, { info, bytes });
  }

  #sizeOf(description: SessionDescription): number {
    return Buffer.byteLength(this.#server.json.textOf(description));
  }

  /** Reads a pool's name; a finite number stands for its decimal text (§5). */
  #readPool(wanted: unknown): string {
    const pool = typeof wanted === "number" && Number.isFinite(wanted) ? String(wanted) : wanted;
    const details = typeof pool === "string" ? { pool } : {};
    if (pool === undefined || pool === null || pool === "") {
      throw new SignalError("room_missing", "Message does not name a pool", details);
    }
    if (typeof pool !== "string" || pool.length > this.#server.maxPoolLength) {
      throw new SignalError("room_invalid", "Pool is no text, or too long", details);
    }
    return pool;
  }

  #tell(relayed: Relayed, from: PeerId): void {
    this.#sendAll(encodeRelay(relayed, from, this.#version));
  }

  #sendAll(frames: readonly string[]): void {
    for (const frame of frames) this.link.send(frame);
  }
}

function wordsFor({ kind }: Pick<Relayed, "kind">, outcome: Sent): typeof UNSENT[Sent] {
  return kind === "other" ? UNTOLD[outcome] : UNSENT[outcome];
}

function unknownPeer(): SignalError {
  return new SignalError("peer_unknown", "No such peer in the pool");
}
