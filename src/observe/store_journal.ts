import type { Store, StoreEvent, Unreserved } from "../store/mod.ts";
import { messageOf } from "../system/errors.ts";
import type { CounterName } from "./catalogue.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

const UNRESERVED: Readonly<Record<Unreserved, string>> = {
  address: "too many new ones from this address",
  full: "there are too many",
  invalid: "it cannot be stored",
  too_large: "it cannot be stored",
};

/** Events that are counted but not logged each time. */
const COUNTERS: readonly (readonly [type: StoreEvent["type"], name: CounterName])[] = [
  ["failed", "signalbox_store_failures_total"],
  ["write_dropped", "signalbox_store_dropped_writes_total"],
  ["claim_unchecked", "signalbox_store_unchecked_claims_total"],
  ["id_unreserved", "signalbox_store_unreserved_ids_total"],
  ["reservation_evicted", "signalbox_store_evicted_reservations_total"],
];

/** Events of the store, as log lines and counts. */
export class StoreJournal {
  readonly #log: Log;
  readonly #counts = new Map<StoreEvent["type"], number>();
  #unreadable = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Publishes the counts, and the state of the store. */
  announce(metrics: Metrics, store: Store): void {
    for (const [type, name] of COUNTERS) metrics.read(name, () => this.#count(type));
    metrics.read("signalbox_store_up", () => store.trouble === undefined ? 1 : 0);
    metrics.read("signalbox_store_damaged", () => this.#count("damaged"));
    metrics.read("signalbox_store_unreadable", () => this.#unreadable);
    metrics.read("signalbox_store_waiting_writes", () => store.waitingWrites);
    metrics.readEach(
      "signalbox_store_records",
      () => [...store.sizes].map(([kind, size]) => [{ kind }, size] as const),
    );
  }

  /** Counts an event, and logs it if an operator should know. */
  note(event: StoreEvent): void {
    const count = this.#count(event.type) + 1;
    this.#counts.set(event.type, count);
    switch (event.type) {
      case "trouble": {
        const { reason, error } = event;
        return this.#log.write("error", "store in trouble", { reason, error: messageOf(error) });
      }
      case "recovered":
        return this.#log.write("info", "store recovered");
      case "write_dropped":
        if (count > 1) return;
        return this.#log.write("error", "too many writes wait for the store");
      case "id_unreserved":
        return this.#noteUnreserved(event);
      case "reservation_evicted":
        if (count > 1) return;
        return this.#log.write("warning", "reservations replaced by new ones");
      case "unreadable": {
        const { kind, records } = event;
        this.#unreadable += records;
        return this.#log.write("error", "unreadable records in the store", { kind, records });
      }
      case "unwritten": {
        const { records } = event;
        return this.#log.write("error", "stopped before everything was stored", { records });
      }
      case "damaged":
        return this.#log.write("error", "damaged store moved aside", { file: event.movedTo });
      case "exposed": {
        const { folder, error } = event;
        const facts = { folder, error: messageOf(error) };
        return this.#log.write("warning", "other users may read the store", facts);
      }
      case "sealed_lost":
      case "sealed_left":
      case "sealed_too_much":
      case "sealed_unreadable":
        return this.#noteSealed(event);
      case "failed":
      case "claim_unchecked":
        return;
      default:
        event satisfies never;
    }
  }

  #noteUnreserved({ reason, address }: Extract<StoreEvent, { type: "id_unreserved" }>): void {
    const from = address === undefined ? {} : { address };
    const facts = { reason: UNRESERVED[reason], ...from };
    this.#log.writeForClient("warning", "id not reserved", facts);
  }

  #noteSealed(event: Extract<StoreEvent, { type: `sealed_${string}` }>): void {
    switch (event.type) {
      case "sealed_lost": {
        const facts = { dialect: event.dialect, error: messageOf(event.error) };
        return this.#log.write("error", "calls of the last run cannot continue", facts);
      }
      case "sealed_left": {
        const facts = { error: messageOf(event.error) };
        return this.#log.write("warning", "cannot remove sealed state", facts);
      }
      case "sealed_too_much": {
        const { dialect, items } = event;
        return this.#log.write("warning", "too much state to seal", { dialect, items });
      }
      case "sealed_unreadable": {
        const { dialect, items } = event;
        return this.#log.write("warning", "unreadable sealed items left out", { dialect, items });
      }
      default:
        event satisfies never;
    }
  }

  #count(type: StoreEvent["type"]): number {
    return this.#counts.get(type) ?? 0;
  }
}
