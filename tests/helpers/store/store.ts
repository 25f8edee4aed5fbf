import type { Clock } from "../../../src/core/clock.ts";
import type { WallClock } from "../../../src/core/kept.ts";
import {
  openStore,
  Store,
  type StoreEvent,
  type StoreLimits,
  type StoreOptions,
} from "../../../src/store/mod.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { FakeClock } from "../session/fake_clock.ts";

/** Limits that no test meets by accident. */
const WIDE: StoreLimits = {
  maxReservations: Infinity,
  reservationsPerHour: Infinity,
  reservationBurst: Infinity,
  maxAddresses: 1_000,
  maxBans: Infinity,
  maxOperatorLog: Infinity,
  maxStoredRooms: Infinity,
  maxStoredRoomBytes: Infinity,
  maxSealedBytes: Infinity,
  maxWaitingWrites: 10_000,
};

/** Writes down the events of a store. */
export class StoreWitness {
  /** In order: "trouble: <reason>", "recovered", "damaged: <file>", "sealed lost: …", … */
  readonly events: string[] = [];
  /** Why ids were not reserved, and for which address. */
  readonly unreserved: string[] = [];
  dropped = 0;
  unchecked = 0;
  evicted = 0;
  failures = 0;

  note(event: StoreEvent): void {
    switch (event.type) {
      case "failed":
        return void this.failures++;
      case "write_dropped":
        return void this.dropped++;
      case "claim_unchecked":
        return void this.unchecked++;
      case "reservation_evicted":
        return void this.evicted++;
      case "id_unreserved":
        this.unreserved.push(`${event.reason} ${event.address ?? ""}`.trim());
        return;
      default:
        this.events.push(textOf(event));
    }
  }
}

function textOf(event: StoreEvent): string {
  const { type, ...facts } = event;
  const shown = Object.values(facts).map((fact) => fact instanceof Error ? fact.name : `${fact}`);
  switch (event.type) {
    case "recovered":
      return "recovered";
    case "trouble":
      return `trouble: ${event.reason}`;
    case "exposed":
      return `exposed: ${event.folder}`;
    case "sealed_left":
      return `sealed left: ${event.error}`;
    default:
      return `${type.replaceAll("_", " ")}: ${shown.join(", ")}`;
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

/** Longer than a real file takes on a loaded machine. */
const REAL_TIMEOUT_MS = 30_000;

/** A store's options, wide ones where not told; its clock stands still unless one is given. */
export function storeOptions(
  {
    clock = new FakeClock(),
    wallNow = Date.now,
    limits = {},
    timeoutMs = clock === systemClock ? REAL_TIMEOUT_MS : 2_000,
    seals = true,
    witness = new StoreWitness(),
  }: TestStoreOptions = {},
): StoreOptions {
  const keyOf = (address: string): string => address;
  const report = (event: StoreEvent): void => witness.note(event);
  const rest = { timeoutMs, seals, keyOf, report };
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
