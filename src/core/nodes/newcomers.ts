import { type Backplane, NODES, type PeerKey, type RoomKey } from "./backplane.ts";
import { nameOf } from "./ghosts.ts";

/** A list that nobody is on. */
const NOWHERE: RoomKey = { realm: NODES, kind: "list", room: "" };

/**
 * Peers that have just come from another node. Messages that any node sent to them before may still be
 * on their way, and later ones must not overtake those. `Backplane.isSending`
 * is not enough: it knows the messages of this node alone, and their senders move, too.
 */
export class Newcomers {
  readonly #backplane: Pick<Backplane, "look">;
  /** By name; true where a message was sent since the last look. */
  readonly #names = new Map<string, boolean>();

  constructor(backplane: Pick<Backplane, "look">) {
    this.#backplane = backplane;
  }

  has(peer: PeerKey): boolean {
    return this.#names.size > 0 && this.#names.has(nameOf(peer));
  }

  add(peer: PeerKey): void {
    this.#look(nameOf(peer));
  }

  /** Another message is on its way to a newcomer. */
  sent(peer: PeerKey): void {
    this.#names.set(nameOf(peer), true);
  }

  /** The answer comes behind everything that was sent before. */
  #look(name: string): void {
    this.#names.set(name, false);
    this.#backplane.look(NOWHERE, (outcome) => {
      if (outcome === "listed" && this.#names.get(name) === true) this.#look(name);
      else this.#names.delete(name);
    });
  }
}
