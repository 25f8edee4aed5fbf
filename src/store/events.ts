import type { KeepOutcome } from "../core/kept.ts";

/** Why an id is not reserved; "address": its address has reserved too many. */
export type Unreserved = Exclude<KeepOutcome, "kept"> | "address";

/** An event of a store, for logs and metrics. */
export type StoreEvent =
  /** Reported once, and again if the reason changes. */
  | { readonly type: "trouble"; readonly reason: string; readonly error: unknown }
  | { readonly type: "recovered" }
  /** An operation failed; most failures follow from the same trouble. */
  | { readonly type: "failed" }
  /** Too many writes wait: one is left to a later rewriting of everything. */
  | { readonly type: "write_dropped" }
  /** An id was granted without a look into the store, because it is in trouble. */
  | { readonly type: "claim_unchecked" }
  /** A client has its id, but the id is not reserved for it. */
  | {
    readonly type: "id_unreserved";
    readonly reason: Unreserved;
    readonly address: string | undefined;
  }
  /** A reservation made room for a new one. */
  | { readonly type: "reservation_evicted" }
  /** Records that cannot be read; they are left as they are. */
  | { readonly type: "unreadable"; readonly kind: string; readonly records: number }
  /** At the end, so many records could not be written. */
  | { readonly type: "unwritten"; readonly records: number }
  /** A dialect's sealed state is lost, or could not be written. */
  | { readonly type: "sealed_lost"; readonly dialect: string; readonly error: unknown }
  /** Sealed state was read but could not be removed. */
  | { readonly type: "sealed_left"; readonly error: unknown }
  /** Part of the state to seal was over the limit. */
  | { readonly type: "sealed_too_much"; readonly dialect: string; readonly items: number }
  /** Part of the sealed state is invalid to its dialect. */
  | { readonly type: "sealed_unreadable"; readonly dialect: string; readonly items: number }
  /** A damaged file was moved aside: at the start, the store begins empty. */
  | { readonly type: "damaged"; readonly movedTo: string }
  /** Other users of the machine may read the files, and the server could not change that. */
  | { readonly type: "exposed"; readonly folder: string; readonly error: unknown };

/** Takes note of an event. */
export type ReportStoreEvent = (event: StoreEvent) => void;
