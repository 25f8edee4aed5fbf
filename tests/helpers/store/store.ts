import type { Clock } from "../../../src/core/clock.ts";
import type { WallClock } from "../../../src/core/kept.ts";
import {
  openStore,
  Store,
  type StoreLimits,
  type StoreObserver,
  type StoreOptions,
  type Unreserved,
} from "../../../src/store/mod.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { FakeClock } from "../session/fake_clock.ts";

/** Limits that no test meets by accident. */
const WIDE: StoreLimits = {
  maxReservations: Infinity,
  reservationsPerHour: Infinity,
  reservationBurst: Infinity,
  maxBans: Infinity,
  maxOperatorLog: Infinity,
  maxStoredRooms: Infinity,
  maxStoredRoomBytes: Infinity,
  maxSealedBytes: Infinity,
  maxWaitingWrites: 10_000,
};

/** Writes down what a store has to tell. */
export class StoreWitness implements StoreObserver {
  /** In order: "trouble <reason>", "recovered", "damaged <file>", "sealed lost", … */
  readonly events: string[] = [];
  /** Why ids were not kept, and of which address. */
  readonly unreserved: string[] = [];
  dropped = 0;
  unchecked = 0;
  evicted = 0;
  failures = 0;

  inTrouble(reason: string): void {
    this.events.push(`trouble: ${reason}`);
  }

  recovered(): void {
    this.events.push("recovered");
  }

  failed(): void {
    this.failures++;
  }

  writeDropped(): void {
    this.dropped++;
  }

  claimUnchecked(): void {
    this.unchecked++;
  }

  idUnreserved(reason: Unreserved, address?: string): void {
    this.unreserved.push(`${reason} ${address ?? ""}`.trim());
  }

  reservationEvicted(): void {
    this.evicted++;
  }

  unreadable(kind: string, records: number): void {
    this.events.push(`unreadable: ${kind}, ${records}`);
  }

  unwritten(records: number): void {
    this.events.push(`unwritten: ${records}`);
  }

  sealedLost(dialect: string, error: unknown): void {
    this.events.push(`sealed lost: ${dialect}, ${error instanceof Error ? error.name : error}`);
  }

  sealedLeft(error: unknown): void {
    this.events.push(`sealed left: ${error}`);
  }

  sealedTooMuch(dialect: string, items: number): void {
    this.events.push(`sealed too much: ${dialect}, ${items}`);
  }

  sealedUnreadable(dialect: string, items: number): void {
    this.events.push(`sealed unreadable: ${dialect}, ${items}`);
  }

  exposed(folder: string): void {
    this.events.push(`exposed: ${folder}`);
  }

  damaged(movedTo: string): void {
    this.events.push(`damaged: ${movedTo}`);
  }
}

export interface TestStoreOptions {
  readonly clock?: Clock;
  readonly wallNow?: WallClock;
  readonly limits?: Partial<StoreLimits>;
  readonly timeoutMs?: number;
  readonly seals?: boolean;
  readonly witness?: StoreWitness;
}

/** A store's options, wide ones where not told; its clock stands still unless one is given. */
export function storeOptions(
  {
    clock = new FakeClock(),
    wallNow = Date.now,
    limits = {},
    timeoutMs = 2_000,
    seals = true,
    witness = new StoreWitness(),
  }: TestStoreOptions = {},
): StoreOptions & { observer: StoreWitness } {
  const keyOf = (address: string): string => address;
  const rest = { timeoutMs, seals, keyOf, observer: witness };
  return { clock, wallNow, limits: { ...WIDE, ...limits }, ...rest };
}

/** A store of its own in memory, for tests of something else. */
export function newMemoryStore(options?: TestStoreOptions): Store {
  return Store.inMemory(storeOptions(options));
}

/** No id is in use. */
export const NOBODY = (): boolean => false;

/** The store behind `--store kv:PLACE`, with a dialect "a". */
export function openAt(place: string, options: TestStoreOptions): Promise<Store> {
  const variables = (): undefined => undefined;
  return openStore(`kv:${place}`, { ...storeOptions(options), dialects: ["a"], variables });
}

/** The same in a folder, while time goes by. */
export function openFolder(
  folder: string,
  witness: StoreWitness = new StoreWitness(),
): Promise<Store> {
  return openAt(folder, { clock: systemClock, witness });
}
