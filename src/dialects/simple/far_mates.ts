import type { PeerId, RoomEvent } from "../../core/events.ts";
import type { Speaker } from "./kept_signals.ts";
import type { FrameRef, SentSignal } from "./messages.ts";
import type { News } from "./news.ts";
import { isPost } from "./posts.ts";
import type { Ticket } from "./settled.ts";

/** A signal without an outcome, as far as its sender has to learn of it. */
export interface Unsettled {
  readonly ticket: Ticket;
  readonly to: PeerId;
  readonly instance: number;
  readonly via: string | undefined;
  readonly ref: FrameRef;
  readonly sentAt: number;
}

/**
 * A peer's exchange with peers of other nodes. It remembers their instances that have sent
 * something, because kept signals of those that left are not sent again. A signal for them has one
 * outcome: its receipt, its return, or a refusal when the receiver has left or no receipt comes.
 */
export class FarMates {
  readonly #speakers = new Map<PeerId, Map<number, Speaker>>();
  /** The oldest first. */
  readonly #unsettled = new Map<Ticket, Unsettled>();

  get hasUnsettled(): boolean {
    return this.#unsettled.size > 0;
  }

  /** True while a request on this node waits for the receipt of its signal. */
  get owesPosts(): boolean {
    return [...this.#unsettled.values()].some(({ via }) => via !== undefined && isPost(via));
  }

  /** A signal waits for its outcome. */
  sent(ticket: Ticket, signal: SentSignal, sentAt: number): void {
    const { peer_instance: instance, via, frame: { peer_id: to, ref } } = signal;
    this.#unsettled.set(ticket, { ticket, to, instance, via, ref, sentAt });
  }

  /** False for a second outcome. */
  settle(ticket: Ticket): boolean {
    return this.#unsettled.delete(ticket);
  }

  /** Signals without an outcome: those for a peer, or those sent until a moment. */
  unsettledFor(peer: PeerId): Unsettled[] {
    return [...this.#unsettled.values()].filter(({ to }) => to === peer);
  }

  unsettledSince(sentBy: number): Unsettled[] {
    const late: Unsettled[] = [];
    for (const one of this.#unsettled.values()) {
      if (one.sentAt > sentBy) break;
      late.push(one);
    }
    return late;
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
