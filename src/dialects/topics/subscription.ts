import type { Subscriber } from "../../core/channels.ts";
import type { Link } from "../../core/session.ts";
import type { Announcer, HeldAnnouncements } from "./held_announcements.ts";
import type { Shape } from "./messages.ts";

/** One text for all subscribers of a topic. */
export interface Publication {
  readonly text: string;
  /** The announcement that the text holds; undefined for all other publications. */
  readonly announcement: Announcement | undefined;
}

/** An announcement of a subscriber of the topic, at the moment it is delivered. */
export interface Announcement {
  readonly by: Subscription;
  readonly atMs: number;
  /** The time in which two announcements cross. */
  readonly windowMs: number;
  /** Keeps it from those whom its announcer is calling already. */
  readonly held: HeldAnnouncements;
}

/** The session that a subscription belongs to. */
export interface Owner {
  readonly link: Link;
  /** The subscription was ended by an operator. */
  expelled(subscription: Subscription): void;
}

/** More ids of one connection in one topic are not remembered one by one. */
const MAX_IDS = 8;

/** One connection's subscription to one topic, and its announcements there. */
export class Subscription implements Subscriber<Publication>, Announcer {
  readonly topic: string;
  readonly shape: Shape;
  readonly #owner: Owner;
  /** The owner's, to which each delivery goes. */
  readonly link: Link;
  /** On the server's counter: with equal times on the clock neither page would call (§5). */
  readonly #subscribedAt: number;
  #ids: string[] | undefined = undefined;
  #announcedAt = 0;
  #announcedAtMs = 0;
  /** The first of its latest announcements, each of which is in the window of the next one. */
  #firstAnnouncedAt = 0;
  #isOver = false;

  constructor(owner: Owner, shape: Shape, topic: string, subscribedAt: number) {
    this.#owner = owner;
    this.link = owner.link;
    this.shape = shape;
    this.topic = topic;
    this.#subscribedAt = subscribedAt;
  }

  /** The ids that it announced. */
  get ids(): readonly string[] {
    return this.#ids ?? [];
  }

  take({ text, announcement }: Publication): boolean {
    if (announcement !== undefined && this.#isCalling(announcement)) {
      announcement.held.hold(announcement.by, this, text, announcement.atMs);
      return false;
    }
    this.link.send(text);
    return true;
  }

  takeLate(text: string): boolean {
    if (!this.#isOver) this.link.send(text);
    return !this.#isOver;
  }

  /** The subscription has ended. */
  end(): void {
    this.#isOver = true;
  }

  expelled(): void {
    this.#isOver = true;
    this.#owner.expelled(this);
  }

  /** Remembers an id. "many": it has had more than are remembered. */
  learn(id: string): "known" | "new" | "many" {
    const ids = this.#ids ??= [];
    if (ids.includes(id)) return "known";
    if (ids.length >= MAX_IDS) return "many";
    ids.push(id);
    return "new";
  }

  /** Notes an announcement that has been delivered. @param at on the server's counter */
  announced(at: number, nowMs: number, windowMs: number): void {
    const isApart = this.#announcedAt === 0 || nowMs - this.#announcedAtMs > windowMs;
    if (isApart) this.#firstAnnouncedAt = at;
    this.#announcedAt = at;
    this.#announcedAtMs = nowMs;
  }

  /**
   * True if the announcer is calling this subscriber already, because it has had this one's own
   * announcement a moment ago. If both received both, both would call, and often neither succeeds.
   * An announcer that had announced before that may not have had it, for the same reason.
   */
  #isCalling({ by, atMs, windowMs }: Announcement): boolean {
    if (by === this || this.#announcedAt === 0) return false;
    if (atMs - this.#announcedAtMs > windowMs) return false;
    if (by.#subscribedAt > this.#announcedAt || this.ids.length > 1 || by.ids.length > 1) {
      return false;
    }
    const isAnswered = by.#announcedAt !== 0 && by.#firstAnnouncedAt < this.#announcedAt &&
      this.#announcedAtMs - by.#announcedAtMs <= windowMs;
    return !isAnswered;
  }
}
