import type { HttpRoute, Route, StreamRoute, UpgradeRoute } from "../dialects/dialect.ts";

/** A route and who it belongs to: a dialect's name, or "server". */
export interface OwnedRoute<R extends Route = Route> {
  readonly owner: string;
  readonly route: R;
}

/** What stands at a path. */
export interface Match {
  readonly upgrade: OwnedRoute<UpgradeRoute> | undefined;
  /** Routes of dialects that share the path and are told by a connection's first frame. */
  readonly guests: readonly OwnedRoute<UpgradeRoute>[];
  readonly get: OwnedRoute<HttpRoute> | undefined;
  readonly stream: OwnedRoute<StreamRoute> | undefined;
}

interface Place {
  upgrade?: OwnedRoute<UpgradeRoute>;
  get?: OwnedRoute<HttpRoute>;
  stream?: OwnedRoute<StreamRoute>;
  guests?: OwnedRoute<UpgradeRoute>[];
}

/** Path -> who answers. Exact paths win over those with a wildcard; a trailing slash is nothing. */
export class Router {
  readonly #exact = new Map<string, Place>();
  readonly #wildcards: { readonly segments: readonly string[]; readonly owned: OwnedRoute }[] = [];
  /** First segments of exact paths, and whose they are: no wildcard of another owner covers them. */
  readonly #firstSegments = new Map<string, Set<string>>();

  /** Throws RangeError when two owners want the same place. */
  constructor(routes: readonly OwnedRoute[]) {
    for (const owned of routes) this.#add(owned);
  }

  match(pathname: string): Match {
    const path = normalise(pathname);
    const exact = this.#exact.get(path);
    const guests = exact?.guests ?? [];
    return {
      // Where the path is nobody's own, its first guest is at home.
      upgrade: exact?.upgrade ?? guests[0] ?? this.#wildcard(path, isUpgrade),
      guests,
      get: exact?.get ?? this.#wildcard(path, isGet),
      stream: exact?.stream ?? this.#wildcard(path, isStream),
    };
  }

  #add(owned: OwnedRoute): void {
    // As it stands in a request: what a path may not hold is escaped.
    const path = normalise(new URL(owned.route.path, "http://localhost").pathname);
    const segments = path.split("/").slice(1);
    if (segments.includes("*")) {
      this.#wildcards.push({ segments, owned });
      return;
    }
    const place = this.#exact.get(path) ?? {};
    this.#exact.set(path, place);
    if (isUpgrade(owned) && owned.route.recognises !== undefined) {
      (place.guests ??= []).push(owned);
      return;
    }
    if (place[owned.route.kind] !== undefined) {
      throw new RangeError(`Cannot serve two things at "${path}"`);
    }
    if (isUpgrade(owned)) place.upgrade = owned;
    else if (isGet(owned)) place.get = owned;
    else if (isStream(owned)) place.stream = owned;
    const first = segments[0] ?? "";
    const owners = this.#firstSegments.get(first) ?? new Set();
    this.#firstSegments.set(first, owners.add(owned.owner));
  }

  #wildcard<R extends Route>(
    path: string,
    isOfKind: (owned: OwnedRoute) => owned is OwnedRoute<R>,
  ): OwnedRoute<R> | undefined {
    const segments = path.split("/").slice(1);
    for (const { segments: pattern, owned } of this.#wildcards) {
      if (!isOfKind(owned) || pattern.length !== segments.length) continue;
      const first = segments[0] ?? "";
      const isForeign = pattern[0] === "*" &&
        this.#firstSegments.get(first)?.has(owned.owner) === false;
      const isCovered = pattern.every((part, at) =>
        part === segments[at] || (part === "*" && segments[at] !== "")
      );
      if (isCovered && !isForeign) return owned;
    }
    return undefined;
  }
}

function isUpgrade(owned: OwnedRoute): owned is OwnedRoute<UpgradeRoute> {
  return owned.route.kind === "upgrade";
}

function isGet(owned: OwnedRoute): owned is OwnedRoute<HttpRoute> {
  return owned.route.kind === "get";
}

function isStream(owned: OwnedRoute): owned is OwnedRoute<StreamRoute> {
  return owned.route.kind === "stream";
}

/** Without a trailing slash, but for the root. */
function normalise(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
