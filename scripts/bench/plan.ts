/** How much is measured; the more and the longer the rounds, the less noise. */
export interface Plan {
  readonly rounds: number;
  /** Per server, load and round, as is `measureMs`. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly manyPairs: number;
  /**
   * The warm-up of many connections: while they come the heap grows, and the runtime collects it
   * once. That is no message's share.
   */
  readonly manyWarmUpMs: number;
  readonly pacedPerSecond: number;
  /** The warm-up of two nodes: the runtime compiles late, and a message between them takes more code. */
  readonly clusterWarmUpMs: number;
  readonly fanOutRounds: number;
  /** Members of the rooms whose announcements are measured, 10 among them. */
  readonly rooms: readonly number[];
  /** Per server, room and round. */
  readonly fanOutMs: number;
  readonly idleRounds: number;
  readonly idleConnections: number;
  /**
   * Connections before those: while they come the runtime's young generation grows to its full
   * size, some 30 MB, once and for all. That is no further connection's share.
   */
  readonly idleWarmUpConnections: number;
  readonly idleSettleMs: number;
  readonly topicRounds: number;
  /** Subscribers of the topics that are published to. */
  readonly topicSubscribers: readonly number[];
  /** Sockets that subscribe together, a few and many, and the topics of each. */
  readonly subscribingSockets: readonly [few: number, many: number];
  readonly subscribedTopics: number;
  /** Rooms that pages join together, per round. */
  readonly storms: number;
  /** Logins of each server before those that count: the runtime compiles their code late. */
  readonly loginWarmUps: number;
  /** Peers beside those whose messages are timed, and how many of them are replaced a second. */
  readonly crowdPeers: number;
  readonly crowdPerSecond: number;
  /** Messages that are timed, so few that the machine is not busy with them. */
  readonly crowdMessagesPerSecond: number;
  /** Windows with watchers, and as many without. */
  readonly crowdWindows: number;
  readonly crowdWindowMs: number;
}

export const FULL: Plan = {
  rounds: 5,
  warmUpMs: 1000,
  measureMs: 2500,
  manyPairs: 500,
  manyWarmUpMs: 4000,
  pacedPerSecond: 2000,
  clusterWarmUpMs: 6000,
  fanOutRounds: 5,
  rooms: [2, 10, 100, 1000],
  fanOutMs: 2500,
  idleRounds: 3,
  idleConnections: 5000,
  idleWarmUpConnections: 2000,
  idleSettleMs: 2500,
  topicRounds: 5,
  topicSubscribers: [2, 20, 200, 1000],
  subscribingSockets: [100, 1000],
  subscribedTopics: 400,
  storms: 4,
  loginWarmUps: 3_000,
  crowdPeers: 1_000,
  crowdPerSecond: 50,
  crowdMessagesPerSecond: 1_000,
  crowdWindows: 60,
  crowdWindowMs: 2_000,
};

export const QUICK: Plan = {
  rounds: 1,
  warmUpMs: 100,
  measureMs: 300,
  manyPairs: 50,
  manyWarmUpMs: 100,
  pacedPerSecond: 500,
  clusterWarmUpMs: 100,
  fanOutRounds: 1,
  // To fill a room of a thousand alone takes half a million announcements.
  rooms: [2, 10, 100],
  fanOutMs: 250,
  idleRounds: 1,
  idleConnections: 200,
  idleWarmUpConnections: 100,
  idleSettleMs: 100,
  topicRounds: 1,
  topicSubscribers: [2, 20],
  subscribingSockets: [5, 20],
  subscribedTopics: 100,
  storms: 1,
  loginWarmUps: 10,
  crowdPeers: 50,
  crowdPerSecond: 20,
  crowdMessagesPerSecond: 200,
  crowdWindows: 2,
  crowdWindowMs: 200,
};
