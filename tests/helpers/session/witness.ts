import { assert, assertEquals } from "@std/assert";
import type { PeerEvent, PeerHandle } from "../../../src/core/events.ts";
import type { Receiver } from "../../../src/core/session.ts";
import { FakeLink } from "./fake_link.ts";

/** How a peer learned that another one is in its room. */
type Source = "entered" | "joined";

/** A peer's knowledge of others, from its events alone. */
interface Knowledge {
  readonly rooms: Map<string, Map<string, Source>>;
  readonly pairs: Set<string>;
}

/**
 * A receiver that checks each event against all earlier ones. It throws at the first event that a
 * client could not understand, which the hub reports as a fault of its link.
 */
export class Witness implements Receiver {
  readonly link = new FakeLink();
  readonly id: string;
  /** Passed on to the connection that takes the id over. */
  readonly knows: Knowledge;
  /** Payloads that came, oldest first. */
  readonly heard: unknown[] = [];
  /** The reason of the newest refusal since this was last set. */
  refusal: string | undefined = undefined;
  peer: PeerHandle | undefined = undefined;
  #isOver = false;

  constructor(id: string, knows: Knowledge = { rooms: new Map(), pairs: new Set() }) {
    this.id = id;
    this.knows = knows;
  }

  get links(): readonly FakeLink[] {
    return [this.link];
  }

  expel(): void {}

  deliver(event: PeerEvent): void {
    assert(!this.#isOver, `${event.type} after the end`);
    const isFirst = event.type === "admitted" || event.type === "refused";
    assert(this.peer !== undefined || isFirst, `${event.type} before admitted`);
    switch (event.type) {
      case "admitted":
        assert(this.peer === undefined, "admitted twice");
        this.peer = event.peer;
        return;
      case "replaced":
        this.#isOver = true;
        this.link.drop();
        return;
      case "entered":
        assert(!this.knows.rooms.has(event.room), "entered twice");
        return void this.knows.rooms.set(
          event.room,
          new Map(event.members.map(({ id }) => [id, "entered"])),
        );
      case "joined":
        assert(!this.#mates(event.room).has(event.peer.id), "joined, but known");
        return void this.#mates(event.room).set(event.peer.id, "joined");
      case "left":
        return assert(this.#mates(event.room).delete(event.peer.id), "left, but not known");
      case "paired":
        return void this.knows.pairs.add(event.peer.id);
      case "gone":
        return assert(this.knows.pairs.delete(event.peer), "gone, but not paired");
      case "relay":
        if (event.room !== undefined && event.from !== this.id) {
          assert(this.#mates(event.room).has(event.from), "relay from somebody unknown");
        }
        return void this.heard.push(event.payload);
      case "described":
        return assert(this.#mates(event.room).has(event.peer.id), "described, but not known");
      case "refused":
        this.refusal = event.reason;
        return;
      case "stopped":
      case "updated":
      case "undelivered":
        return;
      default:
        event satisfies never;
    }
  }

  /** Throws when anything was wrong so far. */
  check(): void {
    assertEquals(this.link.faults, []);
  }

  #mates(room: string): Map<string, Source> {
    const mates = this.knows.rooms.get(room);
    assert(mates !== undefined, "told of a room that it is not in");
    return mates;
  }
}
