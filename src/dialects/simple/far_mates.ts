import type { PeerId, RoomEvent } from "../../core/events.ts";
import type { Speaker } from "./kept_signals.ts";
import type { SentSignal } from "./messages.ts";
import type { News } from "./news.ts";

/**
 * A peer's exchange with peers of other nodes. It remembers their instances that have sent
 * something, because kept signals of those that left are not sent again. A signal for them has one
 * outcome: its receipt, or its return when their node dies.
 */
export class FarMates {
  readonly #speakers = new Map<PeerId, Map<number, Speaker>>();
  /** Signals without an outcome. */
  readonly #unsettled = new Set<number>();
  #count = 0;

  /** A signal that waits for its outcome. */
  sent(signal: SentSignal): SentSignal {
    const ticket = ++this.#count;
    this.#unsettled.add(ticket);
    return { ...signal, ticket };
  }

  /** False for a second outcome. */
  settle(ticket: number): boolean {
    return this.#unsettled.delete(ticket);
  }

  of(id: PeerId, instance: number): Speaker {
    const ofPeer = this.#ofPeer(id);
    const speaker = ofPeer.get(instance) ?? { isGone: false };
    ofPeer.set(instance, speaker);
    return speaker;
  }

  /** A peer of this node has moved to another one. */
  add(id: PeerId, instance: number, speaker: Speaker): void {
    this.#ofPeer(id).set(instance, speaker);
  }

  /** Those that have not left, with their names. */
  *named(): Generator<[Speaker, [id: PeerId, instance: number]]> {
    for (const [id, ofPeer] of this.#speakers) {
      for (const [instance, speaker] of ofPeer) yield [speaker, [id, instance]];
    }
  }

  /** A peer of the room has left, or one of its instances has. */
  note({ type, peer: { id }, news }: RoomEvent): void {
    const ofPeer = this.#speakers.get(id);
    if (ofPeer === undefined) return;
    if (type === "left") {
      for (const speaker of ofPeer.values()) speaker.isGone = true;
      this.#speakers.delete(id);
      return;
    }
    // Peers of this dialect give the hub nothing else.
    const change = news as News | undefined;
    if (change?.type !== "leave") return;
    const speaker = ofPeer.get(change.instance);
    if (speaker !== undefined) speaker.isGone = true;
    ofPeer.delete(change.instance);
  }

  #ofPeer(id: PeerId): Map<number, Speaker> {
    let ofPeer = this.#speakers.get(id);
    if (ofPeer === undefined) this.#speakers.set(id, ofPeer = new Map());
    return ofPeer;
  }
}
