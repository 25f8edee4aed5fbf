import type { Clock } from "../core/clock.ts";
import type { ErrorCode, SignalError } from "../core/errors.ts";
import type { Expulsion, LeaveReason } from "../core/expulsion.ts";
import type { LinkLimits } from "../core/limits.ts";
import type { PeerId } from "../core/events.ts";
import type { Frame, Link, Session, Terms, Unsettled } from "../core/session.ts";
import type { Carriage, CountedLink, Traffic } from "./links.ts";
import type { OutputBudget, OutputBudgets } from "./output_budget.ts";
import { Pump } from "./pump.ts";
import type { Timing } from "./timing.ts";
import { departureOf, type Ending, type LinkObserver } from "./websocket.ts";

/** A connection, as logs and metrics see it. */
export interface ConnectionInfo {
  readonly id: string;
  readonly address: string;
  readonly dialect: string;
  /** The id under which the client is known now, where it has one. */
  readonly peerId?: PeerId | undefined;
  /** Named by the client's token. */
  readonly user?: string | undefined;
  /** The reason for which the client is being removed, or leaves by its own words. */
  readonly leaveReason?: LeaveReason | undefined;
  /** The dialect's name of a refusal. */
  wordFor?(code: ErrorCode): string | undefined;
  /** True if the connection opened only to be refused. */
  readonly isRefused?: boolean;
}

/** The known facts of a connection. */
export interface ConnectionFacts extends ConnectionInfo, Traffic {
  readonly transport: Carriage;
  /** On the server's clock, like `expiresAt`. */
  readonly openedAt: number;
  readonly expiresAt: number | undefined;
  readonly origin: string | undefined;
  readonly userAgent: string | undefined;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
}

/** Traffic that grows. */
export type Sum = { -readonly [Name in keyof Traffic]: Traffic[Name] };

/** Told of everything worth a log line or a count. */
export interface ConnectionObserver {
  opened(connection: ConnectionInfo): void;
  /** `count` is the number of refusals of this connection so far. */
  refused(connection: ConnectionInfo, error: SignalError, count: number): void;
  ended(connection: ConnectionInfo, ending: Ending, refusals: number): void;
  failed(connection: ConnectionInfo, error: unknown): void;
  /** The time from the opening until the client was identified, in ms. */
  identified?(connection: ConnectionInfo, afterMs: number): void;
  /** The time in which a frame was relayed, in ms; of one frame in 16. */
  relayed?(connection: ConnectionInfo, tookMs: number): void;
}

/** The parts that one accepted socket or one stream needs. */
export interface Acceptance<L extends Link = Link> extends Terms {
  readonly address: string;
  readonly origin?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly createSession: (link: L, connection: Unsettled) => Session;
  /** True if the session will name the connection's owner: no observer learns of it before. */
  readonly isUnsettled?: boolean;
  /** Refuses the connection in the dialect's own words instead of serving it. */
  readonly refusal?: SignalError | undefined;
  /** The socket and its descriptor are gone. */
  readonly onReleased: () => void;
}

/** An owner of a descriptor: a socket, a stream, or the carrier of several connections at once. */
export interface Carrier extends Pick<Link, "isOpen" | "close"> {
  /** Bytes that waited for the client when last looked at. */
  readonly backlog: number;
  /** Gives the client up when it has accepted nothing for too long. */
  checkStall(nowMs: number): void;
  giveUp(): void;
  /** Keeps to other limits from now on; only where a connection may settle on other terms. */
  adopt?(limits: LinkLimits): void;
}

/** Swept once a second. */
export interface Sweepable extends Pick<Pump, "checkIdentified"> {
  /** The dialect, "none" or "socket.io" before it is known; undefined for a refused newcomer. */
  readonly countsAs: string | undefined;
}

export interface Carried {
  readonly link: CountedLink;
  /** Sweeping and draining for this connection alone. */
  readonly carrier?: Carrier;
  /** The output budget of the carrier. */
  readonly budget?: OutputBudget;
  readonly session: Session;
}

/** Shared by all connections. */
export interface SharedParts {
  readonly budgets: OutputBudgets;
  readonly keyOf: (address: string) => string;
  readonly links: Map<Carrier, Sweepable>;
  /** Connections that have not ended, by id. */
  readonly running: Map<string, Connection>;
  /** The traffic by dialect, as of the last time that each connection added its own. */
  readonly traffic: Map<string, Sum>;
  readonly observer: ConnectionObserver;
  readonly relays: { readonly count: number };
  readonly clock: Clock;
  isGoingAway: boolean;
  readonly onReleased: () => void;
}

const NO_TRAFFIC: Traffic = { framesReceived: 0, framesSent: 0, bytesReceived: 0, bytesSent: 0 };

/** One socket, stream or namespace, its session and what is known of them. */
export class Connection implements LinkObserver, ConnectionFacts, Unsettled, Sweepable, Timing {
  readonly id: string;
  readonly address: string;
  readonly origin: string | undefined;
  readonly userAgent: string | undefined;
  dialect: string;
  goingAwayCode: number | undefined;
  readonly link: CountedLink;
  readonly carrier: Carrier | undefined;
  readonly #budget: OutputBudget | undefined;
  readonly pump: Pump;
  readonly #refusal: SignalError | undefined;
  readonly #onReleased: () => void;
  readonly #common: SharedParts;
  #refusals = 0;
  /** The part of its traffic that its dialect's sum has; undefined for none of it. */
  #summed: Sum | undefined = undefined;
  /** Not told of yet. */
  #isUnsettled: boolean;

  constructor(
    id: string,
    acceptance: Acceptance<never>,
    common: SharedParts,
    carry: (connection: Connection) => Carried,
  ) {
    this.id = id;
    this.address = acceptance.address;
    this.origin = acceptance.origin;
    this.userAgent = acceptance.userAgent;
    this.dialect = acceptance.dialect;
    this.#refusal = acceptance.refusal;
    this.#onReleased = acceptance.onReleased;
    this.#common = common;
    this.goingAwayCode = acceptance.goingAwayCode;
    this.#isUnsettled = acceptance.isUnsettled === true && acceptance.refusal === undefined;
    const { link, carrier, budget, session } = carry(this);
    this.link = link;
    this.carrier = carrier;
    this.#budget = budget;
    this.pump = new Pump(
      session,
      link,
      acceptance.limits,
      common.clock.now,
      (error) => {
        this.#announce();
        common.observer.refused(this, error, ++this.#refusals);
      },
      this,
    );
    link.feed?.(this.pump);
  }

  get isRefused(): boolean {
    return this.#refusal !== undefined;
  }

  get countsAs(): string | undefined {
    if (this.isRefused) return undefined;
    return this.#isUnsettled ? "none" : this.dialect;
  }

  checkIdentified(nowMs: number): void {
    this.pump.checkIdentified(nowMs);
  }

  get relayed(): number {
    return this.#common.relays.count;
  }

  identifiedAfter(ms: number): void {
    this.#common.observer.identified?.(this, ms);
  }

  relayTook(ms: number): void {
    this.#common.observer.relayed?.(this, ms);
  }

  wordFor(code: ErrorCode): string | undefined {
    return this.pump.session.wordFor?.(code);
  }

  /** The key under which its address is counted. */
  get key(): string | undefined {
    return this.#budget?.key;
  }

  /** A refused newcomer learns the refusal, also during a drain. */
  get isGoingAway(): boolean {
    return this.#common.isGoingAway && this.#refusal === undefined;
  }

  get peerId(): PeerId | undefined {
    return this.pump.session.peerId;
  }

  get leaveReason(): LeaveReason | undefined {
    return this.pump.session.leaveReason;
  }

  get user(): string | undefined {
    return this.pump.session.permits?.user;
  }

  get expiresAt(): number | undefined {
    return this.pump.session.permits?.expiresAt;
  }

  get openedAt(): number {
    return this.pump.openedAt;
  }

  get transport(): Carriage {
    return this.link.carriage;
  }

  get queuedBytes(): number {
    return this.link.backlog;
  }

  get framesReceived(): number {
    return this.pump.framesReceived;
  }

  get bytesReceived(): number {
    return this.pump.bytesReceived;
  }

  get framesSent(): number {
    return this.link.framesSent;
  }

  get bytesSent(): number {
    return this.link.bytesSent;
  }

  /** Adds its traffic since the last time to its dialect's; that of an unsettled one comes later. */
  sumUp(): void {
    if (this.#isUnsettled) return;
    const { traffic } = this.#common;
    const { dialect, framesReceived, framesSent, bytesReceived, bytesSent } = this;
    let sum = traffic.get(dialect);
    if (sum === undefined) traffic.set(dialect, sum = { ...NO_TRAFFIC });
    const { framesReceived: received, framesSent: sent } = this.#summed ?? NO_TRAFFIC;
    if (framesReceived === received && framesSent === sent) return;
    const summed = this.#summed ??= { ...NO_TRAFFIC };
    sum.framesReceived += framesReceived - summed.framesReceived;
    sum.framesSent += framesSent - summed.framesSent;
    sum.bytesReceived += bytesReceived - summed.bytesReceived;
    sum.bytesSent += bytesSent - summed.bytesSent;
    Object.assign(summed, { framesReceived, framesSent, bytesReceived, bytesSent });
  }

  settle(session: Session, terms?: Terms): void {
    if (terms !== undefined) {
      this.dialect = terms.dialect;
      this.goingAwayCode = terms.goingAwayCode;
      this.carrier?.adopt?.(terms.limits);
    }
    this.pump.handOver(session, terms?.limits);
    this.#announce();
  }

  /** Opens the session; a promise settles when it is done with that. */
  opened(): void | Promise<void> {
    if (this.#refusal === undefined) {
      if (!this.#isUnsettled) this.#common.observer.opened(this);
      return this.pump.open();
    }
    this.turnAway(this.#refusal);
  }

  /** Says in the dialect's words why the connection ends. */
  turnAway(refusal: SignalError): void {
    this.pump.refuse(refusal);
    this.link.close(1013, "try again later");
  }

  /** Ends the client's stay in its dialect's words. */
  expel(reason: Expulsion): void {
    this.pump.expel(reason);
    this.link.close(1013, "try again later");
  }

  receive(frame: Frame): void {
    this.pump.receive(frame);
  }

  exceeded(): void {
    this.pump.refuseSize();
  }

  takes(size: number): boolean {
    return this.pump.takes(size);
  }

  refuse(error: SignalError): void {
    this.pump.refuse(error);
  }

  ended(ending: Ending): void {
    this.#announce();
    // While it still has its id.
    this.#common.observer.ended(this, ending, this.#refusals);
    this.#common.running.delete(this.id);
    this.sumUp();
    this.pump.end(departureOf(ending));
  }

  released(): void {
    if (this.carrier !== undefined) this.#common.links.delete(this.carrier);
    if (this.#budget !== undefined) this.#common.budgets.leave(this.#budget);
    this.#onReleased();
    this.#common.onReleased();
  }

  failed(error: unknown): void {
    this.#announce();
    this.#common.observer.failed(this, error);
  }

  /** Tells of a connection once it is clear whose it is, or that it will not become clear. */
  #announce(): void {
    if (!this.#isUnsettled) return;
    this.#isUnsettled = false;
    this.#common.observer.opened(this);
  }
}
