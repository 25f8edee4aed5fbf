import type { Clock } from "../../core/clock.ts";
import type { Visit } from "../../core/visit.ts";
import { type BodyFault, readBody, readBytes } from "../../http/body.ts";
import type { Gate } from "../../http/gate.ts";
import { asksForUpgrade, objectionToHandshake, selectProtocol } from "../../http/handshake.ts";
import {
  decodeBinaryPayload,
  decodePayload,
  encodePayload,
} from "../../transport/socket_io/payload.ts";
import type { TurnedAway } from "../../observe/journal.ts";
import type { SocketIoLimits } from "../../transport/socket_io/limits.ts";
import type { SocketIoServer } from "../../transport/socket_io/server.ts";
import type { EngineSession } from "../../transport/socket_io/engine.ts";
import type { Transport, Upgraded } from "../../transport/transport.ts";

export interface SocketIoDoorOptions {
  readonly server: SocketIoServer;
  readonly gate: Gate;
  readonly transport: Pick<Transport, "upgrade">;
  readonly clock: Clock;
  /** A handshake was refused. */
  readonly onTurnedAway: (visitor: TurnedAway, status: number) => void;
}

/** The answers of Engine.IO to requests that it cannot serve. */
const FAULTS = {
  transport: { status: 400, code: 0, message: "Transport unknown" },
  session: { status: 400, code: 1, message: "Session ID unknown" },
  method: { status: 400, code: 2, message: "Bad handshake method" },
  request: { status: 400, code: 3, message: "Bad request" },
  late: { status: 408, code: 3, message: "Bad request" },
  large: { status: 413, code: 3, message: "Bad request" },
  forbidden: { status: 403, code: 4, message: "Forbidden" },
};
const BODY_FAULTS: Record<BodyFault, keyof typeof FAULTS> = {
  too_large: "large",
  too_slow: "late",
  not_text: "request",
};

/** Engine.IO's requests: handshakes, polls, posts and websockets. */
export class SocketIoDoor {
  readonly #options: SocketIoDoorOptions;

  constructor(options: SocketIoDoorOptions) {
    this.#options = options;
  }

  isAt(pathname: string): boolean {
    return pathname === "/socket.io/" || pathname === "/socket.io";
  }

  handle(request: Request, visit: Visit): Response | Promise<Response> {
    const { server, gate, onTurnedAway } = this.#options;
    const { url, address } = visit;
    const sid = url.searchParams.get("sid");
    if (sid === null) {
      const response = this.#shakeHands(request, visit);
      if (response instanceof Response && response.status >= 400) {
        onTurnedAway({ dialect: "socket.io", address, pathname: url.pathname }, response.status);
      }
      return response;
    }
    if (!isTransport(url)) return fault("transport");
    const session = server.find(sid);
    if (session === undefined) return fault("session");
    if (!gate.allows(visit.origin ?? null)) return fault("forbidden");
    if (isWebSocket(url)) return this.#probe(request, visit, session);
    if (!isPolling(request, url) || !session.isPolling) return fault("request");
    if (request.method === "GET") return poll(request, session);
    return request.method === "POST" ? this.#post(request, session) : fault("request");
  }

  #shakeHands(request: Request, visit: Visit): Response | Promise<Response> {
    const { server, gate } = this.#options;
    const { url } = visit;
    if (!isTransport(url)) return fault("transport");
    if (request.method !== "GET") return fault("method");
    if (!isWebSocket(url) && !isPolling(request, url)) return fault("request");
    const objection = isWebSocket(url) ? objectionToWebSocket(request) : undefined;
    if (objection !== undefined) return objection;
    if (server.isFull) return fault("forbidden");
    const admission = gate.admit(visit.address, visit.origin ?? null);
    if (admission === undefined) return fault("forbidden");
    if (admission.refusal !== undefined) {
      admission.release();
      return fault("forbidden");
    }
    const revision = url.searchParams.get("EIO") === "4" ? 4 : 3;
    const shared = { visit, revision, onReleased: admission.release } as const;
    if (!isWebSocket(url)) {
      const session = server.open({ ...shared, transport: "polling" });
      session.begin();
      return poll(request, session);
    }
    const upgraded = this.#upgrade(request, visit, server.limits);
    if (upgraded === undefined) {
      admission.release();
      return fault("request");
    }
    server.open({ ...shared, transport: "websocket" }).carry(upgraded.socket);
    return upgraded.response;
  }

  /** A websocket beside the polls. */
  #probe(request: Request, visit: Visit, session: EngineSession): Response {
    const objection = objectionToWebSocket(request);
    if (objection !== undefined) return objection;
    if (!session.mayProbe) return fault("request");
    const upgraded = this.#upgrade(request, visit, session.limits);
    if (upgraded === undefined) return fault("request");
    session.probe(upgraded.socket);
    return upgraded.response;
  }

  /**
   * Engine.IO has heartbeats of its own, but only a transport that finds a client dead releases the
   * descriptor: it checks for that just before the heartbeats end.
   */
  #upgrade(
    request: Request,
    { protocols }: Visit,
    { pingIntervalMs, pingTimeoutMs }: SocketIoLimits,
  ): Upgraded | undefined {
    const silenceMs = Math.max(1_000, pingIntervalMs + pingTimeoutMs - 1_000);
    // The reference server stands on the npm library `ws`, which selects the first offered protocol.
    const protocol = selectProtocol(protocols, [], true);
    return this.#options.transport.upgrade(request, silenceMs, protocol);
  }

  async #post(request: Request, session: EngineSession): Promise<Response> {
    if (!session.beginPost()) return fault("request");
    const { maxPayloadBytes, maxPayloadPackets, bodyTimeoutMs } = session.limits;
    const bounds = { maxBytes: maxPayloadBytes, timeoutMs: bodyTimeoutMs };
    const isBinary = request.headers.get("content-type") === "application/octet-stream";
    const body = isBinary
      ? await readBytes(request, bounds, this.#options.clock)
      : await readBody(request, bounds, this.#options.clock);
    // It ended while the body came.
    if (!session.isOpen) return fault("session");
    if ("fault" in body) {
      session.endPost(undefined);
      return fault(BODY_FAULTS[body.fault]);
    }
    const { revision } = session;
    if ("text" in body) {
      const packets = decodePayload(body.text, revision, maxPayloadPackets);
      return session.endPost(packets) ? done() : fault("request");
    }
    // Since revision 4 binary data is text, too.
    const packets = revision === 3 ? decodeBinaryPayload(body.bytes, maxPayloadPackets) : undefined;
    return session.endPost(packets) ? done() : fault("request");
  }
}

/** Waits for packets; when the client does not wait so long, it has gone. */
function poll(request: Request, session: EngineSession): Promise<Response> | Response {
  const { promise, resolve } = Promise.withResolvers<Response>();
  let isAnswered = false;
  const isWaiting = session.poll((packets) => {
    isAnswered = true;
    resolve(packets === undefined ? fault("session") : payload(packets, session));
  });
  if (!isWaiting) return fault("request");
  // The runtime may abort after a good answer, too.
  const abort = (): void => {
    if (!isAnswered) session.pollAborted();
  };
  if (request.signal.aborted) abort();
  else request.signal.addEventListener("abort", abort, { once: true });
  return promise;
}

function payload(packets: readonly string[], { revision }: EngineSession): Response {
  return new Response(encodePayload(packets, revision), {
    headers: { "content-type": "text/plain; charset=UTF-8", "cache-control": "no-store" },
  });
}

function done(): Response {
  return new Response("ok", {
    headers: { "content-type": "text/html", "cache-control": "no-store" },
  });
}

function fault(name: keyof typeof FAULTS): Response {
  const { status, code, message } = FAULTS[name];
  return Response.json({ code, message }, { status });
}

function isTransport(url: URL): boolean {
  return isWebSocket(url) || url.searchParams.get("transport") === "polling";
}

function isWebSocket(url: URL): boolean {
  return url.searchParams.get("transport") === "websocket";
}

/** Whether polling is what was asked for; polling by script elements, which no client needs, is not. */
function isPolling(request: Request, url: URL): boolean {
  return !asksForUpgrade(request) && !url.searchParams.has("j");
}

function objectionToWebSocket(request: Request): Response | undefined {
  return asksForUpgrade(request) ? objectionToHandshake(request) : fault("request");
}
