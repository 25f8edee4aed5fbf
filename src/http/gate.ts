import { refilled } from "../core/allowance.ts";
import { type ErrorCode, SignalError } from "../core/errors.ts";
import { AddressKeys } from "./address.ts";
import type { AddressBans } from "./bans.ts";
import { OriginList } from "./origins.ts";

/** How many connections there may be; Infinity where the configuration says `unlimited`. */
export interface GateLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** New connections from one address per second, and at once on top of that. */
  readonly connectionsPerSecond: number;
  readonly connectionBurst: number;
  /** Client addresses that are remembered. */
  readonly maxAddresses: number;
  /**
   * Connections that exist only to be refused. A browser cannot read the status of a failed upgrade,
   * so a refusal is a short connection. Each costs a descriptor.
   */
  readonly maxRefusalConnections: number;
}

/** A way in, to be given back when the socket is gone. */
export interface Admission {
  /** The refusal, for which the connection opens only briefly. */
  readonly refusal: SignalError | undefined;
  release(): void;
  /** The brief request proved nothing: an address has only so many of these. */
  wasStranger?(): void;
}

interface Visitor {
  connections: number;
  tokens: number;
  /** Tokens of brief requests that prove no identity, within the same rate. */
  strangerTokens: number;
  refilledAt: number;
}

const TEXTS: Partial<Record<ErrorCode, string>> = {
  server_full: "server is full",
  address_full: "too many connections from this address",
  address_rate: "too many new connections from this address",
  origin_forbidden: "origin is not allowed",
  address_banned: "this address is banned",
};

const TOO_MANY_STRANGERS = "too many messages without credentials from this address";

/** The error for a client that is refused now or turned out later. */
export function refusalFor(code: ErrorCode): SignalError {
  return new SignalError(code, TEXTS[code]);
}

/** Decides, before any upgrade, who may connect: counters per address, and the list of origins. */
export class Gate {
  readonly #limits: GateLimits;
  readonly #origins: OriginList;
  readonly #now: () => number;
  readonly #bans: Pick<AddressBans, "has"> | undefined;
  readonly #isDraining: () => boolean;
  readonly #keys = new AddressKeys();
  readonly #visitors = new Map<string, Visitor>();
  #connections = 0;
  #refusals = 0;

  /**
   * @param origins origins whose pages may connect; none means all
   * @param isDraining true while the server takes no newcomer, as if it were full
   */
  constructor(
    limits: GateLimits,
    origins: readonly string[],
    now: () => number,
    bans?: Pick<AddressBans, "has">,
    isDraining: () => boolean = () => false,
  ) {
    this.#bans = bans;
    this.#isDraining = isDraining;
    this.#limits = limits;
    this.#origins = new OriginList(origins);
    this.#now = now;
  }

  /** Connections that hold a place now. */
  get connections(): number {
    return this.#connections;
  }

  /** Addresses that are remembered now. */
  get addresses(): number {
    return this.#visitors.size;
  }

  /**
   * Admits or refuses a connection. Returns undefined if even a refusal would cost too much.
   * @param isBrief for a single request of a client that should be connected already; it counts as
   * a new one only if a stranger sent it
   */
  admit(address: string, origin: string | null, isBrief: boolean = false): Admission | undefined {
    const key = this.#keys.of(address);
    const visitor = this.#visitor(key);
    const isBanned = this.#bans?.has(key) === true;
    const code = isBanned ? "address_banned" : this.#objection(visitor, origin, isBrief);
    if (code === undefined) {
      this.#connections++;
      visitor.connections++;
      return {
        refusal: undefined,
        release: () => {
          this.#connections--;
          visitor.connections--;
        },
        ...(isBrief ? { wasStranger: () => void visitor.strangerTokens-- } : {}),
      };
    }
    if (this.#refusals >= this.#limits.maxRefusalConnections) return undefined;
    this.#refusals++;
    const isStranger = isBrief && code === "address_rate";
    const refusal = isStranger ? new SignalError(code, TOO_MANY_STRANGERS) : refusalFor(code);
    return { refusal, release: () => this.#refusals-- };
  }

  /**
   * Counts what comes to the same as a new connection, by a client that is in already; why not,
   * where its address has had too many.
   */
  readmit(address: string): SignalError | undefined {
    const isInTime = this.#takeToken(this.#visitor(this.#keys.of(address)));
    return isInTime ? undefined : refusalFor("address_rate");
  }

  /** The refusal of a client whose address was banned while its request waited. */
  bannedSince(address: string): SignalError | undefined {
    const isBanned = this.#bans?.has(this.#keys.of(address)) === true;
    return isBanned ? refusalFor("address_banned") : undefined;
  }

  /** Whether pages of an origin may use the server; null stands for what is no page. */
  allows(origin: string | null): boolean {
    return origin === null || this.#origins.has(origin);
  }

  /** Forgets addresses that nobody uses and whose allowance is full again. */
  forgetIdle(): void {
    const now = this.#now();
    for (const [key, visitor] of this.#visitors) {
      this.#refill(visitor, now);
      const { connections, tokens, strangerTokens } = visitor;
      const isIdle = connections === 0 &&
        Math.min(tokens, strangerTokens) >= this.#limits.connectionBurst;
      if (isIdle) this.#visitors.delete(key);
    }
  }

  #objection(
    visitor: Visitor,
    origin: string | null,
    isBrief: boolean,
  ): ErrorCode | undefined {
    const limits = this.#limits;
    if (!this.allows(origin)) return "origin_forbidden";
    const isFull = this.#connections >= limits.maxConnections;
    // A brief request may be a message of a client that is connected.
    if (isFull || (!isBrief && this.#isDraining())) return "server_full";
    if (visitor.connections >= limits.maxConnectionsPerAddress) return "address_full";
    if (!isBrief) return this.#takeToken(visitor) ? undefined : "address_rate";
    this.#refill(visitor, this.#now());
    return visitor.strangerTokens < 1 ? "address_rate" : undefined;
  }

  #takeToken(visitor: Visitor): boolean {
    this.#refill(visitor, this.#now());
    if (visitor.tokens < 1) return false;
    visitor.tokens--;
    return true;
  }

  #refill(visitor: Visitor, now: number): void {
    const { connectionsPerSecond, connectionBurst } = this.#limits;
    const elapsedMs = now - visitor.refilledAt;
    const refill = (tokens: number): number =>
      refilled(tokens, connectionsPerSecond, connectionBurst, elapsedMs);
    visitor.tokens = refill(visitor.tokens);
    visitor.strangerTokens = refill(visitor.strangerTokens);
    visitor.refilledAt = now;
  }

  #visitor(key: string): Visitor {
    let visitor = this.#visitors.get(key);
    if (visitor !== undefined) return visitor;
    const { connectionBurst: tokens, maxAddresses } = this.#limits;
    if (this.#visitors.size >= maxAddresses) this.#forgetOldest();
    visitor = { connections: 0, tokens, strangerTokens: tokens, refilledAt: this.#now() };
    this.#visitors.set(key, visitor);
    return visitor;
  }

  #forgetOldest(): void {
    for (const [key, { connections }] of this.#visitors) {
      if (connections > 0) continue;
      this.#visitors.delete(key);
      return;
    }
  }
}
