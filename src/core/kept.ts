// What is kept beyond a connection, as the rest of the server sees it. Everything is in memory and
// answers at once; where a store is configured, it is written behind and read at start.

/** Wall-clock time in ms since 1970: the only time that means something to a later process. */
export type WallClock = () => number;

/**
 * "too_large": longer than a record may be. "full": as many records, or bytes, as configured.
 * "invalid": the key is too long, or no Unicode.
 */
export type KeepOutcome = "kept" | "too_large" | "full" | "invalid";

/**
 * A key for MACs: they are made with the current one, and those that the one before made are good,
 * too. An operator may rotate it at any time, so look at it each time.
 */
export interface Secret {
  readonly current: Uint8Array;
  /** Undefined where it was never rotated. */
  readonly previous: Uint8Array | undefined;
}

/** What one dialect keeps; no dialect sees another's. */
export interface DialectStore {
  /** 32 random bytes, made for this dialect and kept as long as the store is. */
  readonly secret: Secret;
  readonly reservations: Reservations;
  readonly rooms: StoredRooms;
  /** What the last run sealed for this one, given once; undefined where there is nothing. */
  readonly sealed: Sealed | undefined;
  /** Notes how many of the sealed items were none of this dialect's. */
  unreadable(items: number): void;
  /**
   * Hands the next run what clients could go on with, at the end of this one: encrypted, given out
   * once, and for `lifetimeMs` only. Items over the limit are left out, the last ones first.
   * @param items anything that JSON can hold; what has a lifetime goes with what is left of it
   */
  seal(items: Iterable<unknown>, lifetimeMs: number): Promise<SealOutcome>;
}

/** Ids that stay with whoever knows their token. */
export interface Reservations {
  /**
   * Asks for an id and, where it is free or this token's own, keeps it for `lifetimeMs` from now;
   * without a lifetime nothing is kept, and only an operator's reservations count. "taken": it is
   * another token's. "unreserved": nobody else's, but not kept: there are too many, of this address
   * or in all, or the id cannot be a key. Waits for the store only while that is being read, and
   * never when the store is in trouble.
   * @param address whose it is: it may have only so many new ones
   */
  claim(
    id: string,
    token: string,
    lifetimeMs: number | undefined,
    address?: string,
  ): Promise<"granted" | "taken" | "unreserved">;
  /** The id was in use until now: its lifetime begins anew. Harmless for others. */
  touch(id: string): void;
  /**
   * An operator keeps an id for a token, whoever had it before, for so long after it was last seen,
   * or for ever. "invalid": the digest is no SHA-256, or the id cannot be a key.
   */
  reserve(id: string, holder: Holder, lifetimeMs?: number): Promise<KeepOutcome>;
  /** Gives an id up, whoever it is kept for; false where it was nobody's. */
  forget(id: string): Promise<boolean>;
  /** What operators reserved. */
  list(): Iterable<Reserved>;
}

/** Who knows a token, or the token with this SHA-256, in base64url or hexadecimal. */
export type Holder = { readonly token: string } | { readonly digest: string };

export interface Reserved {
  readonly id: string;
  /** Infinity for one that is kept for ever. */
  readonly expiresAtMs: number;
}

/** Rooms that an operator made, and descriptions that the server set. */
export interface StoredRooms {
  list(): Iterable<{ readonly room: string; readonly settings: unknown }>;
  /** Undefined where the room was not made by an operator. */
  settings(room: string): unknown;
  keep(room: string, settings: unknown, lifetimeMs?: number): KeepOutcome;
  /** Forgets the room and all descriptions in it. */
  forget(room: string): void;
  /** Everything that the server says of members. */
  descriptions(): Iterable<{
    readonly room: string;
    readonly member: string;
    readonly description: unknown;
  }>;
  /** What the server says of a member, whether it is here or not; undefined where nothing. */
  description(room: string, member: string): unknown;
  /** Sets what the server says of a member; null takes it back. */
  describe(room: string, member: string, description: unknown): KeepOutcome;
}

/** What the last run left behind. */
export interface Sealed {
  readonly items: readonly unknown[];
  /** How long ago it was sealed: lifetimes in it are shorter by this. */
  readonly ageMs: number;
}

/** "off": nothing is to survive this process. "failed": it was told in the log why. */
export type SealOutcome =
  | { readonly type: "off" | "failed" }
  | { readonly type: "sealed"; readonly items: number; readonly leftOut: number };

/** Who may not use the server; a value is what the kind says, such as an address. */
export interface Bans {
  find(kind: string, value: string): Ban | undefined;
  set(kind: string, value: string, ban: { reason: string; lifetimeMs?: number }): KeepOutcome;
  lift(kind: string, value: string): void;
  list(): Iterable<Ban>;
}

export interface Ban {
  readonly kind: string;
  readonly value: string;
  readonly reason: string;
  /** Infinity for one that stays until it is lifted. */
  readonly expiresAtMs: number;
}

/** Something that an operator did: names only, never tokens, secrets or what was said. */
export interface OperatorAction {
  /** Who it was, in the operator's own words. */
  readonly actor: string;
  /** Such as "ban". */
  readonly action: string;
  /** What it was done to, outermost part first: a dialect, a room, a member. */
  readonly subject: readonly string[];
  readonly outcome: string;
}

export interface OperatorLogEntry extends OperatorAction {
  readonly atMs: number;
}

/** What operators did: kept for 30 days, and as many entries as configured. */
export interface OperatorLog {
  write(action: OperatorAction): void;
  /** The newest first. */
  list(count?: number): OperatorLogEntry[];
}
