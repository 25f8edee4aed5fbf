import * as z from "zod";
import type { KeepOutcome, StoredRooms } from "../../core/kept.ts";
import type { PeerSummary, RoomId } from "../../core/events.ts";

/** The operator's settings of a kept pool. */
const Settings = z.strictObject({
  /** Fewer members than elsewhere. */
  maxMembers: z.int().min(1).optional(),
});

export interface PoolsOptions {
  readonly rooms: StoredRooms;
  /** Those of the configuration. */
  readonly named: readonly string[];
  /** Whether clients may join kept pools only. */
  readonly isPrivate: boolean;
  readonly maxMembers: number;
  /** The dialect's name. */
  readonly dialect: string;
}

/** Pools that exist without members: the configuration's, and an operator's, which the store keeps. */
export class Pools {
  readonly #options: PoolsOptions;
  readonly #named: ReadonlySet<string>;
  /** The server's descriptions in a pool under names without a member. */
  readonly #standing = new Map<RoomId, Map<string, unknown>>();

  constructor(options: PoolsOptions) {
    this.#options = options;
    this.#named = new Set(options.named);
    for (const { room, member, description } of options.rooms.descriptions()) {
      this.#standingIn(room).set(member, description);
    }
    options.rooms.watch((room, member, description) => this.#note(room, member, description));
  }

  /** Whether clients may join it. */
  admits(pool: RoomId): boolean {
    return !this.#options.isPrivate || this.isKept(pool);
  }

  isKept(pool: RoomId): boolean {
    return this.#named.has(pool) || this.#options.rooms.settings(pool) !== undefined;
  }

  /** All kept pools. */
  kept(): RoomId[] {
    const stored = [...this.#options.rooms.list()].map(({ room }) => room);
    return [...new Set([...this.#named, ...stored])];
  }

  maxMembers(pool: RoomId): number {
    const { maxMembers } = this.#options;
    // Unreadable settings, such as a later version's, change nothing.
    const settings = Settings.safeParse(this.#options.rooms.settings(pool)).data;
    return Math.min(maxMembers, settings?.maxMembers ?? Infinity);
  }

  /** The server's descriptions in a pool beside those of its members. */
  standing(pool: RoomId): PeerSummary[] {
    if (!this.isKept(pool)) return [];
    const { dialect } = this.#options;
    return [...this.#standing.get(pool) ?? []].map(([id, info]) => ({ id, dialect, info }));
  }

  keep(pool: RoomId, settings: unknown): KeepOutcome {
    const { success, data } = Settings.safeParse(settings);
    return success ? this.#options.rooms.keep(pool, data) : "invalid";
  }

  /** False where neither it nor anything said in it was the store's. */
  forget(pool: RoomId): boolean {
    const isStored = this.#options.rooms.settings(pool) !== undefined;
    this.#options.rooms.forget(pool);
    return this.#standing.delete(pool) || isStored;
  }

  /** Says something in a kept pool under a name that is no member's; null takes it back. */
  describe(pool: RoomId, name: string, description: unknown): KeepOutcome {
    const outcome = this.#options.rooms.describe(pool, name, description);
    if (outcome === "kept") this.#note(pool, name, description ?? undefined);
    return outcome;
  }

  #note(pool: RoomId, name: string, description: unknown): void {
    if (description !== undefined) return void this.#standingIn(pool).set(name, description);
    const standing = this.#standing.get(pool);
    standing?.delete(name);
    if (standing?.size === 0) this.#standing.delete(pool);
  }

  #standingIn(pool: RoomId): Map<string, unknown> {
    let standing = this.#standing.get(pool);
    if (standing === undefined) this.#standing.set(pool, standing = new Map());
    return standing;
  }
}
