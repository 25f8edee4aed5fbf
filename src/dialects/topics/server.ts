import type { Channels } from "../../core/channels.ts";
import type { Clock } from "../../core/clock.ts";
import type { Counts } from "./counts.ts";
import type { HeldAnnouncements } from "./held_announcements.ts";
import type { LostPages } from "./lost_pages.ts";
import type { Shape } from "./messages.ts";
import type { Publication, Subscription } from "./subscription.ts";

/** Shared by all connections of the dialect. */
export interface TopicsServer {
  readonly channels: Readonly<Record<Shape, Channels<Publication, Subscription>>>;
  readonly clock: Clock;
  readonly lost: LostPages;
  readonly held: HeldAnnouncements;
  readonly counts: Counts;
  /** Orders subscriptions and announcements. */
  readonly nextSerial: () => number;
  readonly maxTopicLength: number;
  readonly maxSubscriptions: number;
  /** Every publication goes to every subscriber, as on the original servers. */
  readonly isBroadcast: boolean;
  readonly announceWindowMs: number;
  readonly resumeMs: number;
}
