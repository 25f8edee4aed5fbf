/** Receives publications. */
export interface Taker<P> {
  readonly link: { fail(error: unknown): void };
  /** Takes one publication. @returns false if it is of no use here */
  take(publication: P): boolean;
}

/** Runs an action after the system has got what the current task has sent. */
export type Later = (action: () => void) => void;

/**
 * Takers that get a publication in one task. The runtime writes to them after the task; of more, the
 * first would no longer be in the processor's cache by then. Slices of 100 cost a tenth less per
 * delivery than a whole topic of 1,000. Frames of other clients are read after some sixty slices.
 */
const SLICE = 64;
/** Takers that get a publication in one task after all, because they still fit in the cache. */
const FEW = 256;

interface Delivery<P> {
  readonly rest: Iterator<Taker<P>>;
  readonly publication: P;
  readonly onDelivered: (taken: number) => void;
  taken: number;
}

/**
 * Delivers publications to many, in slices. At most one is under way: everything that starts another
 * or changes the takers has to `finish` it first, so that all happens as if it had been delivered at
 * once.
 */
export class Deliveries<P> {
  readonly #later: Later | undefined;
  #current: Delivery<P> | undefined = undefined;

  /** @param later without it each publication is delivered at once */
  constructor(later?: Later) {
    this.#later = later;
  }

  /** @param onDelivered told once how many took the publication */
  start(to: ReadonlySet<Taker<P>>, publication: P, onDelivered: (taken: number) => void): void {
    this.finish();
    const delivery = { rest: to.values(), publication, onDelivered, taken: 0 };
    this.#current = delivery;
    if (this.#later === undefined || to.size <= FEW) this.finish();
    else this.#go(delivery, this.#later);
  }

  /** Completes the delivery that is under way, if there is one. */
  finish(): void {
    if (this.#current !== undefined) this.#deliver(this.#current, Infinity);
  }

  #go(delivery: Delivery<P>, later: Later): void {
    if (this.#current !== delivery) return;
    this.#deliver(delivery, SLICE);
    if (this.#current === delivery) later(() => this.#go(delivery, later));
  }

  #deliver(delivery: Delivery<P>, max: number): void {
    const { rest, publication } = delivery;
    for (let left = max; left > 0; left--) {
      const { done, value: taker } = rest.next();
      if (done === true) return this.#end(delivery);
      if (hand(taker, publication)) delivery.taken++;
    }
  }

  #end(delivery: Delivery<P>): void {
    if (this.#current !== delivery) return;
    this.#current = undefined;
    delivery.onDelivered(delivery.taken);
  }
}

/** Hands a publication to one taker. A fault in its session ends that session alone. */
export function hand<P>(taker: Taker<P>, publication: P): boolean {
  try {
    return taker.take(publication);
  } catch (error) {
    taker.link.fail(error);
    return false;
  }
}
