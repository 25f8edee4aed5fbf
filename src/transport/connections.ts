import { type Breaks, visitAll } from "../core/breaks.ts";
import type { Clock } from "../core/clock.ts";
import type { Expulsion } from "../core/expulsion.ts";
import {
  type Acceptance,
  type Carried,
  type Carrier,
  Connection,
  type ConnectionFacts,
  type ConnectionObserver,
  type SharedParts,
  type Sweepable,
} from "./connection.ts";
import { closeOneByOne } from "./drain.ts";
import { EventStreamLink } from "./event_stream.ts";
import type { CountedLink, StreamLink, Traffic } from "./links.ts";
import { type OutputBudget, type OutputBudgetLimits, OutputBudgets } from "./output_budget.ts";
import type { Socket } from "./transport.ts";
import { WebSocketLink } from "./websocket.ts";

export type {
  Acceptance,
  Carrier,
  Connection,
  ConnectionFacts,
  ConnectionInfo,
  ConnectionObserver,
  Sweepable,
} from "./connection.ts";

const SWEEP_MS = 1_000;

/** All sockets of the server, one sweep for all of them, and their common end. */
export class Connections implements Disposable {
  readonly #maxQueuedBytes: number;
  readonly #common: SharedParts;
  readonly #sweep: Disposable;
  #nextId = 1;
  #empty: PromiseWithResolvers<void> | undefined;

  /**
   * @param keyOf which addresses count as one
   * @param relays messages that were relayed
   */
  constructor(
    clock: Clock,
    observer: ConnectionObserver,
    limits: OutputBudgetLimits,
    keyOf: (address: string) => string = (address) => address,
    relays: { readonly count: number } = { count: 0 },
  ) {
    this.#maxQueuedBytes = limits.maxQueuedBytes;
    this.#common = {
      budgets: new OutputBudgets(limits),
      keyOf,
      links: new Map(),
      running: new Map(),
      traffic: new Map(),
      observer,
      relays,
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

  /** Connections that have not ended, oldest first. */
  running(): Iterable<ConnectionFacts> {
    return this.#common.running.values();
  }

  /** A connection that has not ended. */
  find(id: string): ConnectionFacts | undefined {
    return this.#common.running.get(id);
  }

  /** Sockets and streams that were admitted and still exist, by dialect; counted in short turns. */
  async census(breaks: Breaks): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    await visitAll(this.#common.links.values(), breaks, ({ countsAs }) => {
      if (countsAs !== undefined) counts.set(countsAs, (counts.get(countsAs) ?? 0) + 1);
    });
    return counts;
  }

  /**
   * Frames and bytes since the start, by dialect; those of unsettled connections come later. It is
   * summed in short turns. No number is ever less than before, also of connections that end meanwhile.
   */
  async traffic(breaks: Breaks): Promise<ReadonlyMap<string, Traffic>> {
    await visitAll(this.#common.running.values(), breaks, (connection) => connection.sumUp());
    return structuredClone(this.#common.traffic);
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
  add(carrier: Carrier & Sweepable): void {
    this.#common.links.set(carrier, carrier);
  }

  /** The carrier is gone, and with it its descriptor. */
  remove(carrier: Carrier, budget: OutputBudget): void {
    this.#common.links.delete(carrier);
    this.#common.budgets.leave(budget);
    this.#common.onReleased();
  }

  /** Runs a session over a link which somebody who was added carries, sweeps and drains. */
  attach<L extends CountedLink>(
    acceptance: Acceptance<L>,
    makeLink: (connection: Connection) => L,
  ): L {
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
   * Hangs up on everybody from an address; not on those whose carrier was added.
   * @param key what the address counts as
   */
  turnOut(key: string, reason: Expulsion): void {
    const meant = [...this.#common.running.values()].filter((one) =>
      one.link.isOpen && one.key === key
    );
    for (const connection of meant) connection.expel(reason);
  }

  /** Hangs up on every connection whose token names the user. */
  turnOutUser(user: string, reason: Expulsion): void {
    const meant = [...this.#common.running.values()].filter((one) =>
      one.link.isOpen && one.user === user
    );
    for (const connection of meant) connection.expel(reason);
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
    this.#common.running.set(connection.id, connection);
    if (connection.carrier !== undefined) {
      this.#common.links.set(connection.carrier, connection);
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
