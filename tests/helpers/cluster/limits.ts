import type { NodeLimits } from "../../../src/cluster/limits.ts";

/** The defaults of a server's options. */
export const NODE_LIMITS: NodeLimits = {
  maxWaiting: 10_000,
  maxNews: 10_000,
  maxUnconfirmedBytes: 16_777_216,
  maxUnconfirmedBytesPerSender: 4_194_304,
  maxItemBytes: 1_310_720,
  maxBatchSteps: 256,
  maxBatchBytes: 524_288,
  maxQuestions: 1_000,
  maxInboxItems: 50_000,
};
