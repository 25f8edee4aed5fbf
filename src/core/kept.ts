// Facts that outlive connections, as the rest of the server sees them. All of them are in memory and
// available at once. A configured store is written behind and read at the start.

/** Wall-clock time in ms since 1970: the only time that a later process can compare with. */
export type WallClock = () => number;

/**
 * "too_large": the record is over its limit. "full": there are as many records or bytes as configured.
 * "invalid": the key is too long, or not well-formed Unicode.
 */
export type KeepOutcome = "kept" | "too_large" | "full" | "invalid";

/**
 * A key for MACs. New ones are made with the current key; those made with the previous key are still
 * valid. Read both each time, because an operator may rotate them at any moment.
 */
export interface Secret {
  readonly current: Uint8Array;
  /** Undefined before the first rotation. */
  readonly previous: Uint8Array | undefined;
}

/** The store of one dialect, which no other dialect sees. */
export interface DialectStore {
  /** 32 random bytes, made for this dialect and kept as long as the store. */
  readonly secret: Secret;
  readonly reservations: Reservations;
  readonly rooms: StoredRooms;
  /** The items that the last run sealed, given out once; undefined if there are none. */
  readonly sealed: Sealed | undefined;
  /** Reports how many sealed items the dialect could not read. */
  unreadable(items: number): void;
  /**
   * Seals state for the next run, at the end of this one: encrypted, given out once, and valid for
   * `lifetimeMs`. Items over the limit are left out, the last ones first.
   * @param items JSON values; lifetimes in them are the remaining ones
   */
  seal(items: Iterable<unknown>, lifetimeMs: number): Promise<SealOutcome>;
}

/** Ids that are reserved for the owner of a token. */
export interface Reservations {
  /**
   * Claims an id. If it is free or reserved for this token, it is reserved for `lifetimeMs` from now;
   * without a lifetime only an operator's reservations count, and nothing is reserved. "taken": the id
   * belongs to another token. "unreserved": the id is free, but not reserved, because there are too
   * many reservations of this address or in all, or because it cannot be a key. Waits for the store
   * only while it is being read, and never if the store is in trouble.
   * @param address the client's; its new reservations are limited
   */
  claim(
    id: string,
    token: string,
    lifetimeMs: number | undefined,
    address?: string,
  ): Promise<"granted" | "taken" | "unreserved">;
  /**
   * True if an id belongs to the owner of a token; without a lifetime only an operator's reservations
   * count. Waits as `claim` does, and reserves nothing.
   */
  isReserved(id: string, lifetimeMs: number | undefined): Promise<boolean>;
  /** The id was in use until now: restarts its lifetime. Harmless for ids that are not reserved. */
  touch(id: string): void;
  /**
   * Reserves an id for a token in an operator's name, replacing any earlier owner: until `lifetimeMs` after
   * its last use, or for ever. "invalid": the digest is not a SHA-256, or the id cannot be a key.
   */
  reserve(id: string, holder: Holder, lifetimeMs?: number): Promise<KeepOutcome>;
  /** The terms on which the nodes of a cluster decide a claim together; reports an id that is no key. */
  termsFor(claim: ReservationClaim): ReservationTerms;
  /** Ends a reservation, an operator's or a client's; false if there is none. */
  forget(id: string): Promise<boolean>;
  /** The ids that operators reserved. */
  list(): Iterable<Reserved>;
}

/** A claim of an id that is reserved for its token from now on. */
export interface ReservationClaim {
  readonly id: string;
  /** Undefined for a claimant of another dialect, who reserves nothing. */
  readonly token: string | undefined;
  /** Without one only an operator's reservations count. */
  readonly lifetimeMs: number | undefined;
  readonly address: string | undefined;
}

/** The terms on which a cluster keeps an id for the owner of a token. */
export interface ReservationTerms {
  readonly dialect: string;
  readonly id: string;
  /** SHA-256 of the token, in base64url; undefined for a claimant who reserves nothing. */
  readonly digest: string | undefined;
  readonly lifetimeMs: number | undefined;
  /** The address whose new reservations are limited, or the one that stands for its network. */
  readonly address: string | undefined;
  readonly maxRecords: number;
  readonly perHour: number;
  readonly burst: number;
}

/** The owner of a token, or of the token with this SHA-256, in base64url or hexadecimal. */
export type Holder = { readonly token: string } | { readonly digest: string };

export interface Reserved {
  readonly id: string;
  /** Infinity for a permanent reservation. */
  readonly expiresAtMs: number;
}

/** Rooms that an operator created, and descriptions that the server set. */
export interface StoredRooms {
  list(): Iterable<{ readonly room: string; readonly settings: unknown }>;
  /** Undefined for a room that no operator created. */
  settings(room: string): unknown;
  keep(room: string, settings: unknown, lifetimeMs?: number): KeepOutcome;
  /** Deletes the room and all descriptions in it. */
  forget(room: string): void;
  /** All descriptions that the server set. */
  descriptions(): Iterable<{
    readonly room: string;
    readonly member: string;
    readonly description: unknown;
  }>;
  /** The server's description of a member, present or not; undefined if there is none. */
  description(room: string, member: string): unknown;
  /** Sets the server's description of a member; null removes it. */
  describe(room: string, member: string, description: unknown): KeepOutcome;
  /** Has `changed` called when another node has described a member; undefined for one removed. */
  watch(changed: (room: string, member: string, description: unknown) => void): void;
}

/** The state that the last run sealed. */
export interface Sealed {
  readonly items: readonly unknown[];
  /** Time since the sealing; lifetimes in the items are shorter by it. */
  readonly ageMs: number;
}

/** "off": nothing survives this process. "failed": the log has the reason. */
export type SealOutcome =
  | { readonly type: "off" | "failed" }
  | { readonly type: "sealed"; readonly items: number; readonly leftOut: number };

/** Clients that may not use the server, by a kind of value such as "address". */
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
  /** Infinity for a ban that stays until it is lifted. */
  readonly expiresAtMs: number;
}

/** An operator's action: names only, never tokens, secrets or messages. */
export interface OperatorAction {
  /** The operator's name, as the operator gave it. */
  readonly actor: string;
  /** Such as "ban". */
  readonly action: string;
  /** The object of the action, outermost part first: a dialect, a room, a member. */
  readonly subject: readonly string[];
  readonly outcome: string;
  /** The operator's own words; absent if there are none. */
  readonly reason?: string | undefined;
}

export interface OperatorLogEntry extends OperatorAction {
  readonly atMs: number;
}

/** The log of operators' actions: 30 days, and as many entries as configured. */
export interface OperatorLog {
  write(action: OperatorAction): void;
  /** Returns the newest entries first. */
  list(count?: number): OperatorLogEntry[];
}

/** A record that all nodes of a cluster have. */
export interface SharedRecord {
  /** Its kind first. */
  readonly key: readonly string[];
  /** JSON; undefined for a record that was removed. */
  readonly text: string | undefined;
  /** Infinity for a record without an end. */
  readonly lifetimeMs: number;
  /** Larger for a newer record; 0 for one of this node alone; undefined for a change of this moment. */
  readonly stamp: number | undefined;
}

/** The part of a store that all nodes of a cluster share: each node has all of it. */
export interface SharedStore {
  /** True if the records outlive this process: then it keeps the ids that clients reserve, too. */
  readonly isLasting: boolean;
  /** Takes a record over unless there is a newer one here; false for one that means nothing. */
  accept(record: SharedRecord): boolean;
  /** All records, and those removed lately. */
  records(): Iterable<SharedRecord>;
  /** Has each change of this node told from now on. */
  whenChanged(tell: (record: SharedRecord) => void): void;
  /**
   * A client of this node has its id, but it is not reserved, or the reservation took another one's
   * place.
   */
  noteReservation(outcome: "full" | "address" | "evicted", address: string | undefined): void;
}
