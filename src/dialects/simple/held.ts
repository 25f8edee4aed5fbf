import type { Instance } from "./instance.ts";

/** Instances without a connection, each held for its client until its time is up. */
export class HeldInstances {
  /** Each queue holds its instances for the same time, so that its first one is due first. */
  readonly #lost = new Set<Instance>();
  readonly #away = new Set<Instance>();
  /** Those that came from another node, due in any order. */
  readonly #moved = new Set<Instance>();
  readonly #resumeMs: number;
  readonly #leaveHoldMs: number;

  constructor({ resumeMs, leaveHoldMs }: {
    readonly resumeMs: number;
    /**
     * A client that goes away (close code 1001) has most often left its page, so that the others are
     * told soon; but a proxy that is reloaded ends all its connections with that code.
     */
    readonly leaveHoldMs: number;
  }) {
    this.#resumeMs = resumeMs;
    this.#leaveHoldMs = Math.min(resumeMs, leaveHoldMs);
  }

  get size(): number {
    return this.#lost.size + this.#away.size + this.#moved.size;
  }

  /** Holds an instance that lost its connection, or removes it where the time for that is 0. */
  add(instance: Instance, nowMs: number): void {
    const isAway = instance.departure === "away";
    const timeMs = isAway ? this.#leaveHoldMs : this.#resumeMs;
    if (timeMs === 0) return instance.peer.remove(instance, isAway ? "left" : "lost");
    instance.heldUntilMs = nowMs + timeMs;
    (isAway ? this.#away : this.#lost).add(instance);
  }

  /** Holds an instance of an earlier run for the rest of its time; those due first come first. */
  restore(instance: Instance): void {
    this.#lost.add(instance);
  }

  /** Holds an instance of another node for the rest of its time. */
  restoreMoved(instance: Instance): void {
    this.#moved.add(instance);
  }

  delete(instance: Instance): void {
    this.#moved.delete(instance);
    this.#lost.delete(instance);
    this.#away.delete(instance);
  }

  /** Removes the instances whose time is up. */
  expire(nowMs: number): void {
    for (const instance of [...this.#moved]) {
      if (instance.heldUntilMs <= nowMs) instance.peer.remove(instance, "lost");
    }
    for (const [held, reason] of [[this.#lost, "lost"], [this.#away, "left"]] as const) {
      for (const instance of held) {
        if (instance.heldUntilMs > nowMs) break;
        instance.peer.remove(instance, reason);
      }
    }
  }
}
