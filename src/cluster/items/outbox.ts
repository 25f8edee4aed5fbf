import type { OutgoingMessage, PassAnswer, Passed } from "../../core/nodes/backplane.ts";
import { type ChargeLimits, Charges } from "./charges.ts";
import type { ReportCluster } from "../events.ts";
import { guarded } from "../guarded.ts";
import { processOf } from "../names.ts";
import { packLetter } from "./letter.ts";
import type { Seal } from "../seal.ts";
import { messageName, packBody, packName, packPrivate } from "../texts.ts";

/** A message that is on its way to another node. */
export interface Parcel {
  /** Grows with every message of this process. */
  readonly number: number;
  /** The same, or that of its first try. */
  readonly firstNumber: number;
  readonly realm: string;
  readonly id: string;
  /** The receiver's name. */
  readonly name: string;
  /** Counts for it; empty for the node itself. */
  readonly sender: string;
  readonly dialect: string;
  /** The step's arguments behind the number. */
  readonly args: readonly string[];
  readonly bytes: number;
  readonly addedAt: number;
  readonly isConfirmed: boolean;
  readonly isCall: boolean;
  readonly answer: (outcome: PassAnswer, firstNumber: number) => void;
}

/** A message in an inbox. */
interface Placed {
  readonly parcel: Parcel;
  readonly inbox: string;
  /** A later inbox of the same process that a newer message was sent to, the first one. */
  overtakenIn: string | undefined;
  /** Which of this node's own inboxes gets its answer. */
  readonly answeredIn: number;
}

export interface OutboxLimits extends ChargeLimits {
  /** The name of this process, which sends what its parts tell each other. */
  readonly process: string;
  /** Characters of one client's message. What nodes tell each other is bounded by all bytes alone. */
  readonly maxItemBytes: number;
}

interface OutboxParts extends OutboxLimits {
  readonly report: ReportCluster;
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
  readonly #report: ReportCluster;
  readonly #cameBack: () => void;
  /** Messages that reached an inbox of a process and were not confirmed, by process. */
  readonly #placed = new Map<string, Placed[]>();
  /** The highest number that the newest inbox of each process has confirmed. */
  readonly #confirmed = new Map<string, { readonly inbox: string; readonly number: number }>();
  /** Messages that may still come to a peer of this node, by its name. */
  readonly #open = new Map<string, Set<Parcel>>();
  /** Answers that came before their message was known to be on its way. */
  readonly #early = new Map<number, Passed>();
  #number = 0;
  #epoch = "";
  /** The inboxes that this node has had. */
  #own = 0;
  /** The names of this epoch's inboxes, by their nodes. */
  readonly #inboxes = new Map<string, string>();

  /** @param cameBack is called for each message that a node had and did not take, after its answer */
  constructor(parts: OutboxParts, cameBack: () => void) {
    this.#limits = parts;
    this.#charges = new Charges(parts);
    this.#report = parts.report;
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
  get processes(): Iterable<string> {
    return this.#placed.keys();
  }

  /**
   * Counts a message that waits; false if too much is on its way already.
   * @param receiver has a share of the bytes, as a sender has; empty for receivers that have none
   */
  hold(bytes: number, receiver: string): boolean {
    return this.#charges.take(shareOf(receiver), bytes + OVERHEAD_BYTES);
  }

  /** The message waits no longer. */
  unhold(bytes: number, receiver: string): void {
    this.#charges.giveBack(shareOf(receiver), bytes + OVERHEAD_BYTES);
  }

  /** Takes a message up; undefined if too much is on its way already. */
  add(
    message: OutgoingMessage,
    isConfirmed: boolean,
    addedAt: number,
    answer: Parcel["answer"],
  ): Parcel | undefined {
    const { realm, id, from, dialect, payload, fence, isCall = false } = message;
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
      dialect,
      isCall ? "c" : "",
      packLetter(message, isConfirmed, body),
    ];
    const number = ++this.#number;
    const { firstNumber = number } = message;
    const name = nameOf(realm, to);
    const about = { realm, id: to, name, sender, dialect, firstNumber };
    const parcel = { ...about, number, bytes, addedAt, isConfirmed, isCall, args, answer };
    const open = this.#open.get(name);
    if (open === undefined) this.#open.set(name, new Set([parcel]));
    else open.add(parcel);
    return parcel;
  }

  /**
   * Whether a message for an id may still come to a peer of this node, or back to its sender.
   * @param from looks for messages of this sender's client alone
   */
  isSending(realm: string, id: string, from?: string): boolean {
    if (this.#open.size === 0) return false;
    const open = this.#open.get(nameOf(realm, packName(id)));
    if (open === undefined || from === undefined) return open !== undefined;
    const sender = `${realm}:${from}`;
    for (const parcel of open) if (!parcel.isCall && parcel.sender === sender) return true;
    return false;
  }

  /** This node's inbox begins anew; in a new epoch, so do all others. */
  enter(epoch: string): void {
    this.#own++;
    this.#epoch = epoch;
    this.#inboxes.clear();
  }

  /** The message is in the inbox of a node. */
  placed(node: string, parcel: Parcel): void {
    const [process, inbox] = [processOf(node), this.#inboxOf(node)];
    if (process !== this.#limits.process) this.#close(parcel);
    const list = this.#placed.get(process) ?? [];
    if (list.at(-1)?.inbox !== inbox) {
      for (const one of list) if (one.inbox !== inbox) one.overtakenIn ??= inbox;
    }
    const early = this.#early.get(parcel.number);
    this.#early.delete(parcel.number);
    if (early !== undefined) return this.end(parcel, early);
    const { inbox: confirmed, number = 0 } = this.#confirmed.get(process) ?? {};
    const isConfirmed = confirmed === inbox && parcel.number <= number;
    if (isConfirmed && !parcel.isConfirmed) return this.#giveBack(parcel);
    list.push({ parcel, inbox, overtakenIn: undefined, answeredIn: this.#own });
    this.#placed.set(process, list);
  }

  /** The message is over with this outcome. */
  end(parcel: Parcel, outcome: PassAnswer): void {
    this.#giveBack(parcel);
    const isAnswered = parcel.isConfirmed || outcome !== "taken";
    if (isAnswered) guarded(this.#report, () => parcel.answer(outcome, parcel.firstNumber));
    if (outcome === "gone") this.#cameBack();
  }

  /** A node has taken everything in its inbox up to a number. */
  confirmed(node: string, number: number): void {
    const [process, inbox] = [processOf(node), this.#inboxOf(node)];
    const { inbox: before, number: highest = 0 } = this.#confirmed.get(process) ?? {};
    const most = before === inbox ? Math.max(number, highest) : number;
    this.#confirmed.set(process, { inbox, number: most });
    const list = this.#placed.get(process);
    if (list === undefined) return;
    const rest: Placed[] = [];
    for (const one of list) {
      // One that wants an answer has it before, or gets it with the next item.
      const isTaken = one.inbox === inbox && one.parcel.number <= number;
      if (!isTaken || one.parcel.isConfirmed) rest.push(one);
      else this.#giveBack(one.parcel);
    }
    this.#keep(process, rest);
  }

  /**
   * A node tells the last number that it had when its inbox began. Returns the messages of earlier
   * inboxes that are to be sent again, in order. Those that a newer one may have overtaken come back to
   * their senders. Messages whose answers went to an earlier inbox of this node are sent again, too:
   * the other node has them, and answers once more.
   */
  told(node: string, last: number): Parcel[] {
    const [process, inbox] = [processOf(node), this.#inboxOf(node)];
    const [rest, again, lost]: [Placed[], Parcel[], Parcel[]] = [[], [], []];
    for (const one of this.#placed.get(process) ?? []) {
      const { parcel, overtakenIn = inbox } = one;
      // The last number is that of the inbox before this one.
      const isTaken = parcel.number <= last && overtakenIn === inbox;
      if (one.inbox === inbox && one.answeredIn === this.#own) rest.push(one);
      else if (isTaken && !parcel.isConfirmed) this.#giveBack(parcel);
      else if (one.overtakenIn !== undefined) lost.push(parcel);
      else {
        again.push(parcel);
        rest.push({ parcel, inbox, overtakenIn: undefined, answeredIn: this.#own });
      }
    }
    this.#keep(process, rest);
    for (const parcel of lost) this.end(parcel, "gone");
    return again;
  }

  /** A process has answered one message. */
  answered(process: string, number: number, outcome: Passed): void {
    const list = this.#placed.get(process) ?? [];
    const at = list.findIndex(({ parcel }) => parcel.number === number);
    const [placed] = at === -1 ? [] : list.splice(at, 1);
    this.#keep(process, list);
    if (placed !== undefined) return this.end(placed.parcel, outcome);
    this.#early.set(number, outcome);
    const [oldest] = this.#early.keys();
    if (this.#early.size > MOST_EARLY && oldest !== undefined) this.#early.delete(oldest);
  }

  /** Takes out the messages that have waited too long for their answer: they are not sent again. */
  unanswered(addedBy: number): Parcel[] {
    const late: Parcel[] = [];
    for (const [process, list] of this.#placed) {
      const rest: Placed[] = [];
      for (const one of list) {
        const { parcel } = one;
        if (parcel.isConfirmed && parcel.addedAt <= addedBy) late.push(parcel);
        else rest.push(one);
      }
      if (rest.length < list.length) this.#keep(process, rest);
    }
    return late;
  }

  /** A process has died with everything that it had not confirmed. */
  gone(process: string): void {
    const list = this.#placed.get(process) ?? [];
    this.#placed.delete(process);
    this.#confirmed.delete(process);
    for (const { parcel } of list) this.end(parcel, "gone");
  }

  #giveBack(parcel: Parcel): void {
    this.#close(parcel);
    this.#charges.giveBack(parcel.sender, parcel.bytes);
  }

  #close(parcel: Parcel): void {
    const { name } = parcel;
    const open = this.#open.get(name);
    if (open?.delete(parcel) === true && open.size === 0) this.#open.delete(name);
  }

  /** Names an inbox: each incarnation of a process has another one in each epoch. */
  #inboxOf(node: string): string {
    const known = this.#inboxes.get(node);
    if (known !== undefined) return known;
    const inbox = `${this.#epoch} ${node}`;
    this.#inboxes.set(node, inbox);
    return inbox;
  }

  #keep(process: string, list: Placed[]): void {
    if (list.length === 0) this.#placed.delete(process);
    else this.#placed.set(process, list);
  }
}

/** No sender has such a name, because realms have no blanks. */
function shareOf(receiver: string): string {
  return receiver === "" ? "" : `to ${receiver}`;
}

/** The name of a receiver. */
function nameOf(realm: string, id: string): string {
  return `${realm}:${id}`;
}
