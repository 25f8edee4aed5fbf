import type { HttpRoute, Method, Route, StreamRoute, UpgradeRoute } from "./route.ts";

/** A route and its owner: a dialect's name, or "server". */
export interface OwnedRoute<R extends Route = Route> {
  readonly owner: string;
  readonly route: R;
}

/** Everything at one path. */
export interface Match {
  readonly upgrade: OwnedRoute<UpgradeRoute> | undefined;
  /** Routes of dialects that share the path; a connection's first frame tells them apart. */
  readonly guests: readonly OwnedRoute<UpgradeRoute>[];
  readonly stream: OwnedRoute<StreamRoute> | undefined;
  /** Plain resources; of one method first those for a preferred type. */
  readonly resources: readonly OwnedRoute<HttpRoute>[];
}

interface PathRoutes {
  upgrade?: OwnedRoute<UpgradeRoute>;
  stream?: OwnedRoute<StreamRoute>;
  readonly guests: OwnedRoute<UpgradeRoute>[];
  readonly resources: OwnedRoute<HttpRoute>[];
}

/** A place whose path has a wildcard. */
interface WildcardRoute {
  readonly segments: readonly string[];
  readonly owned: OwnedRoute;
}

/** The methods of `Allow`, in their order there. */
const METHODS: readonly Method[] = ["GET", "POST", "PUT", "DELETE"];

/** Finds routes by path. Exact paths win over those with a wildcard; a trailing slash is ignored. */
export class Router {
  readonly #exact = new Map<string, PathRoutes>();
  readonly #patterns: WildcardRoute[] = [];
  /** First segments of exact paths and their owners: no wildcard of another owner covers them. */
  readonly #firstSegments = new Map<string, Set<string>>();

  /** Throws RangeError when two owners want the same place. */
  constructor(routes: readonly OwnedRoute[]) {
    for (const owned of routes) this.#add(owned);
  }

  match(pathname: string): Match {
    const path = normalise(pathname);
    const exact = this.#exact.get(path);
    const guests = exact?.guests ?? [];
    const resources = exact?.resources ?? [];
    return {
      // At a path that no dialect has for itself, the first guest takes what nobody recognises.
      upgrade: exact?.upgrade ?? guests[0] ?? this.#covering(path, isUpgrade)[0],
      guests,
      stream: exact?.stream ?? this.#covering(path, isStream)[0],
      resources: resources.length > 0 ? resources : this.#covering(path, isHttp),
    };
  }

  #add(owned: OwnedRoute): void {
    // As it stands in a request, where some characters are escaped.
    const path = normalise(new URL(owned.route.path, "http://localhost").pathname);
    const segments = path.split("/").slice(1);
    if (segments.includes("*")) {
      this.#patterns.push({ segments, owned });
      return;
    }
    const place = this.#exact.get(path) ?? { guests: [], resources: [] };
    this.#exact.set(path, place);
    if (isUpgrade(owned) && owned.route.recognises !== undefined) {
      place.guests.push(owned);
      return;
    }
    if (isOccupied(place, owned)) throw new RangeError(`Cannot serve two things at "${path}"`);
    if (isUpgrade(owned)) place.upgrade = owned;
    else if (isStream(owned)) place.stream = owned;
    else if (isHttp(owned)) insert(place.resources, owned);
    const first = segments[0] ?? "";
    const owners = this.#firstSegments.get(first) ?? new Set();
    this.#firstSegments.set(first, owners.add(owned.owner));
  }

  /** Routes of a kind whose wildcards cover a path. */
  #covering<R extends Route>(
    path: string,
    isOfKind: (owned: OwnedRoute) => owned is OwnedRoute<R>,
  ): OwnedRoute<R>[] {
    const segments = path.split("/").slice(1);
    return this.#patterns.flatMap(({ segments: pattern, owned }) => {
      if (!isOfKind(owned) || pattern.length !== segments.length) return [];
      const first = segments[0] ?? "";
      const isForeign = pattern[0] === "*" &&
        this.#firstSegments.get(first)?.has(owned.owner) === false;
      const isCovered = pattern.every((part, at) =>
        part === segments[at] || (part === "*" && segments[at] !== "")
      );
      return isCovered && !isForeign ? [owned] : [];
    });
  }
}

/** The value of `Allow` at a place: every method that its routes answer. */
export function allowedMethods({ upgrade, stream, resources }: Match): string {
  const isServed = (method: Method): boolean =>
    resources.some(({ route }) => route.method === method) ||
    // A plain GET for a WebSocket is answered with the advice to upgrade.
    (method === "GET" && (upgrade ?? stream) !== undefined) ||
    (method === "POST" && stream !== undefined);
  const served = METHODS.filter(isServed);
  const withHead = served.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
  return [...withHead, "OPTIONS"].join(", ");
}

function isOccupied({ upgrade, stream, resources }: PathRoutes, owned: OwnedRoute): boolean {
  if (isUpgrade(owned)) return upgrade !== undefined;
  if (isStream(owned)) return stream !== undefined;
  return isHttp(owned) &&
    resources.some(({ route: { method, prefers } }) =>
      method === owned.route.method && prefers === owned.route.prefers
    );
}

function insert(resources: OwnedRoute<HttpRoute>[], owned: OwnedRoute<HttpRoute>): void {
  if (owned.route.prefers === undefined) resources.push(owned);
  else resources.unshift(owned);
}

function isUpgrade(owned: OwnedRoute): owned is OwnedRoute<UpgradeRoute> {
  return owned.route.kind === "upgrade";
}

function isHttp(owned: OwnedRoute): owned is OwnedRoute<HttpRoute> {
  return owned.route.kind === "http";
}

function isStream(owned: OwnedRoute): owned is OwnedRoute<StreamRoute> {
  return owned.route.kind === "stream";
}

/** Without a trailing slash, but for the root. */
function normalise(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
