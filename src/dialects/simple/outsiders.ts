import type { PeerId, PeerSummary } from "../../core/events.ts";
import type { Instance } from "./instance.ts";
import type { Speaker } from "./kept_signals.ts";
import type { PeerLine } from "./leg.ts";
import { encodeJoin, encodeLeave, type SentSignal } from "./messages.ts";
import { descriptionOf } from "./news.ts";
import { outcomeFor, targetsOf } from "./targets.ts";

/** A peer that is in calls with peers of other dialects. */
interface CalledPeer {
  readonly id: PeerId;
  /** By number; undefined for a free one. */
  readonly slots: readonly (Instance | undefined)[];
  /** Sends frames to all instances that are connected. */
  tell(frames: readonly string[]): void;
}

/** A peer's calls with peers of other dialects, some of which are not in its room. */
export class Outsiders implements PeerLine {
  readonly #peer: CalledPeer;
  readonly #dialect: string;
  /** Peers outside the room that are in a call with this one. */
  readonly #introduced = new Map<PeerId, PeerSummary>();

  /** @param dialect of the peer itself */
  constructor(peer: CalledPeer, dialect: string) {
    this.#peer = peer;
    this.#dialect = dialect;
  }

  get id(): PeerId {
    return this.#peer.id;
  }

  get instanceCount(): number {
    return this.#peer.slots.filter((slot) => slot !== undefined).length;
  }

  has(id: PeerId): boolean {
    return this.#introduced.has(id);
  }

  list(): Iterable<PeerSummary> {
    return this.#introduced.values();
  }

  hand(signal: SentSignal, from: Readonly<Speaker>): boolean {
    const targets = targetsOf(this.#peer.slots, signal);
    if ("refused" in outcomeFor(targets, signal)) return false;
    for (const target of targets) target.take(from, signal);
    return true;
  }

  introduce(other: PeerSummary): void {
    this.#introduced.set(other.id, other);
    this.#peer.tell([encodeJoin(descriptionOf(other, this.#dialect), 0)]);
  }

  retire({ id }: PeerSummary): void {
    this.#introduced.delete(id);
    this.#peer.tell([encodeLeave(id, 0, [], "left")]);
  }
}
