import type { Visit } from "../core/visit.ts";
import type { TrustedProxies } from "../http/address.ts";
import { plain } from "../http/answers.ts";
import type { CorsPolicy } from "../http/cors.ts";
import { asksForUpgrade, objectionToHandshake, selectProtocol } from "../http/handshake.ts";
import { wantsHtml } from "../http/landing.ts";
import type { HttpRoute, UpgradeRoute } from "../http/route.ts";
import { allowedMethods, type Match, type OwnedRoute, type Router } from "../http/router.ts";
import { readTarget, readVisit } from "../http/visit.ts";
import type { Signpost } from "../observe/signpost.ts";
import type { Transport } from "../transport/transport.ts";
import { FirstFrameSession } from "./first_frame.ts";
import type { SocketIoDoor } from "./socket_io_door.ts";
import { goingAway, Streams, type StreamsOptions, wantsStream } from "./streams.ts";

export interface DoorOptions extends StreamsOptions {
  readonly router: Router;
  readonly cors: CorsPolicy;
  readonly proxies: TrustedProxies;
  /** The prefix of every path, such as "/signal"; mostly empty. */
  readonly basePath: string;
  readonly transport: Pick<Transport, "upgrade">;
  /** Undefined if no dialect is reached by Socket.IO. */
  readonly socketIo?: SocketIoDoor | undefined;
  /** Longest silence of a client before it is gone, unless its dialect has a time of its own. */
  readonly maxSilenceMs: number;
  /** Points clients that are slightly wrong to the right place. */
  readonly signpost: Pick<Signpost, "foreignOrigin" | "refused" | "silent" | "untrustedProxy">;
  readonly onFault: (error: unknown) => void;
}

/** The answer to a request, as it is before the headers for browsers. */
interface Dispatched {
  readonly answer: Response | Promise<Response>;
  readonly hasCredentials?: true;
  /** The client and its path, for hints; undefined if hints have no use. */
  readonly asked?: { readonly address: string; readonly pathname: string };
}

/** Takes every request to a dialect's socket, to a resource, or to a clear refusal. */
export class Door {
  readonly #options: DoorOptions;
  readonly #streams: Streams;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#streams = new Streams(options);
  }

  /** Never throws: a fault of ours is a 500 for one client. */
  handle(request: Request, remote: string): Response | Promise<Response> {
    const { cors, onFault, signpost } = this.#options;
    const fault = (error: unknown): Response => {
      onFault(error);
      return plain(500, "Internal server error");
    };
    try {
      const { answer, hasCredentials, asked } = this.#dispatch(request, remote);
      // The headers of an upgrade are the runtime's.
      if (answer instanceof Response && answer.status === 101) return answer;
      const finish = (response: Response): Response => {
        if (asked !== undefined) signpost.refused({ ...asked, status: response.status });
        return cors.apply(request, response, hasCredentials);
      };
      return answer instanceof Response ? finish(answer) : answer.catch(fault).then(finish);
    } catch (error) {
      return cors.apply(request, fault(error));
    }
  }

  #dispatch(request: Request, remote: string): Dispatched {
    const { cors, proxies, socketIo, basePath } = this.#options;
    const target = readTarget(request, basePath);
    if (target === "bad") return { answer: plain(400, "Bad request target") };
    const isUpgrade = asksForUpgrade(request);
    if (request.method === "OPTIONS" && !isUpgrade) {
      const isSocketIo = target !== "elsewhere" && socketIo?.isAt(target.url.pathname) === true;
      return { answer: cors.preflight(request), ...(isSocketIo ? { hasCredentials: true } : {}) };
    }
    const address = proxies.clientAddress(remote, request.headers.get("x-forwarded-for"));
    if (target === "elsewhere") {
      const pathname = request.url.replace(/^\w+:\/\/[^/]*|[?#].*$/g, "");
      return { answer: plain(404, "Not found"), asked: { address, pathname } };
    }
    const visit = readVisit(request, target.url, address);
    this.#warn(request, visit, remote);
    if (socketIo?.isAt(visit.url.pathname) === true) {
      const answer = this.#options.isClosed() ? goingAway() : socketIo.handle(request, visit);
      return { answer, hasCredentials: true };
    }
    const asked = { address, pathname: visit.url.pathname };
    const answer = isUpgrade ? this.#connect(request, visit) : this.#answer(request, visit);
    return { answer, asked };
  }

  /** Notes the two mistakes of a configuration that no status shows. */
  #warn({ headers }: Request, { address, origin }: Visit, remote: string): void {
    const { gate, proxies, signpost } = this.#options;
    if (headers.get("x-forwarded-for") !== null && proxies.ignores(remote)) {
      signpost.untrustedProxy(address);
    }
    if (origin !== undefined && !gate.allows(origin)) signpost.foreignOrigin(address, origin);
  }

  #answer(request: Request, visit: Visit): Response | Promise<Response> {
    const match = this.#options.router.match(visit.url.pathname);
    const { upgrade, stream, resources } = match;
    if ((upgrade ?? stream ?? resources[0]) === undefined) return plain(404, "Not found");
    const { method } = request;
    const isPost = method === "POST";
    if (stream !== undefined && (isPost || (method === "GET" && wantsStream(request)))) {
      return this.#streams.handle(request, visit, stream);
    }
    const resource = resourceFor(request, match);
    if (resource !== undefined) return serve(resource, request, visit, match);
    const isReading = method === "GET" || method === "HEAD";
    if (isReading && (upgrade ?? stream) !== undefined) {
      return plain(426, "This is a WebSocket endpoint", { upgrade: "websocket" });
    }
    return plain(405, "Method not allowed", { allow: allowedMethods(match) });
  }

  #connect(request: Request, visit: Visit): Response {
    const { router, onTurnedAway } = this.#options;
    const { address, url: { pathname } } = visit;
    const match = router.match(pathname);
    if (match.upgrade === undefined) return plain(404, "Not found");
    const { upgrade: owned, guests } = match;
    const response = objectionToHandshake(request) ?? this.#upgrade(request, visit, owned, guests);
    // A signpost counts 426.
    if (response.status !== 101 && response.status !== 426) {
      onTurnedAway({ dialect: owned.owner, address, pathname }, response.status);
    }
    return response;
  }

  #upgrade(
    request: Request,
    visit: Visit,
    { owner, route }: OwnedRoute<UpgradeRoute>,
    guests: readonly OwnedRoute<UpgradeRoute>[],
  ): Response {
    const { gate, connections, transport, maxSilenceMs, clock, signpost, isClosed } = this.#options;
    if (isClosed()) return goingAway();
    const { address } = visit;
    const admission = gate.admit(address, visit.origin ?? null);
    if (admission === undefined) return plain(503, "Too many connections", { "retry-after": "5" });
    const silenceMs = route.maxSilenceMs ?? maxSilenceMs;
    const spoken = [route, ...guests.map((guest) => guest.route)].flatMap(({ protocols = [] }) =>
      protocols
    );
    const protocol = selectProtocol(visit.protocols, spoken, route.acceptsAnyProtocol === true);
    const upgraded = transport.upgrade(request, silenceMs, protocol);
    if (upgraded === undefined) {
      admission.release();
      return plain(400, "Bad WebSocket handshake");
    }
    connections.accept(upgraded.socket, {
      dialect: owner,
      address,
      origin: visit.origin,
      userAgent: visit.userAgent,
      limits: route.limits,
      goingAwayCode: route.goingAwayCode,
      isUnsettled: guests.length > 0,
      createSession: (link, connection) => {
        const own = route.connect(visit, link);
        if (guests.length === 0) return own;
        const onSilent = (): void => signpost.silent(address, visit.url.pathname);
        return new FirstFrameSession({ visit, own, guests, connection, clock, onSilent });
      },
      refusal: admission.refusal,
      onReleased: admission.release,
    });
    return upgraded.response;
  }
}

/** The resource for a request's method and preferred type; undefined if there is none. */
function resourceFor(request: Request, { resources }: Match): HttpRoute | undefined {
  const method = request.method === "HEAD" ? "GET" : request.method;
  return resources.map(({ route }) => route).find(({ method: served, prefers }) =>
    served === method && (prefers === undefined || wantsHtml(request))
  );
}

function serve(
  route: HttpRoute,
  request: Request,
  visit: Visit,
  { resources }: Match,
): Response | Promise<Response> {
  const refusal = route.access === "open" ? undefined : route.access(visit);
  const answer = refusal instanceof Promise
    ? refusal.then((response) => response ?? route.handle(request, visit))
    : refusal ?? route.handle(request, visit);
  if (!resources.some((one) => one.route.prefers !== undefined)) return answer;
  return answer instanceof Promise ? answer.then(varying) : varying(answer);
}

/** Tells caches that the answer depends on the type that the client prefers. */
function varying(response: Response): Response {
  response.headers.append("vary", "Accept");
  return response;
}
