import type { Clock } from "../core/clock.ts";
import type { ErrorCode, SignalError } from "../core/errors.ts";
import type { OutputLimits } from "../core/limits.ts";
import type { Frame, Link, PeerId, Session, StreamLink, Terms, Unsettled } from "../core/types.ts";
import { EventStreamLink } from "./event_stream.ts";
import { type OutputBudget, type OutputBudgetLimits, OutputBudgets } from "./output_budget.ts";
import { Pump } from "./pump.ts";
import { type Ending, type LinkObserver, WebSocketLink } from "./websocket.ts";

/** A connection, as logs and metrics see it. */
export interface ConnectionInfo {
  readonly id: string;
  readonly address: string;
  readonly dialect: string;
  /** The id under which the client is known now, where it has one. */
  readonly peerId?: PeerId | undefined;
  /** What its dialect calls a refusal. */
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

/** What it takes to run one accepted socket, or one stream. */
export interface Acceptance<L extends Link = Link> extends Terms {
  readonly address: string;
  readonly createSession: (link: L, connection: Unsettled) => Session;
  /** The session will say whose the connection is: nobody is told of it before. */
  readonly isUnsettled?: boolean;
  /** Refuses the connection in the dialect's own words instead of serving it. */
  readonly refusal?: SignalError | undefined;
  /** The socket and its descriptor are gone. */
  readonly onReleased: () => void;
}

const SWEEP_MS = 1_000;
const DRAIN_BATCHES = 20;

/** All sockets of the server, one sweep for all of them, and their common end. */
export class Connections implements Disposable {
  readonly #maxQueuedBytes: number;
  readonly #common: Common;
  readonly #sweep: Disposable;
  #nextId = 1;
  #onEmpty: (() => void) | undefined;

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
      observer,
      clock,
      isGoingAway: false,
      onReleased: () => {
        if (this.size === 0) this.#onEmpty?.();
      },
    };
    this.#sweep = clock.every(SWEEP_MS, () => this.#sweepAll());
  }

  /** Sockets that exist, those on their way out included. */
  get size(): number {
    return this.#common.links.size;
  }

  /** Bytes that wait for all clients. */
  get queuedBytes(): number {
    return this.#common.budgets.bytes;
  }

  /** Runs a session over an upgraded socket. */
  accept(socket: WebSocket, acceptance: Acceptance): void {
    this.#run(acceptance, (connection) => {
      const { limits } = acceptance;
      const { clock } = this.#common;
      const { budget } = connection;
      const link = new WebSocketLink(socket, connection, limits, connection, clock, budget);
      return { link, session: acceptance.createSession(link, connection) };
    });
  }

  /** Runs a session over the answer to a request; the session is opened at once. */
  stream(acceptance: Acceptance<StreamLink>): Promise<Response> {
    const response = Promise.withResolvers<Response>();
    const connection = this.#run(acceptance, (connection) => {
      const link = new EventStreamLink(
        connection,
        acceptance.limits,
        connection,
        this.#common.clock.now,
        connection.budget,
      );
      response.resolve(link.response);
      return { link, session: acceptance.createSession(link, connection) };
    });
    connection.opened();
    return response.promise;
  }

  /** Closes every connection as going away, spread over a time so that clients do not return at once. */
  async drain(spreadMs: number): Promise<void> {
    this.#common.isGoingAway = true;
    const links = shuffle([...this.#common.links.keys()]);
    const batchSize = spreadMs > 0 ? Math.ceil(links.length / DRAIN_BATCHES) : links.length;
    for (let start = 0; start < links.length; start += batchSize) {
      for (const link of links.slice(start, start + batchSize)) link.close(1001);
      if (start + batchSize < links.length) {
        await this.#common.clock.delay(spreadMs / DRAIN_BATCHES);
      }
    }
    // Closing the last batch was one step: nobody is left whose end could end another.
    this.#common.isGoingAway = false;
  }

  /** Resolves when no socket is left. */
  emptied(): Promise<void> {
    if (this.#common.links.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty = resolve);
  }

  [Symbol.dispose](): void {
    this.#sweep[Symbol.dispose]();
  }

  #run(acceptance: Acceptance<never>, carry: (connection: Connection) => Carried): Connection {
    const connection = new Connection(`${this.#nextId++}`, acceptance, this.#common, carry);
    this.#common.links.set(connection.link, connection.pump);
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

/** A link as its owner sees it. */
interface OwnedLink extends Link {
  /** Bytes that waited for the client when last looked at. */
  readonly backlog: number;
  /** Gives the client up when it has accepted nothing for too long. */
  checkStall(nowMs: number): void;
  giveUp(): void;
  /** Keeps to other limits from now on; only where a connection may settle on other terms. */
  adopt?(limits: OutputLimits): void;
}

interface Carried {
  readonly link: OwnedLink;
  readonly session: Session;
}

/** What all connections share. */
interface Common {
  readonly budgets: OutputBudgets;
  readonly keyOf: (address: string) => string;
  readonly links: Map<OwnedLink, Pump>;
  readonly observer: ConnectionObserver;
  readonly clock: Clock;
  isGoingAway: boolean;
  readonly onReleased: () => void;
}

/** One socket or stream, its session and what is known of them. */
class Connection implements LinkObserver, ConnectionInfo, Unsettled {
  readonly id: string;
  readonly address: string;
  dialect: string;
  goingAwayCode: number | undefined;
  readonly budget: OutputBudget;
  readonly link: OwnedLink;
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
    this.budget = common.budgets.enter(common.keyOf(acceptance.address));
    const { link, session } = carry(this);
    this.link = link;
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

  get isGoingAway(): boolean {
    return this.#common.isGoingAway;
  }

  get peerId(): PeerId | undefined {
    return this.pump.session.peerId;
  }

  settle(session: Session, terms?: Terms): void {
    if (terms !== undefined) {
      this.dialect = terms.dialect;
      this.goingAwayCode = terms.goingAwayCode;
      this.link.adopt?.(terms.limits);
    }
    this.pump.handOver(session, terms?.limits);
    this.#announce();
  }

  opened(): void {
    if (this.#refusal === undefined) {
      if (!this.#isUnsettled) this.#common.observer.opened(this);
      this.pump.open();
      return;
    }
    this.pump.refuse(this.#refusal);
    this.link.close(1013, "try again later");
  }

  received(frame: Frame): void {
    this.pump.receive(frame);
  }

  takes(size: number): boolean {
    return this.pump.takes(size);
  }

  ended(ending: Ending): void {
    this.#announce();
    // While it still has its id.
    this.#common.observer.ended(this, ending, this.#refusals);
    const isFarewell = "isFarewell" in ending && ending.isFarewell === true;
    this.pump.end(isFarewell ? "left" : "lost");
  }

  released(): void {
    this.#common.links.delete(this.link);
    this.#common.budgets.leave(this.budget);
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

function shuffle<T>(items: T[]): T[] {
  return items.map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order).map(({ item }) => item);
}
