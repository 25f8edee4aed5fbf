import type { Visit } from "../../core/visit.ts";
import type { TrustedProxies } from "../../http/address.ts";
import { plain } from "../../http/answers.ts";
import type { CorsPolicy } from "../../http/cors.ts";
import { asksForUpgrade, objectionToHandshake } from "../../http/handshake.ts";
import { wantsHtml } from "../../http/landing.ts";
import type { HttpRoute } from "../../http/route.ts";
import { allowedMethods, type Match, type Router } from "../../http/router.ts";
import { readTarget, readVisit } from "../../http/visit.ts";
import type { Signpost } from "../../observe/signpost.ts";
import type { SocketIoDoor } from "./socket_io_door.ts";
import { goingAway, Streams, wantsStream } from "./streams.ts";
import { Upgrades, type UpgradesOptions } from "./upgrades.ts";

export interface DoorOptions extends UpgradesOptions {
  readonly router: Router;
  readonly cors: CorsPolicy;
  readonly proxies: TrustedProxies;
  /** The prefix of every path, such as "/signal"; mostly empty. */
  readonly basePath: string;
  /** Undefined if no dialect is reached by Socket.IO. */
  readonly socketIo?: SocketIoDoor | undefined;
  /** Points clients that are slightly wrong to the right place. */
  readonly signpost: Pick<Signpost, "foreignOrigin" | "refused" | "silent" | "untrustedProxy">;
  /** True while the other nodes of the cluster cannot be reached. */
  readonly isUnreachable: () => boolean;
  readonly onFault: (error: unknown) => void;
}

/** The answer to a request, as it is before the headers for browsers. */
interface Dispatched {
  readonly answer: Response | Promise<Response>;
  readonly hasCredentials?: true;
  /** The client and its path, for hints; undefined if hints have no use. */
  readonly asked?: {
    readonly address: string;
    readonly pathname: string;
    readonly owner?: string;
  };
}

/** Takes every request to a dialect's socket, to a resource, or to a clear refusal. */
export class Door {
  readonly #options: DoorOptions;
  readonly #streams: Streams;
  readonly #upgrades: Upgrades;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#streams = new Streams(options);
    this.#upgrades = new Upgrades(options);
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
      const finish = (response: Response): Response => {
        // The headers of an upgrade are the runtime's, and its request cannot be read any more.
        if (response.status === 101) return response;
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
    const isSocketIo = socketIo?.isAt(visit.url.pathname) === true;
    const isNewcomer = isSocketIo ? !visit.url.searchParams.has("sid") : isUpgrade;
    if (isNewcomer && this.#options.isUnreachable() && !proxies.ignores(remote)) {
      return { answer: this.#passOn(visit, isSocketIo), hasCredentials: true };
    }
    if (isSocketIo) {
      const answer = this.#options.isClosed() ? goingAway() : socketIo.handle(request, visit);
      return { answer, hasCredentials: true };
    }
    if (isUpgrade) return this.#connect(request, visit);
    const match = this.#options.router.match(visit.url.pathname);
    const { owner } = match.upgrade ?? match.stream ?? {};
    return {
      answer: this.#answer(request, visit, match),
      asked: {
        address,
        pathname: visit.url.pathname,
        ...(owner === undefined ? {} : { owner }),
      },
    };
  }

  /** Has a load balancer try the next node; clients without one learn the reason from their dialect. */
  #passOn({ address, url: { pathname } }: Visit, isSocketIo: boolean): Response {
    const { router, onTurnedAway } = this.#options;
    const owner = isSocketIo ? "socket.io" : router.match(pathname).upgrade?.owner;
    if (owner === undefined) return plain(404, "Not found");
    onTurnedAway({ dialect: owner, address, pathname }, 503);
    return plain(503, "Server is not available, try again", { "retry-after": "1" });
  }

  /** Notes the two mistakes of a configuration that no status shows. */
  #warn({ headers }: Request, { address, origin }: Visit, remote: string): void {
    const { gate, proxies, signpost } = this.#options;
    if (headers.get("x-forwarded-for") !== null && proxies.ignores(remote)) {
      signpost.untrustedProxy(address);
    }
    if (origin !== undefined && !gate.allows(origin)) signpost.foreignOrigin(address, origin);
  }

  #answer(request: Request, visit: Visit, match: Match): Response | Promise<Response> {
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

  #connect(request: Request, visit: Visit): Dispatched {
    const { address, url: { pathname } } = visit;
    const { upgrade, guests } = this.#options.router.match(pathname);
    const asked = { address, pathname };
    if (upgrade === undefined) return { answer: plain(404, "Not found"), asked };
    const objection = objectionToHandshake(request);
    if (objection === undefined) {
      return { answer: this.#upgrades.handle({ request, visit, upgrade, guests }) };
    }
    // A signpost counts 426.
    if (objection.status !== 426) {
      this.#options.onTurnedAway({ dialect: upgrade.owner, ...asked }, objection.status);
    }
    return { answer: objection, asked: { ...asked, owner: upgrade.owner } };
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
