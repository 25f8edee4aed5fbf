import { Buffer } from "node:buffer";
import { Allowance } from "../../core/allowance.ts";
import type { Clock } from "../../core/clock.ts";
import { SignalError } from "../../core/errors.ts";
import type { Hub } from "../../core/hub.ts";
import type {
  Frame,
  Link,
  PeerEvent,
  PeerHandle,
  PeerId,
  RoomEvent,
  Session,
} from "../../core/types.ts";
import type { EncodeOnce } from "../kit/encode_once.ts";
import { sendRefusal } from "../kit/refusal.ts";
import type { Directory } from "./directory.ts";
import {
  type ClientMessage,
  decode,
  encodeNews,
  encodeStatus,
  encodeWelcome,
  NO_STATUS,
  type PeerMessage,
  type Role,
  type SessionNews,
  type Status,
  type StatusMessage,
  statusOf,
  type Version,
} from "./messages.ts";
import { type MediaSession, partnerIn, type Sessions } from "./sessions.ts";
import { WIRE } from "./wire.ts";

/** What all connections of the dialect share. */
export interface WebRtcSinkServer {
  readonly hub: Hub;
  readonly realm: string;
  readonly clock: Clock;
  readonly news: EncodeOnce<"status">;
  readonly directory: Directory;
  readonly sessions: Sessions;
  readonly maxPeers: number;
  readonly maxMembers: number;
  readonly maxMetaBytes: number;
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
}

/**
 * Everybody who has, or had, a role; their descriptions are their status. So listeners learn of all
 * others by the room's news, and who has no role takes up no place in it.
 */
const ROOM = "peers";
/** Of a client's text, as much as an answer repeats. */
const MAX_QUOTED = 64;

/** One peer: it has its id from the start, says what it offers, and is in any number of sessions. */
export class WebRtcSinkSession implements Session {
  readonly link: Link;
  readonly #server: WebRtcSinkServer;
  /** For what costs others more than a message: news for all listeners, lists, new sessions. */
  readonly #requests: Allowance;
  /** Undefined until it is welcomed. */
  #peer: PeerHandle | undefined = undefined;
  #version: Version = "v1_0";
  #status: Status = NO_STATUS;
  #hasStatus = false;
  #hasSpoken = false;
  #isListed = false;

  constructor(link: Link, server: WebRtcSinkServer) {
    this.link = link;
    this.#server = server;
    const { requestsPerSecond, requestBurst, clock } = server;
    this.#requests = new Allowance(requestsPerSecond, requestBurst, clock.now());
  }

  /** Every client has something to say after its welcome. */
  get isIdentified(): boolean {
    return this.#hasSpoken;
  }

  async opened(): Promise<void> {
    const { hub, realm, maxPeers } = this.#server;
    const outcome = await hub.claim({
      realm,
      id: crypto.randomUUID(),
      dialect: "webrtcsink",
      receiver: this,
      capacity: maxPeers,
    });
    if (outcome === "full" || outcome === "taken") {
      throw new SignalError("peers_full", "Cannot admit another peer: the server is full");
    }
  }

  receive(frame: Frame): void {
    const message = decode(frame);
    const isFirst = !this.#hasSpoken;
    this.#hasSpoken = true;
    // Without a peer the refusal of the connection is under way.
    if (this.#peer !== undefined) this.#act(this.#peer, message, isFirst);
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        // Between peers of one dialect the hub passes on what this class handed it.
        return this.#tell(event.payload as SessionNews, event.from);
      case "joined":
      case "described":
      case "left":
        return this.#hear(event);
      case "admitted":
        this.#peer = event.peer;
        this.#server.directory.admit(event.peer);
        return this.link.send(encodeWelcome(event.peer.id));
      // Who comes asks for the lists; its own status is told apart.
      case "entered":
        return;
      case "stopped":
      case "replaced":
        return this.link.close(1000);
      // Nobody is paired, and nothing is held for anybody.
      case "paired":
      case "gone":
      case "undelivered":
        return;
      default:
        event satisfies never;
    }
  }

  refuse(error: SignalError): void {
    sendRefusal(this.link, WIRE[error.code], error);
  }

  /** The others are told of their sessions' ends first, then listeners of the departure. */
  closed(): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    const { hub, directory, sessions } = this.#server;
    this.#peer = undefined;
    this.#endAll(peer, sessions.ofProducer(peer));
    this.#endAll(peer, sessions.ofConsumer(peer));
    directory.remove(peer);
    hub.release(peer, this);
  }

  #act(peer: PeerHandle, message: ClientMessage, isFirst: boolean): void {
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
        return this.link.send(this.#server.directory.producers());
      case "listConsumers":
        this.#spendRequest();
        return this.link.send(this.#server.directory.consumers());
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

  /** A session that has just ended, or is others', is nothing to report. */
  #relay(peer: PeerHandle, message: PeerMessage): void {
    const session = this.#server.sessions.find(message.sessionId, peer);
    if (session === undefined) return;
    if (message.sdp?.type === "offer" && session.consumer === peer) {
      throw new SignalError("not_allowed", "Cannot pass an offer on: only the producer makes one");
    }
    this.#server.hub.send(peer, partnerIn(session, peer), message);
  }

  #setStatus(peer: PeerHandle, { roles, meta = null, peerId }: StatusMessage): void {
    const status = { roles: [...new Set(roles)], meta };
    if (this.#isRepeated(peer, status, peerId)) return;
    if (status.roles.includes("producer") && status.roles.includes("consumer")) {
      throw new SignalError("not_allowed", "Cannot be both producer and consumer");
    }
    this.#spendRequest();
    const { maxMetaBytes, directory } = this.#server;
    const bytes = Buffer.byteLength(JSON.stringify(meta));
    if (bytes > maxMetaBytes) {
      throw new SignalError("description_too_large", "Cannot change the status: meta is too large");
    }
    const old = this.#status;
    this.#publish(peer, status, bytes);
    this.#status = status;
    this.#hasStatus = true;
    directory.update(peer, status);
    if (isGivenUp("producer", old, status)) {
      this.#endAll(peer, this.#server.sessions.ofProducer(peer));
    } else if (isGivenUp("consumer", old, status)) {
      this.#endAll(peer, this.#server.sessions.ofConsumer(peer));
    }
    if (status.roles.includes("listener")) this.link.send(encodeStatus(peer.id, status));
  }

  /**
   * Elements name themselves and are told nothing when nothing has changed. Browsers do not, and
   * are told: so it is in the reference, where the name is part of what is compared.
   */
  #isRepeated(peer: PeerHandle, status: Status, peerId: string | null | undefined): boolean {
    const name = this.#hasStatus ? peer.id : undefined;
    return (peerId ?? undefined) === name &&
      JSON.stringify(status) === JSON.stringify(this.#status);
  }

  /** Tells the others, or throws and leaves everything as it was. */
  #publish(peer: PeerHandle, status: Status, bytes: number): void {
    const { hub, maxMembers } = this.#server;
    if (hub.describe(peer, status, bytes) === "too_large") {
      throw new SignalError(
        "description_too_large",
        "Cannot change the status: meta of all peers together is too large",
      );
    }
    if (this.#isListed || status.roles.length === 0) return;
    if (hub.join(peer, ROOM, maxMembers) !== "entered") {
      hub.describe(peer, null, 0);
      throw new SignalError("room_full", "Cannot take a role: too many peers have one");
    }
    this.#isListed = true;
  }

  #startSession(peer: PeerHandle, id: PeerId, offer: string | null): void {
    this.#spendRequest();
    const { directory, sessions } = this.#server;
    const target = directory.find(id);
    const quoted = JSON.stringify(id.slice(0, MAX_QUOTED));
    if (target === undefined) {
      throw new SignalError("peer_unknown", `Cannot start a session: no peer ${quoted}`);
    }
    const { roles } = target.status;
    if (target.peer === peer || !(roles.includes("producer") || roles.includes("consumer"))) {
      throw new SignalError(
        "not_allowed",
        `Cannot start a session: ${quoted} neither produces nor waits for a producer`,
      );
    }
    const [producer, consumer] = roles.includes("producer")
      ? [target.peer, peer]
      : [peer, target.peer];
    const { id: sessionId } = sessions.start(producer, consumer);
    // The consumer has to know the session before anything comes of it.
    this.#notify(peer, consumer, producer, { type: "sessionStarted", sessionId });
    this.#notify(peer, producer, consumer, { type: "startSession", sessionId, offer });
  }

  /** Tells one side of a new session about the other; one of them is this peer. */
  #notify(peer: PeerHandle, to: PeerHandle, about: PeerHandle, news: SessionNews): void {
    if (to === peer) this.#tell(news, about.id);
    else this.#server.hub.send(peer, to, news);
  }

  #endSession(peer: PeerHandle, id: string, error: string | null): void {
    const session = this.#server.sessions.find(id, peer);
    if (session === undefined) return;
    if (error !== null && this.#version === "v1_0") {
      throw new SignalError("not_allowed", "Cannot end a session with an error in version 1.0");
    }
    this.#end(peer, session, error);
  }

  #endAll(peer: PeerHandle, sessions: readonly MediaSession[]): void {
    for (const session of sessions) this.#end(peer, session, null);
  }

  /** Only the other side is told, and nobody while the server ends: streams need it no more. */
  #end(peer: PeerHandle, session: MediaSession, error: string | null): void {
    const { hub, sessions } = this.#server;
    sessions.end(session);
    if (hub.isSilent) return;
    hub.send(peer, partnerIn(session, peer), { type: "endSession", sessionId: session.id, error });
  }

  #tell(news: SessionNews, from: PeerId): void {
    this.link.send(encodeNews(news, from, this.#version));
  }

  /** A peer's new status, or its departure, for those who listen. */
  #hear(event: RoomEvent): void {
    if (!this.#status.roles.includes("listener")) return;
    for (const frame of this.#server.news.frames(event, "status", framesOf)) this.link.send(frame);
  }
}

function framesOf({ type, peer }: RoomEvent): readonly string[] {
  const { roles, meta } = statusOf(peer);
  return [encodeStatus(peer.id, { roles: type === "left" ? [] : roles, meta })];
}

function isGivenUp(role: Role, old: Status, status: Status): boolean {
  return old.roles.includes(role) && !status.roles.includes(role);
}
