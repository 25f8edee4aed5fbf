import type { SortKey } from "./sort_key.ts";
import { Problem } from "./problem.ts";

/**
 * The nodes that a request concerns, beyond the one that gets it. "home": the node that has the peer,
 * or members of the room. "all": each one has a part of the answer. "list": each one has items of it.
 */
export type Reach = "home" | "all" | "list";

/** One node's part in a request that concerns several. */
export interface Part {
  /**
   * "first": other nodes are asked where this one has nothing. "asked": another node does so. "last": no
   * other node has it.
   */
  readonly turn: "first" | "asked" | "last";
  /** Gets the places of a page's items. */
  readonly places: SortKey[];
}

/**
 * Ends the turn of a node that does not have the object of a request, since another one may have it.
 * @param part undefined on a server of one node
 */
export function mustHave(part: Part | undefined, hasIt: () => boolean): void {
  if (part === undefined || part.turn === "last" || hasIt()) return;
  throw new Problem("not_found");
}
