import type {
  Actor,
  Backplane,
  ClaimAnswer,
  Fence,
  SharedClaim,
  SharedPeer,
  Sink,
} from "../core/nodes/backplane.ts";
import type { Clock } from "../core/clock.ts";

/** An id that this node gave out while it could not reach the others. */
interface LoneId {
  readonly claim: SharedClaim;
  /** This node's own, until there is one of the cluster. */
  readonly fence: Fence;
  shared: Fence | undefined;
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
    attach: (sink) => node.attach(ids.translating(sink)),
    claim: (claim, answer) => ids.claim(claim, answer),
    release: (actor, news) => ids.release(actor, news),
    join: (actor, entry, description, answer) =>
      ids.act(actor, answer, (known) => node.join(known, entry, description, answer)),
    describe: (actor, maxBytes, description, answer) =>
      ids.act(actor, answer, (known) => node.describe(known, maxBytes, description, answer)),
    list: (actor, isGuest) => ids.list(actor, isGuest),
    pair: (caller, to, answer) =>
      ids.act(caller, answer, (known) => node.pair({ ...caller, ...known }, to, answer)),
  });
}

class LoneIds {
  readonly #node: Backplane & { readonly isUp: boolean };
  readonly #clock: Clock;
  readonly #ids = new Map<Fence, LoneId>();
  readonly #byShared = new Map<Fence, LoneId>();
  #made = 0;
  #timer: Disposable | undefined;
  #sink: Sink | undefined;

  constructor(node: Backplane & { readonly isUp: boolean }, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
  }

  /** The hub's side of the seam, which knows lone ids by this node's fences. */
  translating(sink: Sink): Sink {
    this.#sink = sink;
    const own = (fence: Fence): Fence => this.#byShared.get(fence)?.fence ?? fence;
    const ownPeer = (peer: SharedPeer): SharedPeer => ({ ...peer, fence: own(peer.fence) });
    return changed<Sink>(sink, {
      deliver: (message) =>
        sink.deliver({ ...message, fence: message.fence && own(message.fence) }),
      lost: (key, fence, why) => {
        const lone = this.#byShared.get(fence);
        if (lone !== undefined) this.#forget(lone);
        sink.lost(key, lone?.fence ?? fence, why);
      },
      paired: (realm, caller, callee) =>
        sink.paired(realm, { ...caller, ...ownPeer(caller) }, ownPeer(callee)),
    });
  }

  claim(claim: SharedClaim, answer: (outcome: ClaimAnswer) => void): void {
    this.#node.claim(claim, (outcome) => {
      const isAway = "refused" in outcome && outcome.refused === "unavailable";
      if (!isAway || claim.entry !== undefined) return answer(outcome);
      // Fences of the cluster are above zero.
      const fence = -++this.#made;
      const fresh = { shared: undefined, isAsked: false, isOver: false, isGuest: false };
      this.#ids.set(fence, { claim, fence, ...fresh });
      this.#arm();
      answer({ fence });
    });
  }

  release(actor: Actor, news: unknown): void {
    const lone = this.#ids.get(actor.fence);
    if (lone === undefined) return this.#node.release(actor, news);
    if (lone.isAsked && lone.shared === undefined) {
      lone.isOver = true;
      return;
    }
    this.#forget(lone);
    if (lone.shared !== undefined) this.#node.release({ ...actor, fence: lone.shared }, news);
  }

  /** Carries a step out as the actor that the cluster knows; refuses it while it knows none. */
  act(
    actor: Actor,
    answer: (refusal: "unavailable") => void,
    carryOut: (known: Actor) => void,
  ): void {
    const lone = this.#ids.get(actor.fence);
    if (lone === undefined) carryOut(actor);
    else if (lone.shared === undefined) answer("unavailable");
    else carryOut({ ...actor, fence: lone.shared });
  }

  /** The cluster lists a guest once it knows it. */
  list(actor: Actor, isGuest: boolean): void {
    const lone = this.#ids.get(actor.fence);
    if (lone === undefined) return this.#node.list(actor, isGuest);
    lone.isGuest = isGuest;
    if (lone.shared !== undefined) this.#node.list({ ...actor, fence: lone.shared }, isGuest);
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
      this.#forget(lone);
      if (!lone.isOver) this.#sink?.lost({ realm, id }, lone.fence, "lost");
      return;
    }
    const { fence } = outcome;
    if (lone.isOver) {
      this.#forget(lone);
      return this.#node.release({ realm, id, fence }, undefined);
    }
    lone.shared = fence;
    this.#byShared.set(fence, lone);
    if (lone.isGuest) this.#node.list({ realm, id, fence }, true);
  }

  #forget(lone: LoneId): void {
    this.#ids.delete(lone.fence);
    if (lone.shared !== undefined) this.#byShared.delete(lone.shared);
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
