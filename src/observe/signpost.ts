import type { Clock } from "../core/clock.ts";
import { addressKey } from "../http/address.ts";
import { type Log, shown } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** A protocol and where clients reach it. */
export interface Endpoint {
  /** The dialect's name. */
  readonly name: string;
  readonly title: string;
  /** The path that clients are configured with. */
  readonly path: string;
  /** Last segments of all its paths, such as "id" for PeerJS. */
  readonly tails: ReadonlySet<string>;
}

/** A request that an HTTP status refused. */
export interface RefusedRequest {
  readonly address: string;
  readonly pathname: string;
  readonly status: number;
  /** The dialect whose path it is, where it asked for an upgrade and came without one. */
  readonly owner?: string;
}

export interface SignpostOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Pick<Clock, "now">;
  readonly places: readonly Endpoint[];
  /** Addresses that are remembered, so that each gets one line a minute. */
  readonly maxAddresses: number;
}

const PERIOD_MS = 60_000;

/** Paths that browsers and crawlers ask for by themselves. */
const UNASKED: ReadonlySet<string> = new Set(["/favicon.ico", "/robots.txt"]);

/** Texts of the statuses that a slightly wrong client meets. */
const TEXTS: ReadonlyMap<number, string> = new Map([
  [401, "not authorised"],
  [403, "not allowed"],
  [404, "no such path"],
  [426, "not a WebSocket handshake"],
]);

/** A segment of a path that is a plain word; others may be ids or tokens, which no line may hold. */
const WORD = /^[a-z][a-z._-]{0,15}$|^v\d$/i;

/** Points clients that are slightly wrong to the right place: one line per address and minute. */
export class Signpost {
  readonly #options: SignpostOptions;
  /** When each address last had a line, the oldest first. */
  readonly #lastAt = new Map<string, number>();

  constructor(options: SignpostOptions) {
    this.#options = options;
  }

  /** Addresses that are remembered now. */
  get size(): number {
    return this.#lastAt.size;
  }

  /** Notes a refused request; other statuses are not for the operator. */
  refused({ address, pathname, status, owner }: RefusedRequest): void {
    const text = TEXTS.get(status);
    if (text === undefined) return;
    const { metrics, log } = this.#options;
    const place = this.#options.places.find(({ name }) => name === owner) ??
      this.#placeFor(pathname);
    const dialect = status === 404 ? "none" : place?.name ?? "none";
    metrics.count("signalbox_refusals_total", { dialect, reason: `http_${status}` });
    if (UNASKED.has(pathname) || !this.#isDue(address)) return;
    // The path is right, even where the dialect has others.
    const isFound = status === 426 && owner !== undefined && place !== undefined;
    const here = isFound ? { ...place, path: readable(pathname) } : place;
    const hint = this.#hint(status, here);
    log.writeForClient("info", text, { address, path: readable(pathname), hint });
  }

  /** Notes a page whose origin may not use the server. */
  foreignOrigin(address: string, origin: string): void {
    if (!this.#isDue(address)) return;
    this.#options.log.writeForClient("info", "origin not allowed", {
      address,
      origin: shown(origin),
      hint: "add it to --allowed-origins",
    });
  }

  /** Notes a client that opened a shared path and does not speak. */
  silent(address: string, pathname: string): void {
    if (!this.#isDue(address)) return;
    this.#options.log.writeForClient("info", "waiting for HELLO", {
      address,
      path: readable(pathname),
      hint: this.#silenceHint(),
    });
  }

  /** Notes an X-Forwarded-For that does not count, because its sender is not trusted. */
  untrustedProxy(address: string): void {
    if (!this.#isDue(address)) return;
    this.#options.log.writeForClient("warning", "X-Forwarded-For ignored", {
      address,
      hint: "if this is your proxy, name it in --trust-proxy",
    });
  }

  #isDue(address: string): boolean {
    const { clock, maxAddresses } = this.#options;
    const key = addressKey(address);
    const now = clock.now();
    const last = this.#lastAt.get(key);
    if (last !== undefined && now - last < PERIOD_MS) return false;
    this.#lastAt.delete(key);
    this.#lastAt.set(key, now);
    if (this.#lastAt.size > maxAddresses) {
      const [oldest = ""] = this.#lastAt.keys();
      this.#lastAt.delete(oldest);
    }
    return true;
  }

  /** The protocol that a path resembles: it ends alike, or it contains the protocol's name. */
  #placeFor(pathname: string): Endpoint | undefined {
    const segments = pathname.toLowerCase().split("/").filter((segment) => segment !== "");
    const tail = segments.at(-1) ?? "";
    const { places } = this.#options;
    return places.find(({ name }) => segments.includes(name)) ??
      places.find(({ tails }) => tails.has(tail));
  }

  #hint(status: number, place: Endpoint | undefined): string {
    const { places } = this.#options;
    const where = (place === undefined ? places : [place])
      .map(({ title, path }) => `${title} is at ${path}`).join(", ");
    if (status === 404) return where;
    if (status === 426) return `${where}, by WebSocket; a proxy must pass the Upgrade header on`;
    return place === undefined ? "see /docs" : `see /docs/src/dialects/${place.name}/README.md`;
  }

  #silenceHint(): string {
    const sink = this.#options.places.find(({ name }) => name === "webrtcsink");
    return sink === undefined ? "clients speak first here" : `webrtcsink clients use ${sink.path}`;
  }
}

/** A path as a line may show it: plain words, and dots in place of everything else. */
function readable(pathname: string): string {
  const segments = pathname.split("/").map((part) => part === "" || WORD.test(part) ? part : "…");
  return shown(segments.join("/"));
}
