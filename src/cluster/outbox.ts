import type { OutgoingMessage, PassAnswer, Passed } from "../core/nodes/backplane.ts";
import { type ChargeLimits, Charges } from "./charges.ts";
import type { Seal } from "./seal.ts";
import { messageName, packBody, packName, packPrivate } from "./texts.ts";

/** A message that is on its way to another node. */
export interface Parcel {
  /** Grows with every message of this process. */
  readonly number: number;
  readonly realm: string;
  readonly id: string;
  /** Counts for it; empty for the node itself. */
  readonly sender: string;
  /** The step's arguments behind the number. */
  readonly args: readonly string[];
  readonly bytes: number;
  readonly addedAt: number;
  readonly isConfirmed: boolean;
  readonly isCall: boolean;
  readonly answer: (outcome: PassAnswer) => void;
}

export interface OutboxLimits extends ChargeLimits {
  /** The name of this process, which sends what its parts tell each other. */
  readonly process: string;
  /** Characters of one client's message. What nodes tell each other is bounded by all bytes alone. */
  readonly maxItemBytes: number;
}

interface OutboxParts extends OutboxLimits {
  /** For private messages. */
  readonly seal: Seal;
}

/** Bytes charged for a message beyond its text. */
const OVERHEAD_BYTES = 256;
/** One call carries no more messages (`--cluster-max-batch-steps`). */
const MOST_EARLY = 1_000;

/**
 * The messages of this node, each kept until the receiver's node has confirmed it: an engine that
 * forgets loses none of them, and a node that dies takes none along unnoticed.
 */
export class Outbox {
  readonly #limits: OutboxParts;
  readonly #charges: Charges;
  readonly #cameBack: (parcel: Parcel) => void;
  /** Messages that reached another process' inbox and were not confirmed, by process. */
  readonly #placed = new Map<string, Parcel[]>();
  /** The highest number that each process has confirmed. */
  readonly #confirmed = new Map<string, number>();
  /** Answers that came before their message was known to be on its way. */
  readonly #early = new Map<number, Passed>();
  #number = 0;

  /** @param cameBack gets each message that a node had and did not take, after its answer */
  constructor(limits: OutboxParts, cameBack: (parcel: Parcel) => void) {
    this.#limits = limits;
    this.#charges = new Charges(limits);
    this.#cameBack = cameBack;
  }

  get bytes(): number {
    return this.#charges.bytes;
  }

  /** Bytes of a private message that would still be taken up. */
  get spareBytes(): number {
    return this.#limits.seal.capacityOf(this.#charges.spareBytes - OVERHEAD_BYTES);
  }

  /** The processes that have something to confirm. */
  get processes(): readonly string[] {
    return [...this.#placed.keys()];
  }

  /** Counts a message that waits for its receivers' list; false if too much is on its way already. */
  hold(bytes: number): boolean {
    return this.#charges.take("", bytes + OVERHEAD_BYTES);
  }

  /** The message waits no longer. */
  unhold(bytes: number): void {
    this.#charges.giveBack("", bytes + OVERHEAD_BYTES);
  }

  /** Takes a message up; undefined if too much is on its way already. */
  add(
    message: OutgoingMessage,
    isConfirmed: boolean,
    addedAt: number,
    answer: (outcome: PassAnswer) => void,
  ): Parcel | undefined {
    const { realm, id, from, dialect, room, payload, fence, isCall = false } = message;
    const { payer = from, isPrivate = false } = message;
    const to = packName(id);
    const body = isPrivate
      ? packPrivate(this.#limits.seal, messageName(realm, to), payload)
      : packBody(payload);
    const bytes = body.length + OVERHEAD_BYTES;
    const { process, maxItemBytes } = this.#limits;
    const sender = payer === "" || payer === process ? "" : `${realm}:${payer}`;
    if (sender !== "" && body.length > maxItemBytes) return undefined;
    if (!this.#charges.take(sender, bytes)) return undefined;
    const args = [
      realm,
      to,
      fence === undefined ? "" : String(fence),
      packName(from),
      dialect,
      isCall ? "c" : room === undefined ? "" : `r${packName(room)}`,
      isConfirmed ? "1" : "",
      body,
    ];
    const number = ++this.#number;
    return { number, realm, id: to, sender, args, bytes, addedAt, isConfirmed, isCall, answer };
  }

  /** The message is in the inbox of a process. */
  placed(process: string, parcel: Parcel): void {
    const early = this.#early.get(parcel.number);
    this.#early.delete(parcel.number);
    if (early !== undefined) return this.end(parcel, early);
    const isConfirmed = parcel.number <= (this.#confirmed.get(process) ?? 0);
    if (isConfirmed && !parcel.isConfirmed) return this.#giveBack(parcel);
    const list = this.#placed.get(process);
    if (list === undefined) this.#placed.set(process, [parcel]);
    else list.push(parcel);
  }

  /** The message is over with this outcome. */
  end(parcel: Parcel, outcome: PassAnswer): void {
    this.#giveBack(parcel);
    parcel.answer(outcome);
    if (outcome === "gone") this.#cameBack(parcel);
  }

  /** A process has taken everything up to a number. */
  confirmed(process: string, number: number): void {
    this.#confirmed.set(process, Math.max(number, this.#confirmed.get(process) ?? 0));
    const list = this.#placed.get(process);
    const [first] = list ?? [];
    if (list === undefined || first === undefined || first.number > number) return;
    const rest: Parcel[] = [];
    for (const parcel of list) {
      // One that wants an answer has it before, or gets it with the next item.
      if (parcel.number > number || parcel.isConfirmed) rest.push(parcel);
      else this.#giveBack(parcel);
    }
    this.#keep(process, rest);
  }

  /** A process has answered one message. */
  answered(process: string, number: number, outcome: Passed): void {
    const list = this.#placed.get(process) ?? [];
    const at = list.findIndex((parcel) => parcel.number === number);
    const [parcel] = at === -1 ? [] : list.splice(at, 1);
    this.#keep(process, list);
    if (parcel !== undefined) return this.end(parcel, outcome);
    this.#early.set(number, outcome);
    const [oldest] = this.#early.keys();
    if (this.#early.size > MOST_EARLY && oldest !== undefined) this.#early.delete(oldest);
  }

  /** Takes out the messages that have waited too long for their answer: they are not sent again. */
  unanswered(addedBy: number): Parcel[] {
    const late: Parcel[] = [];
    for (const [process, list] of this.#placed) {
      const rest: Parcel[] = [];
      for (const parcel of list) {
        const isLate = parcel.isConfirmed && parcel.addedAt <= addedBy;
        (isLate ? late : rest).push(parcel);
      }
      if (rest.length < list.length) this.#keep(process, rest);
    }
    return late;
  }

  /** The messages that a process has not confirmed, in order. */
  unconfirmed(process: string): readonly Parcel[] {
    return this.#placed.get(process) ?? [];
  }

  /** A process has died with everything that it had not confirmed. */
  gone(process: string): void {
    const list = this.#placed.get(process) ?? [];
    this.#placed.delete(process);
    this.#confirmed.delete(process);
    for (const parcel of list) this.end(parcel, "gone");
  }

  #giveBack({ sender, bytes }: Parcel): void {
    this.#charges.giveBack(sender, bytes);
  }

  #keep(process: string, list: Parcel[]): void {
    if (list.length === 0) this.#placed.delete(process);
    else this.#placed.set(process, list);
  }
}
