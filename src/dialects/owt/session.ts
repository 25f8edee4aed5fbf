import type { Authenticator } from "../../auth/authenticator.ts";
import { type ErrorCode, SignalError } from "../../core/errors.ts";
import type { Sent } from "../../core/hub.ts";
import type { PeerEvent, PeerId, PeerSummary } from "../../core/events.ts";
import { type Expulsion, type LeaveReason, refusalOf } from "../../core/expulsion.ts";
import type { Departure, Frame, Later, Link, Session } from "../../core/session.ts";
import type { NamespaceLink } from "../../transport/links.ts";
import type { Pass } from "../kit/pass.ts";
import { after, type Place, Seat } from "../kit/seat.ts";
import type { TakeOvers } from "../kit/take_overs.ts";
import { OwtLeg } from "./leg.ts";
import {
  type Asked,
  type ClientMessage,
  decode,
  encodeAuthenticated,
  encodeLoginAck,
  encodeMessageAck,
  encodeP2p,
  encodeRefusal,
  encodeRelay,
  type LoginQuery,
  type P2p,
  readDropped,
  type Relayed,
  SERVER_DISCONNECT,
} from "./messages.ts";
import { BUSY, REASONS, UNSENT, WIRE } from "./wire.ts";

/** The parts that all sessions of the dialect share. */
export interface OwtServer extends Place {
  readonly authenticator: Authenticator;
  /** Values of `clientVersion` that are admitted. */
  readonly versions: ReadonlySet<string>;
  readonly maxIdLength: number;
  readonly takeOvers: TakeOvers;
}

/** The login that is under way, or the last one. */
interface LoginRequest {
  /** Empty for a client without a name. */
  readonly token: string;
  readonly ack: string | undefined;
}

/** Peers of other dialects for which announced tracks are remembered before the call. */
const MAX_ANNOUNCED = 64;

/** One OWT client of either generation. */
export class OwtSession implements Session {
  readonly link: NamespaceLink;
  readonly #server: OwtServer;
  readonly #query: LoginQuery;
  /** Undefined if no token is needed: then the token is the id. */
  readonly #pass: Pass | undefined;
  /** Empty before a login, while another one is under way, and after the loss of the id. */
  readonly #seat: Seat;
  #login: LoginRequest | undefined = undefined;
  /** True after the first login: a client that changes its name gets no new time limit. */
  #hasLoggedIn = false;
  /** Tracks announced to peers of other dialects, by peer; made with the first. */
  #announced: Map<PeerId, Set<string>> | undefined = undefined;
  /** True once the client's CONNECT is answered; until then a refusal is the answer to it. */
  #isConnected = false;

  constructor(
    link: NamespaceLink,
    query: LoginQuery,
    server: OwtServer,
    pass: Pass | undefined,
  ) {
    this.link = link;
    this.#pass = pass;
    this.#query = query;
    this.#server = server;
    this.#seat = new Seat(server, this);
  }

  get isIdentified(): boolean {
    return this.#hasLoggedIn || this.#server.takeOvers.isWaiting(this);
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

  /** The older generation logs in by the handshake, the newer one by an event (§4). */
  opened(): void | Promise<void> {
    const { clientVersion: version, token } = this.#query;
    if (version && !this.#server.versions.has(version)) {
      throw new SignalError("bad_greeting", "Client version is not supported");
    }
    if (token !== undefined || version?.startsWith("4.")) {
      return this.#logIn({ token: token ?? "", ack: undefined });
    }
    this.#isConnected = true;
  }

  receive(frame: Frame): void | Promise<void> | Later {
    const action = decode(frame);
    if (action === undefined) return;
    if (action.type === "login") return this.#logIn(action);
    return this.#send(action);
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        // Between peers of one dialect the payload is what this class sent.
        return this.link.send(encodeRelay(event.payload as Relayed, event.from));
      case "admitted":
        this.#seat.take(event.peer);
        this.#hasLoggedIn = true;
        return this.#answerLogin(event.peer.id);
      case "replaced":
        if (this.#seat.peer !== undefined) this.#server.takeOvers.happened(this.#seat.peer.id);
        this.#seat.lose();
        return this.#leave();
      case "refused":
        throw this.#loginRefusal(
          event.reason,
          REASONS[event.reason] ?? "No more ids",
        );
      // The dialect has no rooms and no calls of the hub, and holds no messages.
      case "entered":
      case "paired":
      case "gone":
      case "joined":
      case "left":
      case "described":
      case "stopped":
      case "undelivered":
      case "updated":
        return;
      default:
        event satisfies never;
    }
  }

  expel(reason: Expulsion): void {
    this.#seat.expelled(reason);
    this.refuse(refusalOf(reason));
  }

  refuse({ code, details }: SignalError): void {
    // As for a lost id: clients report it instead of coming back.
    if (code === "login_expired" || code === "kicked") return this.#leave();
    const { error, isFinal } = WIRE[code];
    const asked = readAsked(details);
    this.#answer(asked, error);
    // A failed login ends the connection (§4).
    if (!isFinal && !asked.isLogin) return;
    this.#seat.release("lost");
    if (this.#isConnected) this.link.close();
    else this.link.decline(String(error));
  }

  /** Answers a dropped frame, because clients wait for acknowledgements without a time limit. */
  dropped(frame: Frame): void {
    const asked = this.#isConnected ? readDropped(frame) : undefined;
    if (asked !== undefined) this.#answer(asked, BUSY);
  }

  closed(departure: Departure): void {
    this.#seat.release(departure);
  }

  /** The leg outlives this connection if another one takes the id over. */
  leg({ id: other }: PeerSummary): OwtLeg | "absent" {
    const id = this.#seat.peer?.id;
    if (id === undefined) return "absent";
    const { hub, realm } = this.#server;
    const write = (message: P2p): void => {
      const receiver = hub.find(realm, id)?.receiver;
      if (receiver instanceof OwtSession) receiver.link.send(encodeP2p(message, other));
    };
    return new OwtLeg({ id, write, announced: this.#announcedTo(other) }, other);
  }

  #announcedTo(other: PeerId): Set<string> {
    const announced = this.#announced ??= new Map();
    const tracks = announced.get(other) ?? new Set();
    announced.delete(other);
    announced.set(other, tracks);
    const [oldest] = announced.keys();
    if (announced.size > MAX_ANNOUNCED && oldest !== undefined) announced.delete(oldest);
    return tracks;
  }

  /** Claims the id; the newest client wins (§4). */
  #logIn({ token, ack }: LoginRequest): void | Promise<void> {
    if (this.#pass !== undefined) return this.#logInAsUser(this.#pass, { token, ack });
    const { peer } = this.#seat;
    const isSame = peer !== undefined && (token === this.#login?.token || token === peer.id);
    if (token.length > this.#server.maxIdLength) {
      throw new SignalError("id_invalid", "Token is too long", { ack, isLogin: true });
    }
    this.#login = { token, ack };
    if (isSame) return this.#answerLogin(peer.id);
    this.#seat.release("replaced");
    const id = token === "" ? anonymousId() : token;
    return this.#seat.claim({ id, policy: "newest", address: this.link.address });
  }

  /** The token names the id, which stays with its user; another login of the user refreshes it. */
  #logInAsUser(pass: Pass, login: LoginRequest): void | Promise<void> {
    this.#login = login;
    const details = { ack: login.ack, isLogin: true };
    const before = pass.user;
    return after(pass.present({ token: login.token }, details), () => {
      const id = pass.ownId ?? anonymousId();
      if (id.length > this.#server.maxIdLength) {
        throw new SignalError("id_invalid", "Id is too long", details);
      }
      // Two users may have the same id, one after the other.
      if (this.#seat.peer?.id === id && pass.user === before) return this.#answerLogin(id);
      this.#seat.release("replaced");
      const { proof } = pass;
      const { address } = this.link;
      return this.#seat.claim({ id, address, ...(proof === undefined ? {} : { proof }) });
    });
  }

  /** In this order clients report the loss instead of coming back (§4). */
  #leave(): void {
    this.link.send(SERVER_DISCONNECT);
    this.link.close();
  }

  /** The refusal of the login that is under way. */
  #loginRefusal(code: ErrorCode, words: string): SignalError {
    return new SignalError(code, words, { ack: this.#login?.ack, isLogin: true });
  }

  /** Sends the event and the acknowledgement: some clients wait for one, some for the other (§4). */
  #answerLogin(id: PeerId): void {
    this.link.send(encodeAuthenticated(id));
    this.#isConnected = true;
    const ack = this.#login?.ack;
    if (ack !== undefined) this.link.send(encodeLoginAck(ack, id));
  }

  /** Acknowledges that the message was handed over, not that it arrived (§5). */
  #send({ to, relayed, ack }: Extract<ClientMessage, { type: "message" }>): void | Later {
    const { peer } = this.#seat;
    if (peer === undefined) {
      throw new SignalError("not_joined", "Log in first", { ack, isLogin: false });
    }
    const { hub, realm } = this.#server;
    const isHere = hub.has(realm, to) && hub.find(realm, to)?.receiver.isElsewhere !== true &&
      hub.elsewhere?.isBehind(peer, to) !== true;
    if (hub.elsewhere === undefined || isHere) {
      return this.#acknowledge(hub.send(peer, to, relayed), ack);
    }
    // The receiver's node has to have it before its sender believes so.
    const passed = hub.elsewhere.pass(peer, to, relayed);
    const acknowledge = (outcome: Sent): void => {
      if (this.link.isOpen) this.#acknowledge(outcome, ack);
    };
    return { outcome: passed.then(acknowledge) };
  }

  #acknowledge(outcome: Sent, ack: string | undefined): void {
    if (outcome !== "sent") {
      const [code, words] = UNSENT[outcome];
      throw new SignalError(code, words, { ack, isLogin: false });
    }
    if (ack !== undefined) this.link.send(encodeMessageAck(ack));
  }

  #answer(asked: Asked, error: number): void {
    const frame = encodeRefusal(asked, error);
    if (frame !== undefined) this.link.send(frame);
  }
}

/** Reads from a refusal's details which event it answers, if any. */
function readAsked({ ack, isLogin }: SignalError["details"]): Asked {
  return { ack: typeof ack === "string" ? ack : undefined, isLogin: isLogin === true };
}

function anonymousId(): string {
  return `${crypto.randomUUID().replaceAll("-", "")}@anonymous`;
}
