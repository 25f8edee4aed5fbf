import { NO_BUDGET } from "../session/budget.ts";
import { Door } from "../../../src/server/door/door.ts";
import { TrustedProxies } from "../../../src/http/address.ts";
import { CorsPolicy } from "../../../src/http/cors.ts";
import { Gate, type GateLimits } from "../../../src/http/gate.ts";
import { Router } from "../../../src/http/router.ts";
import { SocketIoDoor } from "../../../src/server/door/socket_io_door.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { Connections } from "../../../src/transport/connections.ts";
import type { SocketIoLimits } from "../../../src/transport/socket_io/limits.ts";
import { SocketIoServer } from "../../../src/transport/socket_io/server.ts";
import { configOf } from "../session/config.ts";
import { STANDARD_LIMITS } from "../session/engine_bench.ts";
import { Relay } from "../session/relay_namespace.ts";
import { testTransport } from "./transport.ts";
import { within } from "./waiting.ts";

export interface SocketIoTestServer extends AsyncDisposable {
  /** Such as "http://127.0.0.1:4711". */
  readonly url: string;
  readonly wsUrl: string;
  readonly relay: Relay;
  readonly gate: Gate;
  readonly connections: Connections;
  readonly server: SocketIoServer;
  /** Faults of the server; they have to stay absent. */
  readonly faults: unknown[];
  /** The ends of connections, in the words of a log. */
  readonly endings: string[];
}

/** The layer behind the real door and the real listener, with the tests' relay in it. */
export function startSocketIoServer(
  { limits = {}, gateLimits = {}, origins = [], names = ["/"] }: {
    readonly limits?: Partial<SocketIoLimits>;
    readonly gateLimits?: Partial<GateLimits>;
    readonly origins?: readonly string[];
    readonly names?: readonly string[];
  } = {},
): SocketIoTestServer {
  const undo = new DisposableStack();
  const clock = systemClock;
  const faults: unknown[] = [];
  const endings: string[] = [];
  const connections = undo.use(
    new Connections(clock, {
      opened: () => {},
      refused: () => {},
      ended: (_, ending) => {
        endings.push("code" in ending ? `${ending.by} ${ending.code}` : ending.by);
      },
      failed: (_, error) => faults.push(error),
    }, NO_BUDGET),
  );
  const relay = new Relay();
  const gate = new Gate({ ...configOf().limits, ...gateLimits }, origins, clock.now);
  const server = new SocketIoServer({
    limits: { ...STANDARD_LIMITS, ...limits },
    clock,
    connections,
    namespaces: relay.namespaces(names),
    gate,
  });
  const onTurnedAway = (): void => {};
  const transport = testTransport();
  let isClosed = false;
  const door = new Door({
    isClosed: () => isClosed,
    isUnreachable: () => false,
    router: new Router([]),
    gate,
    cors: new CorsPolicy(origins),
    proxies: new TrustedProxies([]),
    connections,
    transport,
    clock,
    maxSilenceMs: 30_000,
    basePath: "",
    socketIo: new SocketIoDoor({ server, gate, transport, clock, onTurnedAway }),
    onTurnedAway,
    onRequestRefused: () => {},
    signpost: {
      refused: () => {},
      foreignOrigin: () => {},
      silent: () => {},
      untrustedProxy: () => {},
    },
    onFault: (error) => faults.push(error),
  });
  const listener = transport.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: undefined,
    handle: (request, remote) => door.handle(request, remote),
    onBroken: (error) => faults.push(error),
  });
  const url = `http://127.0.0.1:${listener.port}`;
  return {
    url,
    wsUrl: url.replace("http", "ws"),
    relay,
    gate,
    connections,
    server,
    faults,
    endings,
    async [Symbol.asyncDispose](): Promise<void> {
      isClosed = true;
      await connections.drain(0);
      await within("every connection to end", connections.emptied());
      await listener.stop();
      undo.dispose();
    },
  };
}
