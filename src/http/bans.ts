import type { Ban, Bans, KeepOutcome } from "../core/kept.ts";
import { addressKey, readAddressKey } from "./address.ts";

/** The kind of ban that the gate asks for. */
const KIND = "address";
/** The kind that authentication asks for. */
const USER = "user";

/** Addresses that may not connect, as they count everywhere: of IPv6 a /64. */
export class AddressBans {
  readonly #bans: Bans;

  constructor(bans: Bans) {
    this.#bans = bans;
  }

  /** @param key what `addressKey` says of an address */
  has(key: string): boolean {
    return this.#bans.find(KIND, key) !== undefined;
  }

  /**
   * Admits no more clients from an address. The caller disconnects those that are connected.
   * "invalid": it is neither an address nor a network that counts as one.
   */
  ban(address: string, ban: { reason: string; lifetimeMs?: number }): KeepOutcome {
    const key = readAddressKey(address);
    return key === undefined ? "invalid" : this.#bans.set(KIND, key, ban);
  }

  /** False where it was not banned. */
  lift(address: string): boolean {
    const key = readAddressKey(address) ?? addressKey(address);
    const isBanned = this.has(key);
    this.#bans.lift(KIND, key);
    return isBanned;
  }

  list(): Ban[] {
    return [...this.#bans.list()].filter(({ kind }) => kind === KIND);
  }
}

/** Users, as tokens name them, that may not connect. */
export class UserBans {
  readonly #bans: Bans;

  constructor(bans: Bans) {
    this.#bans = bans;
  }

  has(user: string): boolean {
    return this.#bans.find(USER, user) !== undefined;
  }

  /** "invalid": the name is too long for the store, or not well-formed Unicode. */
  ban(user: string, ban: { reason: string; lifetimeMs?: number }): KeepOutcome {
    return this.#bans.set(USER, user, ban);
  }

  /** False if the user was not banned. */
  lift(user: string): boolean {
    const isBanned = this.has(user);
    this.#bans.lift(USER, user);
    return isBanned;
  }

  list(): Ban[] {
    return [...this.#bans.list()].filter(({ kind }) => kind === USER);
  }
}
