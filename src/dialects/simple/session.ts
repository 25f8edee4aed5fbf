import type { Identity } from "../../auth/authenticator.ts";
import { type ErrorCode, SignalError } from "../../core/errors.ts";
import type { PeerId } from "../../core/events.ts";
import {
  type Expulsion,
  type LeaveReason,
  leaveReasonOf,
  refusalOf,
} from "../../core/expulsion.ts";
import type { Departure, Frame, Link, Session } from "../../core/session.ts";
import { sendRefusal } from "../kit/refusal.ts";
import type { ConnectionPass, JoinRequest, StreamEnd } from "./connection.ts";
import type { TokenInfo } from "./description.ts";
import type { Instance, InstanceSession, Reason, Welcome } from "./instance.ts";
import {
  type ClientFrame,
  decode,
  encodeError,
  encodeHandshake,
  encodeOk,
  encodePong,
  encodeReady,
  type FrameRef,
  type Receipt,
  withRef,
} from "./messages.ts";
import type { Settled } from "./settled.ts";
import { descriptionOf } from "./news.ts";
import type { FarClient, Line } from "./other_nodes.ts";
import { noConnection, untaken } from "./refusals.ts";
import type { SimpleServer } from "./server.ts";
import { join } from "./join.ts";
import { refusalResponse, WIRE } from "./wire.ts";

/** Reads the join of a connection's request, if it has one; "over" for one that has nothing to join. */
type ReadJoin = () => JoinRequest | "over" | undefined;

/** The parts of some sessions only. */
interface SessionParts {
  /** The same link, if it is the answer to an HTTP request. */
  readonly stream?: StreamEnd;
  /** Those for the client of another node. */
  readonly iceServers?: readonly unknown[];
  /** Called before the answer to the join. */
  readonly welcomed?: () => void;
}

/** One connection of an instance. The hub's events go to the peer. */
export class SimpleSession implements Session, InstanceSession, FarClient {
  readonly link: Link;
  readonly #server: SimpleServer;
  /** Undefined if no token is needed. */
  readonly pass: ConnectionPass | undefined;
  /** Reads the request's join; dropped at the opening, and the request with it. */
  #readJoin: ReadJoin | undefined;
  readonly #parts: SessionParts;
  #instance: Instance | undefined = undefined;
  /** The way to the peer's home, if that is another node. */
  #line: Line | undefined = undefined;
  #joinRef: FrameRef = undefined;
  #leaveReason: LeaveReason | undefined = undefined;
  #departure: Departure | undefined = undefined;

  constructor(
    link: Link,
    server: SimpleServer,
    pass: ConnectionPass | undefined,
    readJoin: ReadJoin,
    parts: SessionParts = {},
  ) {
    this.link = link;
    this.#server = server;
    this.pass = pass;
    this.#readJoin = readJoin;
    this.#parts = parts;
  }

  get stream(): StreamEnd | undefined {
    return this.#parts.stream;
  }

  /** True for the client of another node. */
  get isCarried(): boolean {
    return this.#parts.welcomed !== undefined;
  }

  get peerId(): PeerId | undefined {
    return this.#instance?.peer.id ?? this.#line?.peerId;
  }

  get isIdentified(): boolean {
    return this.#instance !== undefined || this.#line !== undefined;
  }

  get permits(): ConnectionPass | undefined {
    return this.pass;
  }

  get departure(): Departure | undefined {
    return this.#departure;
  }

  get leaveReason(): LeaveReason | undefined {
    return this.#leaveReason;
  }

  get links(): readonly Link[] {
    return [this.link];
  }

  get info(): TokenInfo {
    return this.pass?.info;
  }

  opened(): void | Promise<void> {
    const frame = this.#readJoin?.();
    this.#readJoin = undefined;
    if (frame === "over") return this.stream?.declineForGood();
    if (frame !== undefined) return this.#join(frame);
  }

  receive(data: Frame): void | Promise<void> {
    const frame = decode(data, this.#server.limits);
    if (this.#line !== undefined) return this.#forward(this.#line, frame, String(data));
    try {
      return this.#handle(frame);
    } catch (error) {
      throw withRef(error, frame.ref);
    }
  }

  deliver(): void {}

  /** This connection's instance is not held: its client cannot come back. */
  expel(reason: Expulsion): void {
    this.#leaveReason = leaveReasonOf(reason);
    const { isIdentified } = this;
    this.#line?.expel(reason);
    this.#line = undefined;
    this.#remove(reason === "login_expired" ? "lost" : "kicked");
    this.#refuse(refusalOf(reason), isIdentified);
  }

  refuse(error: SignalError): void {
    this.#refuse(error, this.isIdentified);
  }

  #refuse(error: SignalError, isIdentified: boolean): void {
    if (this.stream !== undefined && !isIdentified) this.stream.decline(refusalResponse(error));
    else sendRefusal(this.link, WIRE[error.code], error);
  }

  wordFor(code: ErrorCode): string {
    return WIRE[code].word;
  }

  closed(departure: Departure): void {
    this.#departure = departure;
    this.#line?.closed(departure);
    this.#line = undefined;
    if (departure === "left") return this.#remove("left");
    const instance = this.#instance;
    this.#instance = undefined;
    if (instance === undefined) return;
    instance.departure = departure;
    instance.peer.lose(instance);
  }

  /** The client has gone without the answer to its join: nobody can come back as its instance. */
  unheard(): void {
    this.#remove("lost");
  }

  welcome(instance: Instance, { others, recovered, seq, frames }: Welcome): void {
    this.#instance = instance;
    this.#parts.welcomed?.();
    const { dialect, resumeMs, maxFrameBytes, iceServers, json } = this.#server;
    const { peer: { id, room }, number, secret, holder } = instance;
    instance.log.ages = this.stream === undefined;
    if (this.stream !== undefined) instance.hadStream = true;
    this.stream?.begin({ p_id: id, p_instance: number, seq, p_secret: secret, holder });
    const peers = others.map((peer) => descriptionOf(peer, dialect));
    this.link.send(encodeHandshake(id, room, peers, json));
    this.link.send(encodeReady({
      p_instance: number,
      p_secret: secret,
      recovered,
      seq,
      resume_ms: resumeMs,
      max_bytes: maxFrameBytes,
      ice_servers: this.#parts.iceServers ?? iceServers(this.pass?.identity),
    }));
    this.#confirm(this.#joinRef);
    for (const frame of frames) this.link.send(frame);
  }

  settled({ ref, outcome }: Settled): void {
    if (!("refused" in outcome)) return this.#confirm(ref, outcome);
    const error = untaken(outcome.refused);
    this.link.refuse?.(
      ref === undefined ? error : new SignalError(error.code, error.message, { ref }),
    );
  }

  async refresh(token: string): Promise<void> {
    await this.pass?.renew(token);
    this.informed();
  }

  async renew(identity: Identity): Promise<void> {
    await this.pass?.adopt(identity);
    this.informed();
  }

  /** The token's facts have changed. */
  informed(): void {
    this.#instance?.peer.inform(this.info);
    const identity = this.pass?.identity;
    if (identity !== undefined) this.#line?.identify(identity);
  }

  carried(line: Line): void {
    this.#line = line;
  }

  uncarried(): void {
    this.#line = undefined;
  }

  lost(): void {
    this.#instance = undefined;
    this.link.close(1012, "join again");
  }

  /** Another client has the instance, or it has left: this one need not come back. */
  over(): void {
    this.stream?.declineForGood();
  }

  replaced(): void {
    this.#instance = undefined;
    this.stream?.end();
    this.link.close(4001, "taken back elsewhere");
  }

  kicked(reason: LeaveReason): void {
    this.#leaveReason = reason;
    this.#instance = undefined;
    this.link.send(encodeError("kicked", "removed by an operator"));
    this.stream?.end();
    this.link.close(4003, "removed by an operator");
  }

  left(): void {
    this.#leaveReason = "left";
    this.#instance = undefined;
    this.stream?.end();
    this.link.close(1000);
  }

  #handle(frame: ClientFrame): void | Promise<void> {
    if (frame.event === "ping") return this.link.send(encodePong(frame.ref));
    if (frame.event === "join") return this.#join(frame);
    if (this.#instance === undefined) throw new SignalError("not_joined", "join first");
    const step = perform(this.#instance, frame, this.link.id);
    if (frame.event === "signal") return;
    if (step !== undefined) return this.#confirmAfter(step, frame.ref);
    this.#confirm(frame.ref);
    if (frame.event === "leave") this.left();
  }

  /** Sends a frame to the peer's home; tokens are this node's to judge, and do not leave it. */
  #forward(line: Line, frame: ClientFrame, text: string): void | Promise<void> {
    if (frame.event === "join") return this.#join(frame);
    if (frame.event !== "refresh") return line.receive(text);
    return this.#confirmAfter(this.refresh(frame.token), frame.ref);
  }

  async #confirmAfter(step: Promise<void>, ref: FrameRef): Promise<void> {
    try {
      await step;
      if (this.link.isOpen) this.#confirm(ref);
    } catch (error) {
      throw withRef(error, ref);
    }
  }

  async #join(frame: JoinRequest): Promise<void> {
    try {
      if (this.isIdentified) {
        throw new SignalError("already_joined", "a connection joins once");
      }
      this.#joinRef = frame.ref;
      await join(this.#server, frame, this, this.pass);
    } catch (error) {
      throw withRef(error, frame.ref);
    }
  }

  #remove(reason: Reason): void {
    const instance = this.#instance;
    this.#instance = undefined;
    instance?.peer.remove(instance, reason, this.#leaveReason);
  }

  #confirm(ref: FrameRef, receipt?: Receipt | undefined): void {
    if (ref !== undefined) this.link.send(encodeOk(ref, receipt));
  }
}

/**
 * Carries out a frame of an instance's client, of any transport.
 * @param via the connection or request that gets a signal's receipt
 */
export function perform(
  instance: Instance,
  frame: Exclude<ClientFrame, { event: "join" | "ping" }>,
  via: string,
): void | Promise<void> {
  const { peer } = instance;
  switch (frame.event) {
    case "change":
      return peer.publish(instance, frame);
    case "signal":
      return peer.signal(instance, frame, via);
    case "leave":
      return peer.remove(instance, "left");
    case "refresh":
      if (instance.carrier !== undefined) return instance.carrier.refresh(frame.token);
      throw noConnection();
    default:
      frame satisfies never;
  }
}
