import type { PeerEvent, PeerHandle } from "../../../src/core/events.ts";
import type { Receiver } from "../../../src/core/session.ts";
import { FakeLink } from "../session/fake_link.ts";
import type { MemoryNode } from "./memory_cluster.ts";

/** A client of one node, which keeps everything that it hears. */
export class ChaosClient implements Receiver {
  readonly id: string;
  readonly home: MemoryNode;
  readonly link = new FakeLink();
  readonly heard: PeerEvent[] = [];
  /** Set when it has its id. */
  admittedAt: number | undefined;
  /** It has left, was replaced, or its node was killed. */
  isGone = false;
  /** Its request to enter the room, or to call, has no answer yet. */
  isAsking = false;
  #peer: PeerHandle | undefined;
  readonly #now: () => number;

  constructor(id: string, home: MemoryNode, now: () => number) {
    this.id = id;
    this.home = home;
    this.#now = now;
  }

  get links(): readonly FakeLink[] {
    return [this.link];
  }

  expel(): void {}

  deliver(event: PeerEvent): void {
    this.heard.push(event);
    if (event.type === "replaced") this.isGone = true;
    if (event.type !== "admitted") return;
    this.#peer = event.peer;
    this.admittedAt = this.#now();
  }

  /** It has its id, as far as it knows. */
  get isPresent(): boolean {
    return this.#peer !== undefined && !this.isGone && this.link.isOpen;
  }

  /** Its handle; throws before it was admitted. */
  get peer(): PeerHandle {
    if (this.#peer === undefined) throw new Error("Cannot use a client that was not admitted");
    return this.#peer;
  }

  /** The payloads that it got, in order. */
  get received(): string[] {
    return this.heard.flatMap((event) => event.type === "relay" ? [String(event.payload)] : []);
  }

  /** The payloads that came back to it. */
  get returned(): string[] {
    return this.heard.flatMap((event) =>
      event.type === "undelivered" ? [String(event.returned?.payload)] : []
    );
  }

  /** A step of it was refused for want of the engine, which may have carried it out: it is undone. */
  get wasRefused(): boolean {
    return this.heard.some((event) => event.type === "refused" && event.reason === "unavailable");
  }

  /** It is in the room. */
  get isMember(): boolean {
    return this.isPresent && this.heard.some(({ type }) => type === "entered");
  }

  /**
   * The members that it knows, and how it learned of each. Throws at news that contradict what it knew
   * before.
   */
  known(): Map<string, "entered" | "joined"> {
    const known = new Map<string, "entered" | "joined">();
    for (const event of this.heard) {
      if (event.type === "entered") {
        if (known.size > 0) throw new Error(`${this.id} entered a second time`);
        for (const { id } of event.members) known.set(id, "entered");
      } else if (event.type === "joined") {
        if (known.has(event.peer.id)) throw new Error(`${event.peer.id} joined ${this.id} twice`);
        known.set(event.peer.id, "joined");
      } else if (event.type === "left" && !known.delete(event.peer.id)) {
        throw new Error(`${event.peer.id} left ${this.id} without having been there`);
      } else if (event.type === "described" && !known.has(event.peer.id)) {
        throw new Error(`${event.peer.id} was described to ${this.id} without being there`);
      }
    }
    return known;
  }

  /** The peer that it is in a call with. Throws at news that contradict what it knew before. */
  partner(): string | undefined {
    let partner: string | undefined;
    for (const event of this.heard) {
      if (event.type === "paired") {
        if (partner !== undefined) throw new Error(`${this.id} got a second partner`);
        partner = event.peer.id;
      } else if (event.type === "gone") {
        if (partner !== event.peer) throw new Error(`${event.peer} was no partner of ${this.id}`);
        partner = undefined;
      }
    }
    return partner;
  }
}
