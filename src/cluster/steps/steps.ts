import type { Parcel } from "../items/outbox.ts";

/** A step whose answer comes by the inbox. */
interface Pending {
  readonly ticket: string;
  readonly refuse: () => void;
  /** Refuses it although it may be carried out: then it is undone. */
  readonly abandon: () => void;
  /** It waits for an engine that is away as long as it has to. */
  readonly isPatient: boolean;
  /** It cannot be undone: its answer is waited for once it was sent. */
  readonly isFinal: boolean;
}

/** Something to be carried out by the engine. */
export interface Step {
  /** A step's letter and arguments; empty for a message, whose parcel has them. */
  readonly args: readonly string[];
  readonly addedAt: number;
  readonly parcel?: Parcel;
  readonly pending?: Pending;
  /** Means nothing to an engine that has lost its data: it is asked for again. */
  readonly isOfEpoch?: true;
  /** A later step about the same subject replaces it, while it waits. */
  readonly subject?: string | undefined;
  /** It may be dropped if too many like it wait. */
  readonly isNews?: boolean;
}

export interface StepLimits {
  /** Steps that may wait. */
  readonly maxWaiting: number;
  /** News that may wait; the oldest are dropped. */
  readonly maxNews: number;
  /** Steps and characters of one call, which carries a first step of any size. */
  readonly maxBatchSteps: number;
  readonly maxBatchBytes: number;
}

/** The last step of a node, which gives everything up. */
export const END = "E";

/** The steps of this node in the order in which they were asked for. */
export class Steps {
  readonly #limits: StepLimits;
  #waiting = new Set<Step>();
  /** Those of them that a later step may replace, by their subjects. */
  readonly #subjects = new Map<string, Step>();
  readonly #news = new Set<Step>();
  /** Failed at a key of another type: they wait until they are tried again. */
  readonly #shelved = new Set<Step>();
  /** Sent, and not answered. */
  readonly #open = new Map<string, Step>();
  /** The steps of the newest call, until its outcome is known. */
  #underWay: readonly Step[] = [];
  /** Sent, and answered or refused since: they are not sent again. */
  readonly #over = new WeakSet<Step>();
  /** Taken back from an engine that may have kept what it did for them. */
  readonly #takenBack = new WeakSet<Step>();

  constructor(limits: StepLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** True if a client's step has to be refused, because too many wait. */
  get isFull(): boolean {
    return this.#waiting.size >= this.#limits.maxWaiting;
  }

  /** @returns the step that is dropped for it, if too many wait */
  push(step: Step): Step | undefined {
    const { subject, isNews = false } = step;
    const before = subject === undefined ? undefined : this.#subjects.get(subject);
    if (before !== undefined) this.#remove(before);
    before?.pending?.refuse();
    this.#waiting.add(step);
    if (subject !== undefined) {
      this.#unshelve(subject);
      this.#subjects.set(subject, step);
    }
    if (isNews) this.#news.add(step);
    if (this.#news.size <= this.#limits.maxNews) return undefined;
    const [oldest] = this.#news;
    if (oldest !== undefined) this.#remove(oldest);
    return oldest;
  }

  /** Puts steps before all others. */
  unshift(steps: readonly Step[]): void {
    this.#waiting = new Set([...steps, ...this.#waiting]);
  }

  /** Takes the steps of the next call: at least one, if there is any. */
  take(): Step[] {
    const { maxBatchSteps, maxBatchBytes } = this.#limits;
    let bytes = 0;
    const taken: Step[] = [];
    for (const step of this.#waiting) {
      bytes += sizeOf(step);
      if (taken.length > 0 && (taken.length >= maxBatchSteps || bytes > maxBatchBytes)) break;
      taken.push(step);
    }
    for (const step of taken) this.#remove(step);
    for (const step of taken) if (step.pending) this.#open.set(step.pending.ticket, step);
    this.#underWay = taken;
    return taken;
  }

  /** Keeps a step that could not be carried out, until `retry`. The oldest go if there are too many. */
  shelve(step: Step): void {
    const { pending, subject } = step;
    if (pending !== undefined) this.#open.delete(pending.ticket);
    // A later one takes its place.
    if (subject !== undefined && this.#subjects.has(subject)) return pending?.refuse();
    this.#shelved.add(step);
    if (this.#shelved.size <= this.#limits.maxWaiting) return;
    const [oldest] = this.#shelved;
    if (oldest !== undefined) this.#shelved.delete(oldest);
  }

  /** Has what was kept tried again, before all others. */
  retry(): void {
    if (this.#shelved.size === 0) return;
    this.unshift([...this.#shelved]);
    for (const step of this.#shelved) {
      if (step.subject !== undefined) this.#subjects.set(step.subject, step);
      if (step.isNews === true) this.#news.add(step);
    }
    this.#shelved.clear();
  }

  /** The outcome of the newest call is known. */
  passed(): void {
    this.#underWay = [];
  }

  /** The answer to a step has come; undefined if it had come before. */
  answered(ticket: string): Step | undefined {
    const step = this.#open.get(ticket);
    if (step !== undefined) this.#over.add(step);
    this.#open.delete(ticket);
    return step;
  }

  /**
   * Takes out the messages for an id that has just turned out to be absent.
   * @param dialect takes those of its peers alone
   */
  takeMessages(realm: string, id: string, dialect?: string): Parcel[] {
    const parcels: Parcel[] = [];
    for (const step of this.#waiting) {
      const { parcel } = step;
      if (parcel?.realm !== realm || parcel.id !== id || parcel.isCall) continue;
      if (dialect !== undefined && parcel.dialect !== dialect) continue;
      parcels.push(parcel);
      this.#remove(step);
    }
    return parcels;
  }

  /** Takes out what has waited too long. Steps of the server itself wait as long as they have to. */
  expire(addedBy: number): Step[] {
    const late: Step[] = [];
    for (const step of this.#waiting) {
      if (!isBounded(step) || step.addedAt > addedBy) continue;
      late.push(step);
      this.#remove(step);
    }
    return late;
  }

  /** Finds what was sent and has had no answer for too long; each step once. */
  abandon(addedBy: number): Step[] {
    const parcels = this.#underWay.filter(({ parcel }) => parcel !== undefined);
    const late = [...parcels, ...this.#open.values()].filter((step) =>
      isBounded(step) && step.pending?.isFinal !== true && step.addedAt <= addedBy &&
      !this.#over.has(step)
    );
    for (const step of late) {
      this.#over.add(step);
      if (step.pending !== undefined) this.#open.delete(step.pending.ticket);
    }
    return late;
  }

  /** True if a step that was sent has been answered or refused since. */
  isOver(step: Step): boolean {
    return this.#over.has(step);
  }

  /** True if a step that waits was sent before. */
  wasSent(step: Step): boolean {
    return this.#takenBack.has(step);
  }

  /** The peers and rooms of entries that were sent before, and wait for another try. */
  *entering(): Generator<readonly string[]> {
    for (const step of this.#waiting) {
      const [letter, , realm = "", id = "", fence = "", room = ""] = step.args;
      if (letter === "J" && this.#takenBack.has(step)) yield [realm, id, fence, room];
    }
  }

  /**
   * The engine has lost what was sent: steps without an answer are taken back, before all others.
   * @param underWay the steps of the call that was not answered
   */
  restart(underWay: readonly Step[]): void {
    const open = [...this.#open.values()].filter((step) => !underWay.includes(step));
    this.#open.clear();
    this.#underWay = [];
    const isStill = (step: Step): boolean => step.isOfEpoch !== true && !this.#over.has(step);
    for (const step of [...open, ...underWay]) this.#takenBack.add(step);
    const before = [...open, ...underWay].filter(isStill);
    for (const step of this.#waiting) if (!isStill(step)) this.#remove(step);
    for (const step of this.#shelved) if (!isStill(step)) this.#shelved.delete(step);
    this.#waiting = new Set([...before, ...this.#waiting]);
  }

  #unshelve(subject: string): void {
    for (const step of this.#shelved) {
      if (step.subject !== subject) continue;
      this.#shelved.delete(step);
      step.pending?.refuse();
    }
  }

  #remove(step: Step): void {
    this.#waiting.delete(step);
    this.#news.delete(step);
    const { subject } = step;
    if (subject !== undefined && this.#subjects.get(subject) === step) {
      this.#subjects.delete(subject);
    }
  }
}

/** True for a step of a client, which does not wait for ever. */
function isBounded({ parcel, pending }: Step): boolean {
  return parcel !== undefined || pending?.isPatient === false;
}

function sizeOf({ args, parcel }: Step): number {
  return parcel?.bytes ?? lengthOf(args);
}

/** Characters of a step's letter and arguments. */
export function lengthOf(args: readonly string[]): number {
  return args.reduce((sum, { length }) => sum + length, 0);
}
