import type { Parcel } from "./outbox.ts";

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
}

export interface StepLimits {
  /** Steps that may wait. */
  readonly maxWaiting: number;
  /** Steps and characters of one call, which carries a first step of any size. */
  readonly maxBatchSteps: number;
  readonly maxBatchBytes: number;
}

/** The last step of a node, which gives everything up. */
export const END = "E";

/** The steps of this node in the order in which they were asked for. */
export class Steps {
  readonly #limits: StepLimits;
  #waiting: Step[] = [];
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
    return this.#waiting.length;
  }

  /** True if a client's step has to be refused, because too many wait. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#limits.maxWaiting;
  }

  push(step: Step): void {
    this.#waiting.push(step);
  }

  /** Puts steps before all others. */
  unshift(steps: readonly Step[]): void {
    this.#waiting = [...steps, ...this.#waiting];
  }

  /** Takes the steps of the next call: at least one, if there is any. */
  take(): Step[] {
    const { maxBatchSteps, maxBatchBytes } = this.#limits;
    let bytes = 0;
    let count = 0;
    for (const step of this.#waiting) {
      bytes += sizeOf(step);
      if (count > 0 && (count >= maxBatchSteps || bytes > maxBatchBytes)) break;
      count++;
    }
    const taken = this.#waiting.splice(0, count);
    for (const step of taken) if (step.pending) this.#open.set(step.pending.ticket, step);
    this.#underWay = taken;
    return taken;
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

  /** Takes out the messages for an id that has just turned out to be absent. */
  takeMessages(realm: string, id: string): Parcel[] {
    const isFor = ({ parcel }: Step): boolean =>
      parcel?.realm === realm && parcel.id === id && !parcel.isCall;
    const parcels: Parcel[] = [];
    for (const { parcel } of this.#waiting.filter(isFor)) if (parcel) parcels.push(parcel);
    if (parcels.length > 0) this.#waiting = this.#waiting.filter((step) => !isFor(step));
    return parcels;
  }

  /** Takes out what has waited too long. Steps of the server itself wait as long as they have to. */
  expire(addedBy: number): Step[] {
    const isLate = (step: Step): boolean => isBounded(step) && step.addedAt <= addedBy;
    if (!this.#waiting.some(isLate)) return [];
    const late = this.#waiting.filter(isLate);
    this.#waiting = this.#waiting.filter((step) => !isLate(step));
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
    this.#waiting = [...open, ...underWay, ...this.#waiting].filter(isStill);
  }
}

/** True for a step of a client, which does not wait for ever. */
function isBounded({ parcel, pending }: Step): boolean {
  return parcel !== undefined || pending?.isPatient === false;
}

function sizeOf({ args, parcel }: Step): number {
  if (parcel !== undefined) return parcel.bytes;
  return args.reduce((sum, { length }) => sum + length, 0);
}
