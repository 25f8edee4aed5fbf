import type { OutputBudgetLimits } from "../../../src/transport/output_budget.ts";
import { NO_BUDGET } from "./budget.ts";
import type { LinkLimits } from "../../../src/core/limits.ts";
import type { NamespaceGreeting, NamespaceLink } from "../../../src/transport/links.ts";
import {
  type ConnectionInfo,
  type ConnectionObserver,
  Connections,
} from "../../../src/transport/connections.ts";
import type { SocketIoLimits } from "../../../src/transport/socket_io/limits.ts";
import type { OfferedNamespace } from "../../../src/transport/socket_io/namespace.ts";
import type { Revision } from "../../../src/transport/socket_io/payload.ts";
import { SocketIoServer } from "../../../src/transport/socket_io/server.ts";
import type { EngineSession } from "../../../src/transport/socket_io/engine.ts";
import type { Ending } from "../../../src/transport/websocket.ts";
import type { SignalError } from "../../../src/core/errors.ts";
import { configOf } from "./config.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeSocket } from "./fake_socket.ts";
import { settle, WIDE_LIMITS } from "./hub.ts";
import { type Script, ScriptedSession } from "./scripted_session.ts";
import { visitOf } from "./visit.ts";

export const NAMESPACE_LIMITS: LinkLimits = {
  ...WIDE_LIMITS,
  identifyTimeoutMs: 600_000,
  maxQueuedBytes: 1_000_000,
  stallTimeoutMs: 15_000,
};

/** The limits of an operator who changes nothing. */
export const STANDARD_LIMITS: SocketIoLimits = configOf().socketIo;

/** A session of the tests, whose link can do what a namespace's can. */
export interface NamespaceSession extends ScriptedSession {
  readonly link: NamespaceLink;
}

/** The actions of a test of this layer, without a network. */
export class EngineBench implements Disposable {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  readonly connections: Connections;
  readonly server: SocketIoServer;
  /** In the order of their making. */
  readonly sessions: NamespaceSession[] = [];
  readonly urls: URL[] = [];
  readonly greetings: NamespaceGreeting[] = [];
  released = 0;
  /** Why nobody may come back into a namespace; undefined while everybody may. */
  reentryRefusal: SignalError | undefined = undefined;

  /** @param script of each session, given its link */
  constructor(
    { limits = {}, names = ["/", "/ssp"], namespaceLimits = {}, script = () => ({}), budget = {} }:
      {
        readonly limits?: Partial<SocketIoLimits>;
        readonly names?: readonly string[];
        readonly namespaceLimits?: Partial<LinkLimits>;
        readonly script?: (link: NamespaceLink) => Script;
        readonly budget?: Partial<OutputBudgetLimits>;
      } = {},
  ) {
    this.connections = new Connections(this.clock, observer(this.log), { ...NO_BUDGET, ...budget });
    const namespaces = names.map((name): OfferedNamespace => ({
      name,
      dialect: "test",
      limits: { ...NAMESPACE_LIMITS, ...namespaceLimits },
      connect: ({ url }, link, greeting) => {
        this.urls.push(url);
        this.greetings.push(greeting);
        // Made of that very link.
        const session = new ScriptedSession(link, script(link)) as NamespaceSession;
        this.sessions.push(session);
        return session;
      },
    }));
    this.server = new SocketIoServer({
      limits: { ...STANDARD_LIMITS, ...limits },
      clock: this.clock,
      connections: this.connections,
      namespaces,
      gate: { readmit: () => this.reentryRefusal },
    });
  }

  poll(revision: Revision = 4): Poller {
    const session = this.#open(revision, "polling");
    session.begin();
    return new Poller(session);
  }

  /** A client whose handshake was a websocket, which is open. */
  connect(revision: Revision = 4): FakeSocket & { readonly session: EngineSession } {
    const session = this.#open(revision, "websocket");
    const socket = new FakeSocket();
    session.carry(socket.asSocket);
    socket.opens();
    return Object.assign(socket, { session });
  }

  #open(revision: Revision, transport: "polling" | "websocket"): EngineSession {
    return this.server.open({
      visit: visitOf("/socket.io/?token=t"),
      revision,
      transport,
      onReleased: () => this.released++,
    });
  }

  [Symbol.dispose](): void {
    this.connections[Symbol.dispose]();
  }
}

/** "over" where the session was when it was asked. */
export type Answer = readonly string[] | "over" | "pending";

/** A client that polls, when the test lets it. */
export class Poller {
  readonly session: EngineSession;

  constructor(session: EngineSession) {
    this.session = session;
  }

  /** Polls, and leaves the poll behind if nothing comes of it. */
  get(): { answer: Answer } {
    const poll: { answer: Answer } = { answer: "pending" };
    const isTaken = this.session.poll((packets) => poll.answer = packets ?? "over");
    if (!isTaken) poll.answer = "over";
    return poll;
  }

  /** The packets that wait for it. */
  async heard(): Promise<Answer> {
    const poll = this.get();
    await settle();
    return poll.answer;
  }

  post(...packets: (string | Uint8Array)[]): boolean {
    return this.session.beginPost() && this.session.endPost(packets);
  }
}

function observer(log: string[]): ConnectionObserver {
  return {
    opened: ({ dialect, address }: ConnectionInfo) => log.push(`opened ${dialect} ${address}`),
    refused: (_: ConnectionInfo, { code }: SignalError) => log.push(`refused ${code}`),
    ended: (_: ConnectionInfo, ending: Ending) => {
      const code = "code" in ending ? ` ${ending.code} ${ending.reason}`.trimEnd() : "";
      log.push(`ended by ${ending.by}${code}`);
    },
    failed: (_: ConnectionInfo, error: unknown) => log.push(`failed ${error}`),
  };
}
