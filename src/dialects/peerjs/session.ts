import { Buffer } from "node:buffer";
import type { Authenticator } from "../../auth/authenticator.ts";
import { SignalError } from "../../core/errors.ts";
import type { Reservations } from "../../core/kept.ts";
import type { PeerEvent, PeerHandle, PeerId, PeerSummary, Returned } from "../../core/events.ts";
import { type Expulsion, type LeaveReason, refusalOf } from "../../core/expulsion.ts";
import type { Departure, Frame, Link, Session } from "../../core/session.ts";
import { sendRefusal } from "../kit/refusal.ts";
import {
  type AttemptMessage,
  type ClientMessage,
  decode,
  encodeExpire,
  encodeRelay,
  OPEN,
  type RelayedMessage,
} from "./messages.ts";
import { ownProof, type Pass } from "../kit/pass.ts";
import { after, type Place, Seat } from "../kit/seat.ts";
import type { TakeOvers } from "../kit/take_overs.ts";
import { PeerJsLeg } from "./leg.ts";
import type { WaitingRoom } from "./waiting_room.ts";
import { WIRE } from "./wire.ts";

/** The parameters of the socket's URL (§2); empty if they are missing. */
export interface SocketParameters {
  readonly key: string;
  readonly id: string;
  readonly token: string;
}

/** The parts that all sessions of the dialect share. */
export interface PeerJsServer extends Place {
  readonly authenticator: Authenticator;
  readonly waitingRoom: WaitingRoom;
  readonly takeOvers: TakeOvers;
  readonly reservations: Pick<Reservations, "touch">;
  readonly key: string;
  readonly maxIdLength: number;
  readonly concurrentLimit: number;
  /** True if only ids that this server made are admitted. */
  readonly serverIdsOnly: boolean;
  /** True if this server made the id. */
  readonly isIssued: (id: string) => boolean;
}

/** One PeerJS client. */
export class PeerJsSession implements Session {
  readonly link: Link;
  readonly #server: PeerJsServer;
  readonly #credentials: SocketParameters;
  /** Undefined if no token is needed but the client's own. */
  readonly #pass: Pass | undefined;
  /** Empty before the admission, and after another connection took the id over. */
  readonly #seat: Seat;

  constructor(
    link: Link,
    credentials: SocketParameters,
    server: PeerJsServer,
    pass: Pass | undefined,
  ) {
    this.link = link;
    this.#pass = pass;
    this.#credentials = credentials;
    this.#server = server;
    this.#seat = new Seat(server, this);
  }

  get peerId(): PeerId | undefined {
    return this.#seat.peer?.id;
  }

  get isIdentified(): boolean {
    return this.#seat.peer !== undefined || this.#server.takeOvers.isWaiting(this);
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

  /** Checks the parameters in the original server's order (§4). */
  opened(): void | Promise<void> {
    const { id, token, key } = this.#credentials;
    if (id === "" || token === "" || key === "") {
      const words = "No id, token, or key supplied to websocket server";
      throw new SignalError("credentials_missing", words);
    }
    if (this.#pass !== undefined) return this.#openAsUser(this.#pass);
    if (key !== this.#server.key) {
      throw new SignalError("credentials_wrong", "Invalid key provided");
    }
    return this.#claim(ownProof(token));
  }

  receive(frame: Frame): void {
    const { peer } = this.#seat;
    if (peer === undefined) return;
    const message = decode(frame);
    if (message === "malformed") throw new SignalError("bad_frame", "Message is no JSON object");
    if (message === "ignored") throw new SignalError("action_unknown", "Message asks for nothing");
    this.#handle(peer, message, frame);
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        // Between peers of one dialect the payload is what this class sent.
        return this.#write(event.payload as RelayedMessage, event.from);
      case "admitted":
        return this.#admitted(event.peer);
      case "refused":
        throw new SignalError(event.reason);
      case "undelivered":
        return this.#undelivered(event.peer, event.returned);
      case "replaced":
        // The same client is back on a new path; this one is dead or soon will be (§9.2).
        this.#seat.lose();
        this.#server.takeOvers.happened(this.#credentials.id);
        return this.link.close(1000, "replaced by a newer connection");
      // Departures are silent: calls outlive the signalling connection (§6).
      case "gone":
      case "entered":
      case "paired":
      case "joined":
      case "left":
      case "described":
      case "stopped":
      case "updated":
        return;
      default:
        event satisfies never;
    }
  }

  /** The leg outlives this connection if the client comes back by another one. */
  leg({ id, dialect }: PeerSummary): PeerJsLeg {
    const { hub, realm } = this.#server;
    const own = this.#credentials.id;
    return new PeerJsLeg((message) => {
      const receiver = hub.find(realm, own)?.receiver;
      if (receiver instanceof PeerJsSession) receiver.#write(message, id);
    }, dialect);
  }

  expel(reason: Expulsion): void {
    this.#seat.expelled(reason);
    this.refuse(refusalOf(reason));
  }

  refuse(error: SignalError): void {
    sendRefusal(this.link, WIRE[error.code], error);
  }

  closed(departure: Departure): void {
    const peer = this.#seat.release(departure);
    if (peer !== undefined) this.#server.reservations.touch(peer.id);
  }

  /** The server's token is in the key's place, or where every client may show it. */
  #openAsUser(pass: Pass): void | Promise<void> {
    const { id, token, key } = this.#credentials;
    const own = key === this.#server.key ? undefined : key;
    const check = pass.present({ token: own, id, isIssuedId: () => this.#server.isIssued(id) });
    // A token that the server checked proves its user, and nothing where it names none; otherwise
    // `token` is the client's own proof, as without authentication.
    return after(check, () => {
      const isInToken = own === undefined && pass.shownToken === token;
      return this.#claim(isInToken ? pass.proof : ownProof(token));
    });
  }

  #claim(proof: string | undefined): void | Promise<void> {
    const { id } = this.#credentials;
    const { maxIdLength, serverIdsOnly, isIssued, concurrentLimit: capacity } = this.#server;
    if (id.length > maxIdLength) throw new SignalError("id_invalid");
    if (serverIdsOnly && !isIssued(id)) throw new SignalError("id_not_issued");
    const { address } = this.link;
    return this.#seat.claim({ id, capacity, address, ...(proof === undefined ? {} : { proof }) });
  }

  /** Held messages follow `OPEN` (§4); a resumed connection gets both (§9.1). */
  #admitted(peer: PeerHandle): void {
    this.#seat.take(peer);
    this.link.send(OPEN);
    for (const held of this.#server.waitingRoom.collect(peer.id)) {
      this.#write(held.message, held.from);
    }
    for (const absent of this.#server.waitingRoom.welcome(peer.id)) {
      this.link.send(encodeExpire(absent, peer.id));
    }
  }

  #handle(peer: PeerHandle, message: ClientMessage, frame: Frame): void {
    switch (message.type) {
      case "OFFER":
      case "ANSWER":
      case "CANDIDATE": {
        if (this.#mustWait(peer, message)) return this.#hold(peer, message, frame);
        const outcome = this.#server.hub.send(peer, message.dst, message);
        if (outcome === "unknown") this.#hold(peer, message, frame);
        else if (outcome !== "sent") this.#cannotTell(peer, message);
        return;
      }
      case "EXPIRE":
        this.#server.hub.send(peer, message.dst, message);
        return;
      case "LEAVE":
        if (message.dst) this.#server.hub.send(peer, message.dst, message);
        else this.#leave();
        return;
      case "HEARTBEAT":
        // Every frame is a sign of life; the transport does the rest (§9.5).
        return;
      default:
        message satisfies never;
    }
  }

  /** The client gives its id up; a socket without an id is of no use (§9.8). */
  #leave(): void {
    this.#seat.leaving("left");
    this.link.close(1000);
  }

  /**
   * An offer that the receiver's client cannot understand expires at once. An answer or a candidate is
   * dropped: PeerJS has no refusal for them, and its client takes EXPIRE for an unknown peer.
   */
  #cannotTell({ id: sender }: PeerHandle, { type, dst: absent }: AttemptMessage): void {
    if (type !== "OFFER") return;
    throw new SignalError("untranslatable", "The peer has no form for this message", {
      absent,
      sender,
    });
  }

  /** Holds a message for an absent id. An id that is too long can never appear: its message expires. */
  #hold(peer: PeerHandle, message: AttemptMessage, frame: Frame, firstNumber?: number): void {
    const { dst } = message;
    if (dst.length > this.#server.maxIdLength) return this.link.send(encodeExpire(dst, peer.id));
    const bytes = Buffer.byteLength(frame);
    this.#server.waitingRoom.park(peer.id, dst, message, bytes, firstNumber);
  }

  /** Whether an earlier message to an id of another node still waits for it. */
  #mustWait({ id }: PeerHandle, { dst }: AttemptMessage): boolean {
    const { hub, waitingRoom } = this.#server;
    return hub.elsewhere !== undefined && waitingRoom.holds(id, dst);
  }

  /** No other node holds the id either: attempts wait for it, and the rest is ignored (§5). */
  #undelivered(absent: PeerId, returned: Returned | undefined): void {
    const { peer } = this.#seat;
    const expire = (): void => this.link.send(encodeExpire(absent, this.#credentials.id));
    if (returned === undefined) return expire();
    // Nothing but what `#handle` has sent.
    const message = returned.payload as ClientMessage;
    const isAttempt = message.type === "OFFER" || message.type === "ANSWER" ||
      message.type === "CANDIDATE";
    if (!isAttempt || peer === undefined) return;
    if (returned.refusal !== undefined) return message.type === "OFFER" ? expire() : undefined;
    if (returned.isUnavailable) return expire();
    this.#hold(peer, message, JSON.stringify(message), returned.firstNumber);
  }

  #write(message: RelayedMessage, from: string): void {
    this.link.send(encodeRelay(message, from, this.#credentials.id));
  }
}
