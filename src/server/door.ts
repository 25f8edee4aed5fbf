import type { Clock } from "../core/clock.ts";
import type { OwnedRoute, Router } from "../http/router.ts";
import { SignalError } from "../core/errors.ts";
import type { HttpMessage, StreamRoute, UpgradeRoute } from "../dialects/dialect.ts";
import { FirstFrameSession } from "./first_frame.ts";
import type { TrustedProxies } from "../http/address.ts";
import { plain } from "../http/answers.ts";
import { type BodyFault, readBody } from "../http/body.ts";
import type { CorsPolicy } from "../http/cors.ts";
import type { Gate } from "../http/gate.ts";
import { wantsHtml } from "../http/landing.ts";
import { asksForUpgrade, objectionToHandshake } from "../http/handshake.ts";
import type { Visitor } from "../observe/visitor.ts";
import type { SocketIoDoor } from "./socket_io_door.ts";
import type { Connections } from "../transport/connections.ts";
import type { Transport } from "../transport/transport.ts";

export interface DoorOptions {
  readonly router: Router;
  readonly gate: Gate;
  readonly cors: CorsPolicy;
  readonly proxies: TrustedProxies;
  readonly connections: Connections;
  readonly transport: Pick<Transport, "upgrade">;
  /** Where some dialect is reached by Socket.IO. */
  readonly socketIo?: SocketIoDoor | undefined;
  readonly clock: Clock;
  /** Longest silence of a client before it is gone, unless its dialect has a time of its own. */
  readonly maxSilenceMs: number;
  /** The page at `/` for people. */
  readonly page: string;
  /** A WebSocket was refused without a connection. */
  readonly onTurnedAway: (visitor: Visitor, status: number) => void;
  readonly onFault: (error: unknown) => void;
}

/** Whose a path is, and who else is recognised there. */
interface Claimants {
  readonly owned: OwnedRoute<UpgradeRoute>;
  readonly guests: readonly OwnedRoute<UpgradeRoute>[];
}

/** Every request comes in here: to a dialect's socket, to a plain resource, or to a clear refusal. */
export class Door {
  readonly #options: DoorOptions;
  /** Set while the server ends: nobody is let in any more. */
  isClosed = false;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Never throws: a fault of ours is a 500 for one client. */
  handle(request: Request, remote: string): Response | Promise<Response> {
    const { cors, socketIo, onFault } = this.#options;
    const fault = (error: unknown): Response => {
      onFault(error);
      return plain(500, "Internal server error");
    };
    try {
      const url = readUrl(request);
      if (url === undefined) return cors.apply(request, plain(400, "Bad request target"));
      const isSocketIo = socketIo?.isAt(url.pathname) === true;
      const answer = isSocketIo
        ? this.#talk(request, url, remote)
        : asksForUpgrade(request)
        ? this.#connect(request, url, remote)
        : this.#answer(request, url, remote);
      // The headers of an upgrade are the runtime's.
      if (answer instanceof Response && answer.status === 101) return answer;
      if (answer instanceof Response) return cors.apply(request, answer, isSocketIo);
      return answer.catch(fault).then((response) => cors.apply(request, response, isSocketIo));
    } catch (error) {
      return cors.apply(request, fault(error));
    }
  }

  #talk(request: Request, url: URL, remote: string): Response | Promise<Response> {
    const { cors, proxies, socketIo } = this.#options;
    if (request.method === "OPTIONS" || socketIo === undefined) return cors.preflight(request);
    if (this.isClosed) return plain(503, "Server is going away", { "retry-after": "5" });
    const address = proxies.clientAddress(remote, request.headers.get("x-forwarded-for"));
    return socketIo.handle(request, url, address);
  }

  #answer(request: Request, url: URL, remote: string): Response | Promise<Response> {
    if (request.method === "OPTIONS") return this.#options.cors.preflight(request);
    if (url.pathname === "/" && isReading(request) && wantsHtml(request)) {
      return html(this.#options.page);
    }
    const { get, upgrade, stream } = this.#options.router.match(url.pathname);
    if (get === undefined && upgrade === undefined) return plain(404, "Not found");
    const isPost = request.method === "POST";
    if (stream !== undefined && (isPost || (request.method === "GET" && wantsStream(request)))) {
      return this.#stream(request, url, stream, remote);
    }
    if (!isReading(request)) {
      const allow = stream === undefined ? "GET, HEAD, OPTIONS" : "GET, HEAD, POST, OPTIONS";
      return plain(405, "Method not allowed", { allow });
    }
    if (get === undefined) {
      return plain(426, "This is a WebSocket endpoint", { upgrade: "websocket" });
    }
    const response = get.route.handle(url);
    if (url.pathname === "/") response.headers.append("vary", "Accept");
    return response;
  }

  /** A stream of events, or a frame by POST: limits and origins hold as for sockets. */
  async #stream(
    request: Request,
    url: URL,
    { owner, route }: OwnedRoute<StreamRoute>,
    remote: string,
  ): Promise<Response> {
    const { gate, connections, proxies, onTurnedAway } = this.#options;
    if (this.isClosed) return plain(503, "Server is going away", { "retry-after": "5" });
    const address = proxies.clientAddress(remote, request.headers.get("x-forwarded-for"));
    const isStream = wantsStream(request);
    const admission = gate.admit(address, request.headers.get("origin"), !isStream);
    let isHandedOn = false;
    try {
      if (admission === undefined) return plain(503, "Too many connections");
      if (admission.refusal !== undefined) {
        const response = route.refuse(admission.refusal);
        onTurnedAway({ dialect: owner, address, pathname: url.pathname }, response.status);
        return response;
      }
      const message = await readMessage(request, { url, route, clock: this.#options.clock });
      if (message instanceof Response) {
        admission.wasStranger?.();
        return message;
      }
      // The body took its time: what is done now would be forgotten with this process.
      if (this.isClosed) return plain(503, "Server is going away", { "retry-after": "5" });
      if (!isStream) {
        const { response, isProven } = await route.post(message);
        if (!isProven) admission.wasStranger?.();
        return response;
      }
      isHandedOn = true;
      return await connections.stream({
        dialect: owner,
        address,
        limits: route.limits,
        createSession: (link) => route.connect(message, link),
        onReleased: admission.release,
      });
    } finally {
      if (!isHandedOn) admission?.release();
    }
  }

  #connect(request: Request, url: URL, remote: string): Response {
    const { router, proxies, onTurnedAway } = this.#options;
    const { upgrade: owned, guests } = router.match(url.pathname);
    const address = proxies.clientAddress(remote, request.headers.get("x-forwarded-for"));
    const { pathname } = url;
    if (owned === undefined) {
      onTurnedAway({ dialect: "none", address, pathname }, 404);
      return plain(404, "Not found");
    }
    const objection = objectionToHandshake(request);
    const response = objection ?? this.#upgrade(request, url, { owned, guests }, address);
    if (response.status !== 101) {
      onTurnedAway({ dialect: owned.owner, address, pathname }, response.status);
    }
    return response;
  }

  #upgrade(
    request: Request,
    url: URL,
    { owned: { owner, route }, guests }: Claimants,
    address: string,
  ): Response {
    const { gate, connections, transport, maxSilenceMs } = this.#options;
    if (this.isClosed) return plain(503, "Server is going away", { "retry-after": "5" });
    const admission = gate.admit(address, request.headers.get("origin"));
    if (admission === undefined) return plain(503, "Too many connections", { "retry-after": "5" });
    const silenceMs = route.maxSilenceMs ?? maxSilenceMs;
    const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
    const spoken = [route, ...guests.map((guest) => guest.route)].flatMap(({ protocols = [] }) =>
      protocols
    );
    const protocol = offered.map((name) => name.trim()).find((name) => spoken.includes(name));
    const upgraded = transport.upgrade(request, silenceMs, protocol);
    if (upgraded === undefined) {
      admission.release();
      return plain(400, "Bad WebSocket handshake");
    }
    connections.accept(upgraded.socket, {
      dialect: owner,
      address,
      limits: route.limits,
      goingAwayCode: route.goingAwayCode,
      isUnsettled: guests.length > 0,
      createSession: (link, connection) => {
        const own = route.connect(url, link);
        return guests.length === 0 ? own : new FirstFrameSession(url, own, guests, connection);
      },
      refusal: admission.refusal,
      onReleased: admission.release,
    });
    return upgraded.response;
  }
}

/** The request's URL; undefined when its path has a broken escape. */
function readUrl(request: Request): URL | undefined {
  try {
    const url = new URL(request.url);
    decodeURIComponent(url.pathname);
    return url;
  } catch {
    return undefined;
  }
}

function wantsStream({ headers }: Request): boolean {
  return headers.get("accept")?.toLowerCase().includes("text/event-stream") === true;
}

const BODY_FAULTS: Record<BodyFault, SignalError> = {
  too_large: new SignalError("frame_too_large", "Message is too large"),
  too_slow: new SignalError("bad_frame", "Message took too long"),
  not_text: new SignalError("not_json", "Message is no text"),
};

/** The whole of a request, or the answer to one that cannot be read. */
async function readMessage(
  request: Request,
  { url, route: { limits, bodyTimeoutMs, refuse }, clock }: {
    readonly url: URL;
    readonly route: StreamRoute;
    readonly clock: Clock;
  },
): Promise<HttpMessage | Response> {
  const { headers } = request;
  const method = request.method === "POST" ? "POST" : "GET";
  const bounds = { maxBytes: limits.maxFrameBytes, timeoutMs: bodyTimeoutMs };
  const body = await readBody(request, bounds, clock);
  if ("text" in body) return { method, url, headers, body: body.text };
  return refuse(BODY_FAULTS[body.fault]);
}

function isReading({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function html(page: string): Response {
  return new Response(page, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
      "vary": "Accept",
    },
  });
}
