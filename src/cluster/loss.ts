import type {
  Actor,
  Backplane,
  ClaimAnswer,
  Fence,
  SharedClaim,
  Sink,
} from "../core/nodes/backplane.ts";
import type { Clock } from "../core/clock.ts";

/** An id that this node gave out while it could not reach the others. */
interface LoneId {
  readonly claim: SharedClaim;
  /** This node's own. */
  readonly fence: Fence;
  isAsked: boolean;
  /** Its peer has gone. */
  isOver: boolean;
  /** Its peer can be called outside of rooms. */
  isGuest: boolean;
}

/** How often a node that has reached the others again asks for its lone ids. */
const ASK_MS = 250;

/**
 * The way to the other nodes for a node that gives ids out while it cannot reach them. The cluster is
 * asked for these ids later, and a peer whose id is somebody else's loses it then. Rooms and calls
 * wait until the cluster has confirmed the id: each member has to learn of the others once.
 */
export function acceptLoss(
  node: Backplane & { readonly isUp: boolean },
  clock: Clock,
): Backplane {
  const ids = new LoneIds(node, clock);
  return changed<Backplane>(node, {
    attach: (sink) => ids.attach(sink),
    claim: (claim, answer, isPatient) => ids.claim(claim, answer, isPatient),
    release: (actor, news) => ids.release(actor, news),
    join: (actor, entry, description, answer) =>
      ids.isAlone(actor) ? answer("unavailable") : node.join(actor, entry, description, answer),
    describe: (actor, maxBytes, description, answer, isPatient) =>
      ids.isAlone(actor)
        ? answer("unavailable")
        : node.describe(actor, maxBytes, description, answer, isPatient),
    list: (actor, isGuest) => ids.list(actor, isGuest),
    pair: (caller, to, answer) =>
      ids.isAlone(caller) ? answer("unavailable") : node.pair(caller, to, answer),
    meet: (caller, to, answer) =>
      ids.isAlone(caller) ? answer("unavailable") : node.meet(caller, to, answer),
  });
}

class LoneIds {
  readonly #node: Backplane & { readonly isUp: boolean };
  readonly #clock: Clock;
  /** Those that the cluster has not confirmed. */
  readonly #ids = new Map<Fence, LoneId>();
  #made = 0;
  #timer: Disposable | undefined;
  #sink: Sink | undefined;

  constructor(node: Backplane & { readonly isUp: boolean }, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
  }

  attach(sink: Sink): void {
    this.#sink = sink;
    this.#node.attach(sink);
  }

  /** True while no other node knows the peer. */
  isAlone({ fence }: Actor): boolean {
    return this.#ids.has(fence);
  }

  claim(
    claim: SharedClaim,
    answer: (outcome: ClaimAnswer) => void,
    isPatient: boolean | undefined,
  ): void {
    this.#node.claim(claim, (outcome) => {
      const isAway = "refused" in outcome && outcome.refused === "unavailable";
      if (!isAway || claim.entry !== undefined) return answer(outcome);
      // Fences of the cluster are above zero.
      const fence = -++this.#made;
      this.#ids.set(fence, { claim, fence, isAsked: false, isOver: false, isGuest: false });
      this.#arm();
      answer({ fence });
    }, isPatient);
  }

  release(actor: Actor, news: unknown): void {
    const lone = this.#ids.get(actor.fence);
    if (lone === undefined) return this.#node.release(actor, news);
    if (lone.isAsked) lone.isOver = true;
    else this.#ids.delete(lone.fence);
  }

  /** The cluster lists a guest once it knows it. */
  list(actor: Actor, isGuest: boolean): void {
    const lone = this.#ids.get(actor.fence);
    if (lone === undefined) return this.#node.list(actor, isGuest);
    lone.isGuest = isGuest;
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(ASK_MS, () => {
      this.#timer = undefined;
      this.#ask();
    });
  }

  #ask(): void {
    const unasked = [...this.#ids.values()].filter(({ isAsked }) => !isAsked);
    if (unasked.length === 0) return;
    if (!this.#node.isUp) return this.#arm();
    for (const lone of unasked) {
      lone.isAsked = true;
      this.#node.claim(lone.claim, (outcome) => this.#answered(lone, outcome));
    }
  }

  #answered(lone: LoneId, outcome: ClaimAnswer): void {
    const { realm, id } = lone.claim;
    if ("refused" in outcome) {
      if (outcome.refused === "unavailable" && !lone.isOver) {
        lone.isAsked = false;
        return this.#arm();
      }
      this.#ids.delete(lone.fence);
      if (!lone.isOver) this.#sink?.lost({ realm, id }, lone.fence, "lost");
      return;
    }
    const { fence } = outcome;
    this.#ids.delete(lone.fence);
    const actor = { realm, id, fence };
    if (lone.isOver) return this.#node.release(actor, undefined);
    this.#sink?.confirmed(actor, lone.fence, fence);
    if (lone.isGuest) this.#node.list(actor, true);
  }
}

/** An object with other methods in the place of some. */
function changed<T extends object>(inner: T, changes: Partial<T>): T {
  return new Proxy(inner, {
    get(target, name): unknown {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
