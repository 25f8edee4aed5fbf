import type { Clock } from "../core/clock.ts";
import type { ErrorCode, SignalError } from "../core/errors.ts";
import type { LinkLimits } from "../core/limits.ts";
import type { PeerId } from "../core/events.ts";
import type { Frame, Link, Session, Terms, Unsettled } from "../core/session.ts";
import type { StreamLink } from "./links.ts";
import { closeOneByOne } from "./drain.ts";
import { EventStreamLink } from "./event_stream.ts";
import { type OutputBudget, type OutputBudgetLimits, OutputBudgets } from "./output_budget.ts";
import { Pump } from "./pump.ts";
import type { Socket } from "./transport.ts";
import { departureOf, type Ending, type LinkObserver, WebSocketLink } from "./websocket.ts";

/** A connection, as logs and metrics see it. */
export interface ConnectionInfo {
  readonly id: string;
  readonly address: string;
  readonly dialect: string;
  /** The id under which the client is known now, where it has one. */
  readonly peerId?: PeerId | undefined;
  /** The dialect's name of a refusal. */
  wordFor?(code: ErrorCode): string | undefined;
}

/** Told of everything worth a log line or a count. */
export interface ConnectionObserver {
  opened(connection: ConnectionInfo): void;
  /** `count` is the number of refusals of this connection so far. */
  refused(connection: ConnectionInfo, error: SignalError, count: number): void;
  ended(connection: ConnectionInfo, ending: Ending, refusals: number): void;
  failed(connection: ConnectionInfo, error: unknown): void;
}

/** The parts that one accepted socket or one stream needs. */
export interface Acceptance<L extends Link = Link> extends Terms {
  readonly address: string;
  readonly createSession: (link: L, connection: Unsettled) => Session;
  /** True if the session will name the connection's owner: no observer learns of it before. */
  readonly isUnsettled?: boolean;
  /** Refuses the connection in the dialect's own words instead of serving it. */
  readonly refusal?: SignalError | undefined;
  /** The socket and its descriptor are gone. */
  readonly onReleased: () => void;
}

const SWEEP_MS = 1_000;

/** All sockets of the server, one sweep for all of them, and their common end. */
export class Connections implements Disposable {
  readonly #maxQueuedBytes: number;
  readonly #common: Common;
  readonly #sweep: Disposable;
  #nextId = 1;
  #empty: PromiseWithResolvers<void> | undefined;

  /** @param keyOf which addresses count as one */
  constructor(
    clock: Clock,
    observer: ConnectionObserver,
    limits: OutputBudgetLimits,
    keyOf: (address: string) => string = (address) => address,
  ) {
    this.#maxQueuedBytes = limits.maxQueuedBytes;
    this.#common = {
      budgets: new OutputBudgets(limits),
      keyOf,
      links: new Map(),
      running: new Set(),
      observer,
      clock,
      isGoingAway: false,
      onReleased: () => {
        if (this.size > 0) return;
        this.#empty?.resolve();
        this.#empty = undefined;
      },
    };
    this.#sweep = clock.every(SWEEP_MS, () => this.#sweepAll());
  }

  /** Sockets that exist, those on their way out included. */
  get size(): number {
    return this.#common.links.size;
  }

  get isGoingAway(): boolean {
    return this.#common.isGoingAway;
  }

  /** Bytes that wait for all clients. */
  get queuedBytes(): number {
    return this.#common.budgets.bytes;
  }

  /** Runs a session over an upgraded socket. */
  accept(socket: Socket, acceptance: Acceptance): void {
    this.#run(acceptance, (connection) => {
      const { limits } = acceptance;
      const budget = this.budgetOf(acceptance.address);
      socket.limit(limits.maxFrameBytes);
      const link = new WebSocketLink(socket, connection, limits, connection, budget);
      const session = acceptance.createSession(link, connection);
      return { link, carrier: link, budget, session };
    });
  }

  /**
   * The output budget of one more carrier of an address; given back when the carrier is released.
   */
  budgetOf(address: string): OutputBudget {
    return this.#common.budgets.enter(this.#common.keyOf(address));
  }

  /** Sweeps, drains and counts a carrier of several connections like a socket, until it is removed. */
  add(carrier: Carrier & Checked): void {
    this.#common.links.set(carrier, carrier);
  }

  /** The carrier is gone, and with it its descriptor. */
  remove(carrier: Carrier, budget: OutputBudget): void {
    this.#common.links.delete(carrier);
    this.#common.budgets.leave(budget);
    this.#common.onReleased();
  }

  /** Runs a session over a link which somebody who was added carries, sweeps and drains. */
  attach<L extends Link>(acceptance: Acceptance<L>, makeLink: (connection: Connection) => L): L {
    const connection = this.#run(acceptance, (connection) => {
      const link = makeLink(connection);
      return { link, session: acceptance.createSession(link, connection) };
    });
    // The very link that was just made.
    return connection.link as L;
  }

  /** Runs a session over the answer to a request; the session is opened at once. */
  stream(acceptance: Acceptance<StreamLink>): Promise<Response> {
    const response = Promise.withResolvers<Response>();
    const connection = this.#run(acceptance, (connection) => {
      const budget = this.budgetOf(acceptance.address);
      const link = new EventStreamLink(
        connection,
        acceptance.limits,
        connection,
        this.#common.clock.now,
        budget,
      );
      response.resolve(link.response);
      const session = acceptance.createSession(link, connection);
      return { link, carrier: link, budget, session };
    });
    connection.opened();
    return response.promise;
  }

  /**
   * Closes every connection as going away, one after the other over a time so that clients do not
   * return at once. Those that open meanwhile stay.
   * @param signal ends it early, between two connections
   */
  drain(spreadMs: number, signal?: AbortSignal): Promise<void> {
    const common = this.#common;
    return closeOneByOne([...common.links.keys()], {
      ...{ clock: common.clock, spreadMs, signal },
      mark: (isGoingAway) => common.isGoingAway = isGoingAway,
    });
  }

  /**
   * Hangs up on everybody from an address, as if they were newcomers that are refused; not on those
   * whose carrier was added.
   * @param key what the address counts as
   */
  turnOut(key: string, refusal: SignalError): void {
    const meant = [...this.#common.running].filter((one) => one.link.isOpen && one.key === key);
    for (const connection of meant) connection.turnAway(refusal);
  }

  /** Resolves when no socket is left. */
  emptied(): Promise<void> {
    if (this.#common.links.size === 0) return Promise.resolve();
    return (this.#empty ??= Promise.withResolvers<void>()).promise;
  }

  [Symbol.dispose](): void {
    this.#sweep[Symbol.dispose]();
  }

  #run(acceptance: Acceptance<never>, carry: (connection: Connection) => Carried): Connection {
    const connection = new Connection(`${this.#nextId++}`, acceptance, this.#common, carry);
    if (connection.carrier !== undefined) {
      this.#common.running.add(connection);
      this.#common.links.set(connection.carrier, connection.pump);
    }
    return connection;
  }

  #sweepAll(): void {
    const now = this.#common.clock.now();
    let queued = 0;
    for (const [link, pump] of this.#common.links) {
      pump.checkIdentified(now);
      link.checkStall(now);
      if (link.isOpen) queued += link.backlog;
    }
    if (queued > this.#maxQueuedBytes) this.#giveUpFullest(queued);
  }

  #giveUpFullest(queued: number): void {
    const fullest = [...this.#common.links.keys()].filter((link) => link.isOpen && link.backlog > 0)
      .sort((a, b) => b.backlog - a.backlog);
    for (const link of fullest) {
      if (queued <= this.#maxQueuedBytes) return;
      queued -= link.backlog;
      link.giveUp();
    }
  }
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
export type Checked = Pick<Pump, "checkIdentified">;

interface Carried {
  readonly link: Link;
  /** Sweeping and draining for this connection alone. */
  readonly carrier?: Carrier;
  /** The output budget of the carrier. */
  readonly budget?: OutputBudget;
  readonly session: Session;
}

/** Shared by all connections. */
interface Common {
  readonly budgets: OutputBudgets;
  readonly keyOf: (address: string) => string;
  readonly links: Map<Carrier, Checked>;
  /** Connections that have not ended, but for those whose carrier was added. */
  readonly running: Set<Connection>;
  readonly observer: ConnectionObserver;
  readonly clock: Clock;
  isGoingAway: boolean;
  readonly onReleased: () => void;
}

/** One socket, stream or namespace, its session and what is known of them. */
export class Connection implements LinkObserver, ConnectionInfo, Unsettled {
  readonly id: string;
  readonly address: string;
  dialect: string;
  goingAwayCode: number | undefined;
  readonly link: Link;
  readonly carrier: Carrier | undefined;
  readonly #budget: OutputBudget | undefined;
  readonly pump: Pump;
  readonly #refusal: SignalError | undefined;
  readonly #onReleased: () => void;
  readonly #common: Common;
  #refusals = 0;
  /** Not told of yet. */
  #isUnsettled: boolean;

  constructor(
    id: string,
    acceptance: Acceptance<never>,
    common: Common,
    carry: (connection: Connection) => Carried,
  ) {
    this.id = id;
    this.address = acceptance.address;
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
    );
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

  received(frame: Frame): void {
    this.pump.receive(frame);
  }

  exceeded(): void {
    this.pump.refuseSize();
  }

  takes(size: number): boolean {
    return this.pump.takes(size);
  }

  ended(ending: Ending): void {
    this.#announce();
    // While it still has its id.
    this.#common.observer.ended(this, ending, this.#refusals);
    this.#common.running.delete(this);
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
