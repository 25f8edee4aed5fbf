import * as z from "zod";
import { checkBefore, type Pass, passFor } from "../kit/pass.ts";
import { type Channels, newQuota } from "../../core/channels.ts";
import type { Clock } from "../../core/clock.ts";
import type { FarReceiver } from "../../core/nodes/far_channels.ts";
import type { Link } from "../../core/session.ts";
import type { Visit } from "../../core/visit.ts";
import type { UpgradeRoute } from "../../http/route.ts";
import { defineDialect, type OpenDialect, type Reading, type Sealing } from "../dialect.ts";
import { limit, linkLimitOptions, pathText, toggle, whole, wholeIfGiven } from "../kit/options.ts";
import { readSealed } from "../kit/sealed.ts";
import { trysteroReceiver, yjsReceiver } from "./far.ts";
import { Counts, DROP_REASONS } from "./counts.ts";
import { HeldAnnouncements } from "./held_announcements.ts";
import { LostPage, LostPages } from "./lost_pages.ts";
import { isTopics, type Shape } from "./messages.ts";
import { topicOperations } from "./operations.ts";
import type { TopicsServer } from "./server.ts";
import { TopicsSession } from "./session.ts";
import type { Publication, Subscription } from "./subscription.ts";

const EXPIRE_MS = 5_000;
/** Time that a page has to call another, even on a busy machine. */
const CALL_MS = 5_000;

const options = z.strictObject({
  paths: z.array(pathText).default(["/topics"]).meta({
    description: "Paths for Yjs (y-webrtc) and Trystero pages",
    isRare: true,
  }),
  maxTopicLength: whole(512, "Longest topic, in UTF-16 units", { max: 8_192 }),
  maxSubscriptions: limit(1_024, "Topics of one connection"),
  maxSubscribers: limit(5_000, "Subscribers of one topic"),
  maxTopics: limit(100_000, "Topics in total"),
  maxSubscriptionsTotal: limit(500_000, "Subscriptions in total"),
  broadcast: toggle("Send everything to every subscriber of a topic, as the original servers do", {
    isRare: true,
  }),
  announceWindowMs: whole(2_000, "Time in which two announcements cross, in ms", { min: 0 }),
  maxHeldAnnouncements: whole(
    10_000,
    "Crossing announcements that wait for a call; without one they are delivered",
    { min: 0 },
  ),
  resumeMs: whole(
    150_000,
    "Time for which the topics of a lost Trystero page are remembered, in ms; 0 for not at all",
    { min: 0 },
  ),
  maxRemembered: whole(10_000, "Lost Trystero pages that are remembered", { min: 0 }),
  maxSilenceMs: wholeIfGiven(
    "Longest silence of a client, in ms; a pong ends it; by default, and at / where topics are " +
      "a guest, twice --keepalive-timeout",
    { min: 1_000 },
  ),
  ...linkLimitOptions({
    // A page that joins a room of sixty sends 545 messages, 258 of them in one second.
    framesPerSecond: 200,
    // A returning Trystero page is silent until its next announcement, for a minute and more.
    identifyTimeoutMs: 150_000,
  }),
  // A rate hardly ever ends a connection, because y-webrtc returns at once: it drops messages.
  floodTimeoutMs: whole(
    3_600_000,
    "Time above its rates after which a client is dropped, in ms",
  ),
});

type Options = z.output<typeof options>;

/** A lost page, as it is sealed. */
const Sealed = LostPage.extend({ leftMs: z.number() });

/** Publish and subscribe for y-webrtc's documents and Trystero's rooms. */
export const topics = defineDialect({
  name: "topics",
  title: "Topics",
  options,
  open(options, { hub, realm, dialect, clock, store, authenticator }): OpenDialect {
    const quota = newQuota({
      maxChannels: options.maxTopics,
      maxSubscriptions: options.maxSubscriptionsTotal,
    });
    const limits = { maxSubscribers: options.maxSubscribers, quota };
    const openChannels = (kind: Shape, far: FarReceiver): Channels<Publication, Subscription> =>
      hub.channels.open({ realm, kind, limits, far, later: clock.next });
    const channels = {
      yjs: openChannels("yjs", yjsReceiver(() => server)),
      trystero: openChannels("trystero", trysteroReceiver(() => server)),
    };
    const counts = new Counts();
    const lost = new LostPages(options.maxRemembered);
    const held = new HeldAnnouncements(options.maxHeldAnnouncements);
    let serial = 0;
    const server: TopicsServer = {
      channels,
      clock,
      lost,
      held,
      counts,
      nextSerial: () => ++serial,
      maxTopicLength: options.maxTopicLength,
      maxSubscriptions: options.maxSubscriptions,
      isBroadcast: options.broadcast,
      announceWindowMs: options.announceWindowMs,
      resumeMs: options.resumeMs,
    };
    const { items, ageMs } = readSealed(store, Sealed);
    for (const { leftMs, ...page } of items.toReversed()) {
      lost.add({ ...page, expiresAtMs: clock.now() + Math.min(leftMs, options.resumeMs) - ageMs });
    }
    const expiry = clock.every(EXPIRE_MS, () => {
      lost.expire(clock.now());
      counts.delivered += held.release(clock.now() - CALL_MS);
    });
    return {
      routes: routesOf(options, server, { authenticator, dialect }),
      entrances: options.paths.slice(0, 1).map((path) => ({
        path,
        scheme: "ws",
        hint: "new WebrtcProvider(room, doc, { signaling: [url] }), joinRoom({ relayConfig: … })",
      })),
      operations: topicOperations(channels),
      gauges: [
        { name: "topics_active", read: () => quota.channels },
        { name: "topics_subscriptions", read: () => quota.subscriptions },
        { name: "topics_remembered", read: () => lost.size },
        { name: "topics_held_announcements", read: () => held.size },
      ],
      counters: countersOf(counts),
      seal: () => sealingOf(lost, clock, options.resumeMs),
      [Symbol.dispose]: () => expiry[Symbol.dispose](),
    };
  },
});

/** The configured paths; at `/` topics are a guest, recognised by the first frame. */
function routesOf(
  options: Options,
  server: TopicsServer,
  place: Parameters<typeof passFor>[0],
): UpgradeRoute[] {
  const newSession = (link: Link, pass: Pass | undefined): TopicsSession =>
    new TopicsSession(link, server, pass);
  const route = {
    kind: "upgrade",
    acceptsAnyProtocol: true,
    limits: options,
    maxSilenceMs: options.maxSilenceMs,
    connect: (visit: Visit, link: Link) => newSession(link, passFor(place, visit, link)),
    check: checkBefore(place, newSession),
  } as const;
  const guest = options.paths.includes("/") ? [] : [{ ...route, path: "/", recognises: isTopics }];
  return [...options.paths.map((path) => ({ ...route, path })), ...guest];
}

function countersOf(counts: Counts): Reading[] {
  return [
    { name: "topics_published_total", read: () => counts.published },
    { name: "topics_delivered_total", read: () => counts.delivered },
    { name: "topics_resumed_total", read: () => counts.resumed },
    ...DROP_REASONS.map((reason) => ({
      name: "topics_dropped_total",
      read: () => counts.dropped(reason),
      labels: { reason },
    })),
  ];
}

function sealingOf(lost: LostPages, clock: Clock, lifetimeMs: number): Sealing {
  const now = clock.now();
  const items = lost.list().map(({ expiresAtMs, ...page }) => ({
    ...page,
    leftMs: expiresAtMs - now,
  }));
  return { items, lifetimeMs };
}
