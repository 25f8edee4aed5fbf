import { Allowance } from "../core/allowance.ts";
import { Guesses } from "../http/guesses.ts";
import { OriginList } from "../http/origins.ts";
import { digestKey } from "../system/crypto.ts";
import { Problem } from "./problem.ts";

/** An operator, named by the token. */
export interface NamedOperator {
  readonly name: string;
  readonly role: "read" | "full";
}

/** The operator of one request. */
export interface Admitted extends NamedOperator {
  /** SHA-256 of the token, which several operators of one name tells apart. */
  readonly digest: string;
  /** False once a reload has taken the token away. */
  readonly isCurrent: () => boolean;
}

export interface AccessOptions {
  /** `TOKEN`, or `NAME:ROLE:TOKEN`; read anew for each request, because a reload changes them. */
  readonly tokens: () => readonly string[];
  /** Further origins whose pages may call. */
  readonly origins: readonly string[];
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  readonly now: () => number;
}

const REALM = 'Bearer realm="signalbox"';

/** Decides who may call the API: origins first, then tokens and their rates. */
export class OperatorAccess {
  readonly #options: AccessOptions;
  readonly #origins: OriginList | undefined;
  /** By the SHA-256 of their tokens, so that a comparison tells nothing of one. */
  #actors: ReadonlyMap<string, NamedOperator> = new Map();
  #tokens: readonly string[] = [];
  readonly #rates = new Map<string, Allowance>();
  readonly #guesses: Guesses;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#guesses = new Guesses(options.now);
    // An empty list would allow all.
    this.#origins = options.origins.length > 0 ? new OriginList(options.origins) : undefined;
  }

  /** True for a page of another origin that is configured. */
  allowsOrigin(origin: string | null): boolean {
    return origin !== null && this.#origins?.has(origin) === true;
  }

  /** Throws if a page of a foreign origin calls. */
  checkOrigin({ headers }: Request): void {
    const origin = headers.get("origin");
    if (this.allowsOrigin(origin)) return;
    const site = headers.get("sec-fetch-site");
    const isOwn = site === null
      ? origin === null || hostOf(origin) === hostOf(`http://${headers.get("host") ?? ""}`)
      : site === "same-origin" || site === "none";
    if (!isOwn) throw new Problem("forbidden_origin");
  }

  /** The operator of a request; throws without a right token, or beyond the rates. */
  admit({ headers }: Request, address: string): Admitted {
    const { now, requestsPerSecond, requestBurst } = this.#options;
    const token = /^bearer +(\S+)\s*$/i.exec(headers.get("authorization") ?? "")?.[1];
    if (token === undefined) {
      throw new Problem("unauthorized", { headers: { "www-authenticate": REALM } });
    }
    const digest = digestKey(token);
    const actor = this.#actorOf(digest);
    const waitSeconds = this.#guesses.waitSeconds(address, token, actor !== undefined);
    if (waitSeconds > 0) throw tooMany(waitSeconds);
    if (actor === undefined) {
      const challenge = `${REALM}, error="invalid_token"`;
      throw new Problem("unauthorized", { headers: { "www-authenticate": challenge } });
    }
    let rate = this.#rates.get(digest);
    if (rate === undefined) {
      rate = new Allowance(requestsPerSecond, requestBurst, now());
      this.#rates.set(digest, rate);
    }
    if (!rate.take(now())) throw tooMany(Math.ceil(1 / requestsPerSecond));
    return { ...actor, digest, isCurrent: () => this.#actorOf(digest) !== undefined };
  }

  #actorOf(digest: string): NamedOperator | undefined {
    const tokens = this.#options.tokens();
    if (tokens !== this.#tokens) {
      this.#tokens = tokens;
      this.#actors = actorsOf(tokens);
      this.#rates.clear();
    }
    return this.#actors.get(digest);
  }
}

function tooMany(seconds: number): Problem {
  return new Problem("rate_limited", { headers: { "retry-after": String(seconds) } });
}

function actorsOf(tokens: readonly string[]): ReadonlyMap<string, NamedOperator> {
  return new Map(tokens.map((text) => {
    const [, name = "operator", role = "full", token = text] =
      /^([^:]+):(read|full):(.+)$/.exec(text) ?? [];
    return [digestKey(token), { name, role: role === "read" ? "read" : "full" }];
  }));
}

/** The host of a URL without its port, because some proxies do not pass the port on. */
function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
