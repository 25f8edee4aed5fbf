// State that outlives a connection, as the rest of the server sees it. Everything is in memory and
// answers at once; a configured store is written behind and read at start.

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

/** The state of one dialect; no dialect sees another's. */
export interface DialectStore {
  /** 32 random bytes, made for this dialect and kept as long as the store is. */
  readonly secret: Secret;
  readonly reservations: Reservations;
  readonly rooms: StoredRooms;
  /** The items that the last run sealed, given out once; undefined if there are none. */
  readonly sealed: Sealed | undefined;
  /** Notes how many of the sealed items were invalid for this dialect. */
  unreadable(items: number): void;
  /**
   * Hands the state that clients can resume to the next run, at the end of this one: encrypted, given
   * out once, and for `lifetimeMs` only. Items over the limit are left out, the last ones first.
   * @param items anything that JSON can hold; an item with a lifetime carries the rest of it
   */
  seal(items: Iterable<unknown>, lifetimeMs: number): Promise<SealOutcome>;
}

/** Ids that stay with the clients that know their token. */
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
   * Keeps an id for a token on behalf of an operator, replacing any earlier owner: for a time after
   * it was last seen, or for ever. "invalid": the digest is no SHA-256, or the id cannot be a key.
   */
  reserve(id: string, holder: Holder, lifetimeMs?: number): Promise<KeepOutcome>;
  /** Releases an id of any owner; false if it is not reserved. */
  forget(id: string): Promise<boolean>;
  /** What operators reserved. */
  list(): Iterable<Reserved>;
}

/**
 * The owner: a client with this token, or with a token of this SHA-256 (base64url or hexadecimal).
 */
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
  /** The server's description of a member, present or absent; undefined if there is none. */
  description(room: string, member: string): unknown;
  /** Sets what the server says of a member; null takes it back. */
  describe(room: string, member: string, description: unknown): KeepOutcome;
}

/** The state that the last run left behind. */
export interface Sealed {
  readonly items: readonly unknown[];
  /** How long ago it was sealed: lifetimes in it are shorter by this. */
  readonly ageMs: number;
}

/** "off": nothing survives this process. "failed": the log has the reason. */
export type SealOutcome =
  | { readonly type: "off" | "failed" }
  | { readonly type: "sealed"; readonly items: number; readonly leftOut: number };

/** Bans; the kind decides the form of the value, such as an address. */
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
  /** The operator's name, in words of their own. */
  readonly actor: string;
  /** Such as "ban". */
  readonly action: string;
  /** The subject of the action, outermost part first: a dialect, a room, a member. */
  readonly subject: readonly string[];
  readonly outcome: string;
}

export interface OperatorLogEntry extends OperatorAction {
  readonly atMs: number;
}

/** Actions of operators: kept for 30 days, and as many entries as configured. */
export interface OperatorLog {
  write(action: OperatorAction): void;
  /** The newest first. */
  list(count?: number): OperatorLogEntry[];
}
