import type { Authenticator } from "../../auth/authenticator.ts";
import { Allowance } from "../../core/allowance.ts";
import type { Clock } from "../../core/clock.ts";
import { SignalError } from "../../core/errors.ts";
import type { PeerEvent, PeerHandle, PeerId, PeerSummary, Returned } from "../../core/events.ts";
import { type Expulsion, type LeaveReason, refusalOf } from "../../core/expulsion.ts";
import type { Departure, Frame, Link, Session } from "../../core/session.ts";
import type { CallRole, Leg, Untaken } from "../../core/calls/signal.ts";
import type { EncodeOnce } from "../kit/encode_once.ts";
import { jsonBytes } from "../kit/json.ts";
import { sendRefusal } from "../kit/refusal.ts";
import type { Pass } from "../kit/pass.ts";
import { type IdHalf, newServerId } from "../kit/server_ids.ts";
import { after, type Place, Seat } from "../kit/seat.ts";
import { isError, type SessionsAbroad } from "./abroad.ts";
import { legOf } from "./leg.ts";
import { type FarSessions, isFarNews, type Party } from "./far_sessions.ts";
import { withInfo } from "./token_info.ts";
import type { Lists } from "./lists.ts";
import {
  type ClientMessage,
  decode,
  encodeChange,
  encodeNews,
  encodeStatus,
  encodeWelcome,
  isCallable,
  isGivenUp,
  NO_STATUS,
  type PeerMessage,
  type SessionNews,
  type Status,
  statusIn,
  type StatusMessage,
  statusOf,
  type Version,
} from "./messages.ts";
import { type MediaSession, partnerIn, type Sessions } from "./sessions.ts";
import { explained, noPeer, quote, unsent, WIRE } from "./wire.ts";

/** The parts that all connections of the dialect share. */
export interface WebRtcSinkServer extends Place {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly news: EncodeOnce<string>;
  readonly lists: Lists;
  readonly sessions: Sessions;
  readonly far: FarSessions;
  readonly abroad: SessionsAbroad;
  readonly isBridged: boolean;
  readonly maxPeers: number;
  readonly maxMembers: number;
  readonly maxMetaBytes: number;
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** How peers' ids begin. */
  readonly idHalf: IdHalf;
}

/**
 * All peers that have, or had, a role; their descriptions are their status. Listeners learn of the
 * others by its news. A peer without a role takes up no place in it.
 */
export const LIST = "peers";

/** One peer. It has an id from the start, publishes its status, and is in any number of sessions. */
export class WebRtcSinkSession implements Session, Party {
  readonly link: Link;
  readonly #server: WebRtcSinkServer;
  /** Undefined if no token is needed. */
  readonly #pass: Pass | undefined;
  /** The rate of requests that cost more than a message: changes of status, lists, new sessions. */
  readonly #requests: Allowance;
  /** Empty until it is welcomed. */
  readonly #seat: Seat;
  #version: Version = "v1_0";
  #status: Status = NO_STATUS;
  #hasStatus = false;
  #hasSpoken = false;
  #isListed = false;

  constructor(link: Link, server: WebRtcSinkServer, pass: Pass | undefined) {
    this.link = link;
    this.#server = server;
    this.#pass = pass;
    this.#seat = new Seat(server, this);
    const { requestsPerSecond, requestBurst, clock } = server;
    this.#requests = new Allowance(requestsPerSecond, requestBurst, clock.now());
  }

  /** Every client sends a message after its welcome. */
  get isIdentified(): boolean {
    return this.#hasSpoken;
  }

  /** Undefined before its welcome, and at its end. */
  get peer(): PeerHandle | undefined {
    return this.#seat.peer;
  }

  get status(): Status {
    return this.#status;
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

  opened(): void | Promise<void> {
    return after(this.#pass?.present({}), () => {
      const { maxPeers: capacity, idHalf } = this.#server;
      // Others can call it when it has a role.
      return this.#seat.claim({ id: newServerId(idHalf), capacity, isCallable: false });
    });
  }

  receive(frame: Frame): void | Promise<void> {
    const message = decode(frame);
    const isFirst = !this.#hasSpoken;
    this.#hasSpoken = true;
    const { peer } = this.#seat;
    // Without a peer the connection is being refused.
    if (peer !== undefined) return this.#act(peer, message, isFirst);
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        if (isFarNews(event.payload)) return this.#server.far.take(this, event.payload, event.from);
        // Between peers of one dialect the payload is what this class sent.
        return this.tell(event.payload as SessionNews, event.from);
      case "joined":
      case "described":
      case "left":
        return this.hear(this.#server.news.frames(event, this.#server.dialect, encodeChange));
      case "admitted":
        this.#seat.take(event.peer);
        return this.link.send(encodeWelcome(event.peer.id));
      // A newcomer asks for the lists by itself.
      case "entered":
        this.#isListed = true;
        return this.#statusChanged(statusOf(event.self, this.#server.dialect));
      case "updated":
        return this.#statusChanged(statusIn(event.info));
      case "refused":
        throw explained(event);
      case "stopped":
      case "replaced":
        return this.link.close(1000);
      // Only peers of different nodes are paired.
      case "paired":
        return;
      case "gone":
        return this.#server.far.gone(this, event.peer);
      case "undelivered":
        return event.returned && this.#returned(event.peer, event.returned);
      default:
        event satisfies never;
    }
  }

  #returned(partner: PeerId, returned: Returned): void {
    const { far, abroad } = this.#server;
    (isFarNews(returned.payload) ? far : abroad).undelivered(this, partner, returned);
  }

  expel(reason: Expulsion): void {
    this.#seat.expelled(reason);
    this.refuse(refusalOf(reason));
  }

  refuse(error: SignalError): void {
    sendRefusal(this.link, WIRE[error.code], error);
    const isAtOpening = error.code === "unavailable" && this.#seat.peer === undefined;
    if (isAtOpening) this.link.close(1013, "server is not available");
  }

  /** The others learn of their sessions' ends first, then listeners of the departure. */
  closed(departure: Departure): void {
    const { peer } = this.#seat;
    if (peer === undefined) return;
    const { lists, sessions } = this.#server;
    this.#endAll(peer, sessions.ofProducer(peer.id));
    this.#endAll(peer, sessions.ofConsumer(peer.id));
    this.#seat.release(departure);
    lists.forget(this.#status);
  }

  #act(peer: PeerHandle, message: ClientMessage, isFirst: boolean): void | Promise<void> {
    switch (message.type) {
      case "peer":
        return this.#relay(peer, message);
      case "setPeerStatus":
        return this.#setStatus(peer, message);
      case "startSession":
        return this.#startSession(peer, message.peerId, message.offer ?? null);
      case "endSession":
        return this.#endSession(peer, message.sessionId, null);
      case "endSessionV1_1":
        return this.#endSession(peer, message.sessionId, message.error ?? null);
      case "list":
        this.#spendRequest();
        return this.link.send(this.#server.lists.producers());
      case "listConsumers":
        this.#spendRequest();
        return this.link.send(this.#server.lists.consumers());
      case "setProtocolVersion":
        if (!isFirst) {
          throw new SignalError(
            "not_allowed",
            "Cannot choose the protocol version: it has to be the first message",
          );
        }
        this.#version = message.version;
        return;
      default:
        message satisfies never;
    }
  }

  #spendRequest(): void {
    if (!this.#requests.take(this.#server.clock.now())) {
      throw new SignalError("rate_limited", "Cannot take another request: too many at once");
    }
  }

  /** Ignores messages of a session that has just ended, or that belongs to other peers. */
  #relay(peer: PeerHandle, message: PeerMessage): void {
    const session = this.#server.sessions.find(message.sessionId, peer.id);
    if (session === undefined) return;
    if (message.sdp?.type === "offer" && session.consumer.id === peer.id) {
      throw new SignalError("not_allowed", "Cannot pass an offer on: only the producer makes one");
    }
    if (session.isFar) return this.#server.far.pass(peer, session, message);
    const outcome = this.#server.hub.send(peer, partnerIn(session, peer.id), message);
    if (isError(outcome)) throw unsent(outcome);
  }

  #setStatus(
    peer: PeerHandle,
    { roles, meta: own = null, peerId }: StatusMessage,
  ): void | Promise<void> {
    const meta = withInfo(own, this.#pass?.info);
    const status = { roles: [...new Set(roles)], meta };
    if (this.#isRepeated(peer, status, peerId)) return;
    if (status.roles.includes("producer") && status.roles.includes("consumer")) {
      throw new SignalError("not_allowed", "Cannot be both producer and consumer");
    }
    if (status.roles.includes("producer")) this.#pass?.assume("produce");
    if (status.roles.includes("consumer")) this.#pass?.assume("consume");
    this.#spendRequest();
    const { hub, maxMetaBytes, maxMembers } = this.#server;
    const bytes = jsonBytes(meta);
    if (bytes > maxMetaBytes) {
      throw new SignalError("description_too_large", "Cannot change the status: meta is too large");
    }
    const description = { info: status, bytes, isCallable: isCallable(status) };
    return this.#isListed || status.roles.length === 0
      ? hub.describe(peer, description)
      : hub.join(peer, { room: LIST, kind: "list", maxMembers }, description);
  }

  /** Applies the new status; the other peers know it already. */
  #statusChanged(status: Status): void {
    const { peer } = this.#seat;
    if (peer === undefined) return;
    const old = this.#status;
    const { lists, sessions } = this.#server;
    this.#status = status;
    this.#hasStatus = true;
    lists.forget(old);
    lists.forget(status);
    if (isGivenUp("producer", old, status)) this.#endAll(peer, sessions.ofProducer(peer.id));
    else if (isGivenUp("consumer", old, status)) this.#endAll(peer, sessions.ofConsumer(peer.id));
    if (status.roles.includes("listener")) this.link.send(encodeStatus(peer.id, status));
  }

  /**
   * True if nothing has changed and no answer is due. The reference compares the name too: elements
   * give their own and get no answer, browsers give none and get one.
   */
  #isRepeated(peer: PeerHandle, status: Status, peerId: string | null | undefined): boolean {
    const name = this.#hasStatus ? peer.id : undefined;
    return (peerId ?? undefined) === name &&
      JSON.stringify(status) === JSON.stringify(this.#status);
  }

  #startSession(peer: PeerHandle, id: PeerId, offer: string | null): void | Promise<void> {
    this.#spendRequest();
    const { hub, realm, isBridged } = this.#server;
    const found = hub.find(realm, id);
    // Each node knows all peers of this dialect that can be called.
    const isUnknown = found === undefined && isBridged && hub.elsewhere !== undefined;
    const isForeign = found !== undefined && found.dialect !== peer.dialect;
    if (isUnknown || isForeign) return this.#startAbroad(peer, id, offer);
    const isHere = found !== undefined && found.receiver.isElsewhere !== true;
    if (isHere || hub.elsewhere === undefined) return this.#startWith(peer, id, offer);
    // By the pair both nodes learn of the other peer, and when it is gone.
    return after(hub.pair(peer, id), () => this.#startWith(peer, id, offer));
  }

  #startWith(peer: PeerHandle, id: PeerId, offer: string | null): void | Promise<void> {
    // The client may have left meanwhile.
    if (this.#seat.peer !== peer) return;
    const { hub, realm, sessions, far } = this.#server;
    const target = hub.find(realm, id);
    if (target === undefined) throw noPeer(id);
    const quoted = quote(id);
    const { roles } = statusOf(target, peer.dialect);
    if (target.id === peer.id || !(roles.includes("producer") || roles.includes("consumer"))) {
      throw new SignalError(
        "not_allowed",
        `Cannot start a session: ${quoted} neither produces nor waits for a producer`,
      );
    }
    // The caller is what the target is not.
    this.#pass?.assume(roles.includes("producer") ? "consume" : "produce");
    const [producer, consumer] = roles.includes("producer")
      ? [target.handle, peer]
      : [peer, target.handle];
    const isFar = target.receiver.isElsewhere === true;
    const session = sessions.start(producer, consumer, peer, { isFar });
    const sessionId = session.id;
    if (isFar) return far.open(this, peer, session, offer);
    // The consumer has to know the session before its first message.
    this.#notify(peer, consumer, producer, { type: "sessionStarted", sessionId });
    this.#notify(peer, producer, consumer, { type: "startSession", sessionId, offer });
  }

  /** Calls a peer of another dialect; a session that the two have is over. */
  #startAbroad(peer: PeerHandle, id: PeerId, offer: string | null): void | Promise<void> {
    const { sessions, abroad } = this.#server;
    this.#pass?.assume("consume");
    const old = sessions.ofConsumer(peer.id).find(({ producer }) => producer.id === id);
    if (old !== undefined) {
      this.#end(peer, old, null);
      this.tell({ type: "endSession", sessionId: old.id, error: null }, id);
    }
    return abroad.start(this, peer, id, offer);
  }

  leg(other: PeerSummary, role: CallRole): Leg | Untaken {
    return legOf(this.#server, this, other, role);
  }

  /** Informs one side of a new session about the other; one of them is this peer. */
  #notify(peer: PeerHandle, to: PeerHandle, about: PeerHandle, news: SessionNews): void {
    if (to.id === peer.id) this.tell(news, about.id);
    else this.#server.hub.send(peer, to, news);
  }

  #endSession(peer: PeerHandle, id: string, error: string | null): void {
    const session = this.#server.sessions.find(id, peer.id);
    if (session === undefined) return;
    if (error !== null && this.#version === "v1_0") {
      throw new SignalError("not_allowed", "Cannot end a session with an error in version 1.0");
    }
    this.#end(peer, session, error);
  }

  #endAll(peer: PeerHandle, sessions: readonly MediaSession[]): void {
    for (const session of sessions) this.#end(peer, session, null);
  }

  /** Informs the other side, except at the server's end: streams go on without it. */
  #end(peer: PeerHandle, session: MediaSession, error: string | null): void {
    const { hub, realm, sessions, far } = this.#server;
    sessions.end(session);
    if (session.isFar) return far.end(peer, session, error);
    if (hub.isSilent) return;
    const partner = partnerIn(session, peer.id);
    const news = { type: "endSession", sessionId: session.id, error } as const;
    if (hub.find(realm, peer.id)?.handle === peer) return void hub.send(peer, partner, news);
    // Other nodes took the peer for gone, and it may not send any more.
    const receiver = hub.find(realm, partner.id)?.receiver;
    if (receiver instanceof WebRtcSinkSession) receiver.tell(news, peer.id);
  }

  tell(news: SessionNews, from: PeerId): void {
    this.link.send(encodeNews(news, from, this.#version));
  }

  /** Sends a peer's new status or departure, if this client listens. */
  hear(frames: readonly string[]): void {
    if (!this.#status.roles.includes("listener")) return;
    for (const frame of frames) this.link.send(frame);
  }
}
