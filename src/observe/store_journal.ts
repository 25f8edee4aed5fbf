import type { Store, StoreEvent, Unreserved } from "../store/mod.ts";
import { messageOf } from "../system/errors.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

const UNRESERVED: Readonly<Record<Unreserved, string>> = {
  address: "too many new ones from this address",
  full: "there are too many",
  invalid: "it cannot be stored",
  too_large: "it cannot be stored",
};

/** Events that are counted but not logged each time. */
const COUNTERS: readonly (readonly [type: StoreEvent["type"], name: string, help: string])[] = [
  ["failed", "failures", "Operations of the store that failed"],
  ["write_dropped", "dropped_writes", "Writes put off because too many waited"],
  ["claim_unchecked", "unchecked_claims", "Ids granted while the store failed"],
  ["id_unreserved", "unreserved_ids", "Ids that are not reserved for their tokens"],
  ["reservation_evicted", "evicted_reservations", "Reservations replaced by new ones"],
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
    for (const [type, name, help] of COUNTERS) {
      metrics.total(`signalbox_store_${name}_total`, help, () => this.#count(type));
    }
    const gauge = (name: string, help: string, read: () => number): void =>
      metrics.gauge(`signalbox_store_${name}`, help, read);
    gauge("up", "1 if the store works, otherwise 0", () => store.trouble === undefined ? 1 : 0);
    gauge("damaged", "Damaged files that were moved aside", () => this.#count("damaged"));
    gauge("unreadable", "Records that cannot be read", () => this.#unreadable);
    gauge("waiting_writes", "Records that wait to be written", () => store.waitingWrites);
    for (const kind of store.sizes.keys()) {
      const read = (): number => store.sizes.get(kind) ?? 0;
      metrics.gauge("signalbox_store_records", "Records in the store", read, { kind });
    }
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
