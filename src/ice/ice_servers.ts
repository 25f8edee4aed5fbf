import { createHash, createHmac } from "node:crypto";

/** One entry of the browser's `iceServers`. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** Servers of a provider, with credentials that expire. */
export interface Fetched {
  readonly iceServers: readonly IceServer[];
  /** In ms since 1970. */
  readonly expiresAt: number;
}

/** A client, as its token names it. */
export interface IceClient {
  /** The TURN servers see this name. */
  readonly user: string | undefined;
  /** The moment, in ms since 1970, after which no credential may be good; undefined for none. */
  readonly endsAt: number | undefined;
}

/** Where credentials for the TURN URLs come from; undefined for STUN alone. */
export type TurnAccess =
  /** Credentials that expire, made with the secret that the TURN servers know. */
  | { readonly secret: string; readonly ttlSeconds: number }
  | { readonly username: string; readonly credential: string };

/** The ICE servers for one client, and how long they can be used. */
export interface IceGrant {
  readonly iceServers: readonly IceServer[];
  readonly ttlSeconds: number;
  /** In ms since 1970. */
  readonly expiresAt: number;
  /** True if the provider's servers are missing at the moment. */
  readonly isIncomplete: boolean;
}

/** A name that TURN servers and their logs can hold as it is. */
const PLAIN_NAME = /^[A-Za-z0-9._@-]{1,64}$/;
const HASHED_NAME_LENGTH = 16;
const NOBODY = "anonymous";

/** Grants STUN and TURN servers to clients, with credentials of their own. */
export class IceServers {
  readonly #stun: readonly string[];
  readonly #turn: readonly string[];
  readonly #access: () => TurnAccess | undefined;
  readonly #fetched: { readonly current: Fetched | undefined } | undefined;
  readonly #ttlSeconds: number;
  readonly #wallNow: () => number;
  /** Credentials granted so far. */
  count = 0;

  constructor(
    { urls, access, fetched, ttlSeconds, wallNow }: {
      readonly urls: readonly string[];
      /** Read for each client, because a reload may change it. */
      readonly access: () => TurnAccess | undefined;
      /** The servers of a provider, beside the others. */
      readonly fetched?: { readonly current: Fetched | undefined } | undefined;
      readonly ttlSeconds: number;
      readonly wallNow: () => number;
    },
  ) {
    this.#stun = urls.filter((url) => url.startsWith("stun"));
    this.#turn = urls.filter((url) => url.startsWith("turn"));
    this.#access = access;
    this.#fetched = fetched;
    this.#ttlSeconds = ttlSeconds;
    this.#wallNow = wallNow;
  }

  /** All STUN URLs are one entry, and all TURN URLs another. */
  grant({ user, endsAt = Infinity }: Partial<IceClient> = {}): IceGrant {
    const now = this.#wallNow();
    const fetched = this.#fetched?.current;
    if (fetched !== undefined) this.count++;
    const { iceServers = [], expiresAt: fetchedEnds = Infinity } = fetched ?? {};
    const expiresAt = Math.min(now + this.#ttlSeconds * 1_000, endsAt, fetchedEnds);
    const ttlSeconds = Math.max(0, Math.floor((expiresAt - now) / 1_000));
    const stun = this.#stun.length > 0 ? [{ urls: this.#stun }] : [];
    const turn = this.#turn.length > 0
      ? [{ urls: this.#turn, ...this.#credentials(user, expiresAt) }]
      : [];
    return {
      iceServers: [...stun, ...turn, ...iceServers],
      ttlSeconds,
      expiresAt,
      isIncomplete: this.#fetched !== undefined && fetched === undefined,
    };
  }

  #credentials(user: string | undefined, expiresAt: number): Partial<IceServer> {
    const access = this.#access();
    if (access === undefined) return {};
    this.count++;
    return "secret" in access ? temporary(access.secret, user, expiresAt) : access;
  }
}

/** Credentials by draft-uberti-behave-turn-rest-00, which coturn and others check. */
function temporary(
  secret: string,
  user: string | undefined,
  expiresAt: number,
): { readonly username: string; readonly credential: string } {
  const username = `${Math.floor(expiresAt / 1_000)}:${nameOf(user)}`;
  return { username, credential: createHmac("sha1", secret).update(username).digest("base64") };
}

/** Another name is hashed: it may hold a colon, or more than a log should. */
function nameOf(user: string | undefined): string {
  if (user === undefined) return NOBODY;
  if (PLAIN_NAME.test(user)) return user;
  return createHash("sha256").update(user).digest("base64url").slice(0, HASHED_NAME_LENGTH);
}
