import type { OperatorAction, OperatorLog, OperatorLogEntry, WallClock } from "../../core/kept.ts";
import type { ReadonlyRecord, Table } from "./table.ts";

const KEPT_MS = 30 * 86_400_000;
/** Longer texts are cut, in UTF-16 units, because names may have any length. */
const MAX_TEXT = 512;
const TIME_DIGITS = 15;
const NUMBER_DIGITS = 6;
/** The outcome of a change that the operator's role does not allow. */
const REFUSED = "forbidden";
/** Part of the log for refused changes: they must not push out what was done. */
const REFUSED_SHARE = 0.1;

/**
 * Operators' actions of the last 30 days; a full table drops its oldest entry. Changes that were refused
 * have a tenth of it, because they cost their operator nothing.
 */
export class StoredOperatorLog implements OperatorLog {
  readonly #table: Table<OperatorAction>;
  readonly #maxRecords: number;
  readonly #wallNow: WallClock;
  /** Ends the numbers of this node, so that two nodes write no entry under one key. */
  #node = "";

  constructor(table: Table<OperatorAction>, maxRecords: number, wallNow: WallClock) {
    this.#table = table;
    this.#maxRecords = maxRecords;
    this.#wallNow = wallNow;
  }

  /** Writes as one node of several from now on. */
  writeAs(node: string): void {
    this.#node = `.${node}`;
  }

  write({ actor, action, subject, outcome, reason = "" }: OperatorAction): void {
    if (outcome === REFUSED) this.#forgetRefused();
    this.#makeRoom();
    const now = this.#wallNow();
    const time = digits(now, TIME_DIGITS);
    let n = 0;
    const number = (): string => `${digits(n, NUMBER_DIGITS)}${this.#node}`;
    while (this.#table.find(time, number()) !== undefined) n++;
    const texts = { actor: cut(actor), action, subject: subject.map(cut), outcome };
    const words = reason === "" ? {} : { reason: cut(reason) };
    this.#table.set([time, number()], { ...texts, ...words }, now + KEPT_MS);
  }

  list(count = Infinity): OperatorLogEntry[] {
    const newest = this.#sorted().slice(-Math.min(count, this.#table.size));
    return count < 1 ? [] : newest.reverse().map(toEntry);
  }

  #makeRoom(): void {
    const excess = this.#table.size - this.#maxRecords + 1;
    if (excess <= 0) return;
    // A full table is the usual case, in which sorting it at each action would hold everybody up.
    const oldest = excess === 1 ? [oldestOf(this.#table.list())] : this.#sorted().slice(0, excess);
    for (const record of oldest) if (record) this.#table.delete(...record.key.slice(1));
  }

  #forgetRefused(): void {
    const refused = [...this.#table.list()].filter(({ value }) => value.outcome === REFUSED);
    if (refused.length < Math.ceil(REFUSED_SHARE * this.#maxRecords)) return;
    const oldest = oldestOf(refused);
    if (oldest !== undefined) this.#table.delete(...oldest.key.slice(1));
  }

  /** The oldest first; the table's own order is that of loading. */
  #sorted(): ReadonlyRecord<OperatorAction>[] {
    return [...this.#table.list()].sort((a, b) => nameOf(a) < nameOf(b) ? -1 : 1);
  }
}

function oldestOf(
  records: Iterable<ReadonlyRecord<OperatorAction>>,
): ReadonlyRecord<OperatorAction> | undefined {
  let oldest: ReadonlyRecord<OperatorAction> | undefined = undefined;
  for (const record of records) {
    if (oldest === undefined || nameOf(record) < nameOf(oldest)) oldest = record;
  }
  return oldest;
}

function toEntry({ key: [, time], value }: ReadonlyRecord<OperatorAction>): OperatorLogEntry {
  return { atMs: Number(time), ...value };
}

/** Texts of this form sort as the entries were written. */
function nameOf({ key: [, time = "", n = ""] }: ReadonlyRecord<OperatorAction>): string {
  return `${time} ${n}`;
}

/** With leading zeros: the store sorts texts. */
function digits(number: number, count: number): string {
  return String(Math.floor(number)).padStart(count, "0");
}

function cut(text: string): string {
  return text.slice(0, MAX_TEXT);
}
