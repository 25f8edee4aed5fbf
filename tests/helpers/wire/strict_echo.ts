import { systemClock } from "../../../src/system/clock.ts";
import { httpDate } from "../../../src/system/clock.ts";
import type { Clock } from "../../../src/core/clock.ts";
import type { Frame } from "../../../src/core/session.ts";
import type { TransportLimits } from "../../../src/transport/strict/limits.ts";
import { strictTransport } from "../../../src/transport/strict/mod.ts";
import type { Socket, SocketObserver, TlsMaterial } from "../../../src/transport/transport.ts";
import { configOf } from "../session/config.ts";

/** How a strict server for tests differs from the usual one. */
export interface StrictEchoOptions {
  readonly limits?: Partial<TransportLimits>;
  readonly maxMessageBytes?: number;
  readonly maxSilenceMs?: number;
  readonly clock?: Clock;
  readonly tls?: TlsMaterial;
  readonly port?: number;
  /** Answers requests that are no handshakes. */
  readonly respond?: (request: Request) => Response | Promise<Response>;
}

/** A server on the strict transport, whatever transport the run has. */
export interface StrictEcho extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Sockets that are not gone, in the order in which they opened. */
  readonly sockets: ReadonlySet<Socket>;
  /** How many messages have come, from all sockets. */
  readonly received: number;
  /** Events of sockets, such as "violated 1002" and "closed 1000". */
  readonly events: string[];
  /** Statuses of requests that were refused before they were whole. */
  readonly refused: number[];
  /** The listener's reports. */
  readonly broken: unknown[];
  /** Takes up another certificate. */
  renew(tls: TlsMaterial): Promise<void>;
  /** Accepts no more connections; resolves when all have ended. */
  stop(): Promise<void>;
}

/** Sends every message back. */
export function startStrictEcho(options: StrictEchoOptions = {}): StrictEcho {
  const { limits = {}, maxMessageBytes = 1 << 20, maxSilenceMs = 60_000, tls } = options;
  const { clock = systemClock, respond = echoRequest } = options;
  const transport = strictTransport({ ...configOf().transport, ...limits }, clock, httpDate);
  const events: string[] = [];
  const refused: number[] = [];
  const broken: unknown[] = [];
  const sockets = new Set<Socket>();
  let received = 0;
  const listener = transport.listen({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    tls,
    handle: (request) => {
      if (request.headers.get("upgrade") !== "websocket") return respond(request);
      const protocol = request.headers.get("sec-websocket-protocol") ?? undefined;
      const upgraded = transport.upgrade(request, maxSilenceMs, protocol);
      if (upgraded === undefined) return new Response(null, { status: 400 });
      const { socket, response } = upgraded;
      socket.limit(maxMessageBytes);
      socket.observe(new Echo(socket, sockets, events, () => received++));
      return response;
    },
    onRefused: (_remote, status) => refused.push(status),
    onBroken: (error) => broken.push(error),
  });
  const { port } = listener;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    sockets,
    get received() {
      return received;
    },
    events,
    refused,
    broken,
    renew: (fresh) => listener.renew(fresh),
    stop: () => listener.stop(),
    [Symbol.asyncDispose]: () => listener.stop(),
  };
}

/** Answers with the method, the target and the body. */
async function echoRequest(request: Request): Promise<Response> {
  const target = request.url.slice(request.url.indexOf("/", 8));
  const body = request.body === null ? "" : await new Response(request.body).text();
  return new Response(`${request.method} ${target} ${body}`);
}

class Echo implements SocketObserver {
  readonly #socket: Socket;
  readonly #sockets: Set<Socket>;
  readonly #events: string[];
  readonly #onMessage: () => void;

  constructor(socket: Socket, sockets: Set<Socket>, events: string[], onMessage: () => void) {
    this.#socket = socket;
    this.#sockets = sockets;
    this.#events = events;
    this.#onMessage = onMessage;
  }

  opened(): void {
    this.#sockets.add(this.#socket);
  }

  received(frame: Frame): void {
    this.#onMessage();
    this.#socket.writer.send(frame);
  }

  exceeded(): void {
    this.#events.push("exceeded");
    this.#socket.close(1009, "too big");
  }

  violated(code: number, reason: string): void {
    this.#events.push(`violated ${code}`);
    this.#socket.close(code, reason);
  }

  left(code: number): void {
    this.#events.push(`left ${code}`);
  }

  closed(code: number): void {
    this.#sockets.delete(this.#socket);
    this.#events.push(`closed ${code}`);
  }
}
