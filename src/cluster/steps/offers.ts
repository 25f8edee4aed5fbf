import { type Actor, NODE_DIALECT, type SharedClaim } from "../../core/nodes/backplane.ts";
import type { Asking } from "./asking.ts";
import { claimArgs } from "../names.ts";

/** The realm of offers, whose ids are their names (steps.lua). */
const OFFERS = "@offers";

/** Offers of nodes to others. Each has a name, which one node can claim: nobody else takes the offer. */
export class Offers {
  readonly #asking: Asking;
  readonly #release: (actor: Actor) => void;

  constructor(asking: Asking, release: (actor: Actor) => void) {
    this.#asking = asking;
    this.#release = release;
  }

  /**
   * Claims an offer for this node, until the returned value is disposed of. "taken": another node has it,
   * or its maker has ended.
   * @param maker address of the process that made the offer; it withdraws the offer by its own claim
   */
  take(name: string, maker: string): Promise<Disposable | "taken" | "unavailable"> {
    const { promise, resolve } = Promise.withResolvers<Disposable | "taken" | "unavailable">();
    const claim = claimOf(name);
    this.#asking.claim({
      claim,
      step: ["take", maker, ...claimArgs(claim)],
      // Another node may rely on its outcome.
      isFinal: true,
      answer: (outcome) => {
        if ("refused" in outcome) {
          return resolve(outcome.refused === "unavailable" ? "unavailable" : "taken");
        }
        const actor = { realm: OFFERS, id: name, fence: outcome.fence };
        resolve({ [Symbol.dispose]: () => this.#release(actor) });
      },
    });
    return promise;
  }
}

/** A claim that no other one takes over. */
function claimOf(name: string): SharedClaim {
  return {
    realm: OFFERS,
    id: name,
    dialect: NODE_DIALECT,
    policy: "proof",
    proof: undefined,
    isExclusive: false,
    bytes: 0,
    info: null,
    entry: undefined,
    terms: undefined,
  };
}
