import * as z from "zod";
import { whole } from "../dialects/kit/options.ts";
import { isTypePattern, WEBHOOK_TYPES } from "../webhooks/types.ts";
import { webUrl } from "./web_url.ts";
import { webhookSecret } from "./webhook_secret.ts";

const MAX_URLS = 5;

/** The options of webhooks. */
export const webhookOptions = z.strictObject({
  url: z.array(webUrl)
    .max(MAX_URLS, `expected at most ${MAX_URLS}`).default([]).meta({
      description: "URL that receives events; may be given several times",
    }),
  secret: z.array(webhookSecret).default([]).meta({
    description: "Secret that signs events, whsec_ and 24 to 64 bytes in base64; may be given " +
      "several times",
    isRare: true,
    secret: true,
  }),
  events: z.array(
    z.string().refine(isTypePattern, `expected *, ${WEBHOOK_TYPES.join(", ")}, or such as peer.*`),
  ).default(["*"]).meta({
    description: "Type of event to send, or a prefix such as peer.*; may be given several times",
    isRare: true,
  }),
  timeoutMs: whole(10_000, "Time that a receiver has to answer, in ms", { max: 600_000 }),
  maxAttempts: whole(8, "Attempts to deliver one event, over one to two hours", { max: 100 }),
  maxQueued: whole(10_000, "Events that wait for one receiver; more drop the oldest", {
    min: 10,
    max: 1_000_000,
  }),
});

/** A checked configuration of webhooks. */
export type WebhooksConfig = z.infer<typeof webhookOptions>;
