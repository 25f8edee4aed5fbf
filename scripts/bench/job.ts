import * as z from "zod";

/** The servers that are compared. */
export const SIDES = ["signalbox", "yardstick"] as const;
export type Side = typeof SIDES[number];
export type Both<T> = Record<Side, T>;

const Process = z.object({ origin: z.url(), pid: z.int() });
/**
 * A server under load: where it listens and which process it is; and another node of the same cluster,
 * at which the second one of each pair connects.
 */
const Target = Process.extend({ other: Process.optional() });
export type Target = z.infer<typeof Target>;

const Contest = {
  scenario: z.string(),
  targets: z.object({ signalbox: Target, yardstick: Target }),
  /** For the yardstick's clients, if another signalbox stands in the bare relay's place. */
  rivalScenario: z.string().optional(),
};
const Load = {
  ...Contest,
  pairs: z.int().positive(),
  /** Both of these per side. */
  warmUpMs: z.int(),
  measureMs: z.int(),
};

/** The highest rate that a server carries with so many messages in flight on every pair. */
const Flood = z.object({
  kind: z.literal("flood"),
  inFlight: z.int().positive(),
  /** Leaves out a server's work between its turns, for servers that others use meanwhile. */
  countsTurnsAlone: z.boolean().optional(),
  ...Load,
});
/** A fixed number of messages per second, spread over the pairs. */
const Pace = z.object({ kind: z.literal("pace"), perSecond: z.int().positive(), ...Load });
/** Guests that come to rooms of so many members and go again. */
const FanOut = z.object({
  kind: z.literal("fanOut"),
  ...Contest,
  rooms: z.array(z.int().positive()).readonly(),
  /** Both of these per side and room. */
  warmUpMs: z.int(),
  measureMs: z.int(),
});
/** Connections that join and then say nothing; those of the warm-up are not counted. */
const Idle = z.object({
  kind: z.literal("idle"),
  scenario: z.string(),
  side: z.enum(SIDES),
  target: Target,
  connections: z.int().positive(),
  warmUpConnections: z.int().positive(),
  settleMs: z.int(),
});

/** Publications to topics of so many subscribers, and pages that join a room together. */
const Topics = z.object({
  kind: z.literal("topics"),
  scenario: z.literal("topics"),
  targets: z.object({ signalbox: Target, relay: Target, original: Target }),
  subscribers: z.array(z.int().positive()).readonly(),
  /** Both of these per server and number of subscribers. */
  warmUpMs: z.int(),
  measureMs: z.int(),
  /** Pages that join together, and how often they do so at each of two servers. */
  pages: z.int().positive(),
  storms: z.int().positive(),
});

/** Sockets that subscribe so many topics each, all of them the same ones. */
const Subscriptions = z.object({
  kind: z.literal("subscriptions"),
  scenario: z.literal("topics"),
  target: Target,
  sockets: z.int().positive(),
  topics: z.int().positive(),
  settleMs: z.int(),
});

/** A job for the load generator, as JSON in its only argument. */
export const Job = z.discriminatedUnion("kind", [Flood, Pace, FanOut, Idle, Topics, Subscriptions]);
export type Job = z.infer<typeof Job>;
export type Flood = z.infer<typeof Flood>;
export type Pace = z.infer<typeof Pace>;
export type FanOut = z.infer<typeof FanOut>;
export type Idle = z.infer<typeof Idle>;
export type Topics = z.infer<typeof Topics>;
export type Subscriptions = z.infer<typeof Subscriptions>;

const FloodReading = z.object({
  messagesPerSecond: z.number(),
  cpuUsPerMessage: z.number(),
  /** Share of one core that the server used; well under 1 means that the load was the limit. */
  serverBusy: z.number(),
});
const PaceReading = z.object({
  p50Ms: z.number(),
  p99Ms: z.number(),
  /** Of all nodes. */
  cpuUsPerMessage: z.number(),
  /** The rate at which messages were sent and arrived; lower than asked for on a busy machine. */
  perSecond: z.number(),
});
const FanOutReading = z.object({
  members: z.int(),
  cpuUsPerAnnouncement: z.number(),
  /** A guest that comes to the room and goes again, its connection included. */
  cpuUsPerGuest: z.number(),
  /** The same in an empty room. */
  cpuUsPerLoneGuest: z.number(),
});
export type FloodReading = z.infer<typeof FloodReading>;
export type PaceReading = z.infer<typeof PaceReading>;
export type FanOutReading = z.infer<typeof FanOutReading>;

/** CPU time per delivered message, in the order of the numbers of subscribers, and per storm. */
const TopicsReading = z.object({
  cpuUsPerDelivery: z.array(z.number()),
  cpuMsPerStorm: z.number(),
  deliveriesPerStorm: z.number(),
});
export type TopicsReading = z.infer<typeof TopicsReading>;

/** The result of a job, as JSON on standard output. */
export const FloodResult = z.object({ signalbox: FloodReading, yardstick: FloodReading });
export const PaceResult = z.object({ signalbox: PaceReading, yardstick: PaceReading });
export const FanOutResult = z.object({
  signalbox: z.array(FanOutReading),
  yardstick: z.array(FanOutReading),
});
export const TopicsResult = z.object({
  signalbox: TopicsReading,
  relay: TopicsReading,
  original: TopicsReading,
});
export const SubscriptionsResult = z.object({
  bytesPerSubscription: z.number(),
  cpuUsPerSubscription: z.number(),
});
export const IdleResult = z.object({ bytesPerConnection: z.number() });
export type FloodResult = z.infer<typeof FloodResult>;
export type PaceResult = z.infer<typeof PaceResult>;
export type FanOutResult = z.infer<typeof FanOutResult>;
export type IdleResult = z.infer<typeof IdleResult>;
export type SubscriptionsResult = z.infer<typeof SubscriptionsResult>;
export type TopicsResult = z.infer<typeof TopicsResult>;
