import type { Clock } from "../../core/clock.ts";
import type { Expulsion } from "../../core/expulsion.ts";
import type { Connections } from "../connections.ts";
import type { ReentryGate } from "./client.ts";
import type { SocketIoLimits } from "./limits.ts";
import type { OfferedNamespace } from "./namespace.ts";
import { type EngineHandshake, EngineSession, type SessionHost } from "./engine.ts";
import { newSid } from "./sid.ts";

/** The one Socket.IO server: all connections, by their sids. */
export class SocketIoServer implements SessionHost {
  readonly limits: SocketIoLimits;
  readonly clock: Clock;
  readonly connections: Connections;
  readonly namespaces: ReadonlyMap<string, OfferedNamespace>;
  readonly gate: ReentryGate;
  readonly #sidPrefix: string;
  readonly #sessions = new Map<string, EngineSession>();

  /** Throws RangeError when two dialects offer one namespace. */
  constructor(
    { limits, clock, connections, namespaces, gate, sidPrefix = "" }: {
      readonly limits: SocketIoLimits;
      readonly clock: Clock;
      readonly connections: Connections;
      readonly namespaces: readonly OfferedNamespace[];
      readonly gate: ReentryGate;
      /** The beginning of every sid, by which a load balancer finds this node. */
      readonly sidPrefix?: string;
    },
  ) {
    this.limits = limits;
    this.clock = clock;
    this.connections = connections;
    this.gate = gate;
    this.#sidPrefix = sidPrefix;
    const byName = new Map<string, OfferedNamespace>();
    for (const namespace of namespaces) {
      if (byName.has(namespace.name)) {
        throw new RangeError(`Cannot offer two things in the namespace "${namespace.name}"`);
      }
      byName.set(namespace.name, namespace);
    }
    this.namespaces = byName;
  }

  get isGoingAway(): boolean {
    return this.connections.isGoingAway;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get isFull(): boolean {
    return this.#sessions.size >= this.limits.maxSessions;
  }

  find(sid: string): EngineSession | undefined {
    return this.#sessions.get(sid);
  }

  newSid(): string {
    return `${this.#sidPrefix}${newSid()}`;
  }

  open(handshake: EngineHandshake): EngineSession {
    const session = new EngineSession(handshake, this);
    this.#sessions.set(session.sid, session);
    this.connections.add(session);
    return session;
  }

  ended(session: EngineSession): void {
    this.#sessions.delete(session.sid);
  }

  /** Hangs up on everybody from an address. @param key what the address counts as */
  turnOut(key: string, reason: Expulsion): void {
    const meant = [...this.#sessions.values()].filter(({ budget }) => budget.key === key);
    for (const session of meant) session.turnOut(reason);
  }

  released(session: EngineSession): void {
    this.connections.remove(session, session.budget);
    session.onReleased();
  }
}
