import { ConfigError } from "../../config/load.ts";
import type { WebhooksConfig } from "../../config/webhooks.ts";
import type { Clock } from "../../core/clock.ts";
import type { WallClock } from "../../core/kept.ts";
import type { Log } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { isoTime } from "../../system/clock.ts";
import { type Post, Webhooks } from "../../webhooks/mod.ts";
import { newWebhookId, Signer } from "../../webhooks/signature.ts";
import { typesOf } from "../../webhooks/types.ts";
import { faultOf } from "../fetch_text.ts";

export interface WebhookParts {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The name of this process. */
  readonly instance: string;
}

/** The webhooks of the server, and the way for news into them. */
export interface OpenWebhooks extends Pick<Webhooks, "reports" | "resume" | "finish"> {
  /** Queues an event for every receiver, and returns at once. */
  push(news: { readonly type: string; readonly data: unknown }): void;
}

/** Bytes of an answer that are read, so that its connection can be used again. */
const MAX_ANSWER_BYTES = 4_096;

/** Opens the configured webhooks. Throws ConfigError if they have no secret. */
export function openWebhooks(options: WebhooksConfig, parts: WebhookParts): OpenWebhooks {
  const { url: urls, secret, events } = options;
  if (urls.length > 0 && secret.length === 0) {
    throw new ConfigError(["--webhooks-url needs --webhooks-secret, which signs the events"]);
  }
  const { clock, wallNow, log, metrics, instance } = parts;
  const observe = metrics.timer("signalbox_webhook_duration_seconds");
  const webhooks = new Webhooks({
    ...options,
    ...{ urls, types: typesOf(events), clock, instance },
    newId: newWebhookId,
    random: Math.random,
    // A reload may have changed the secrets.
    post: (request) => send(request, new Signer(options.secret), wallNow()),
    onAttempt: (_outcome, seconds) => observe(seconds),
    onTrouble: (url, error) => log.write("warning", "the webhook fails", { url, error }),
    onGone: (url) => log.write("error", "the webhook wants no more events", { url }),
    onUndelivered: (count) => log.write("warning", "events not delivered", { count }),
  });
  announce(metrics, webhooks);
  return {
    push: ({ type, data }) => webhooks.push({ type, timestamp: isoTime(wallNow()), data }),
    reports: () => webhooks.reports(),
    resume: () => webhooks.resume(),
    finish: () => webhooks.finish(),
  };
}

function announce(metrics: Metrics, webhooks: Webhooks): void {
  const sum = (pick: "delivered" | "failed" | "dropped" | "queued"): number =>
    webhooks.reports().reduce((total, report) => total + report[pick], 0);
  for (const outcome of ["delivered", "failed", "dropped"] as const) {
    metrics.read("signalbox_webhook_deliveries_total", () => sum(outcome), { outcome });
  }
  metrics.read("signalbox_webhook_queued_events", () => sum("queued"));
  metrics.read(
    "signalbox_webhook_oldest_event_seconds",
    () => Math.max(0, ...webhooks.reports().map(({ oldestSeconds }) => oldestSeconds)),
  );
}

/** Sends one signed request. Follows no redirect, which could lead anywhere. */
async function send(
  { url, id, body, signal }: Post,
  signer: Signer,
  atMs: number,
): Promise<number> {
  const headers = signer.headers({ id, atMs, body });
  const init = { method: "POST", headers, body, signal, redirect: "manual" } as const;
  const response = await fetch(url, init).catch((error) => {
    throw new Error(faultOf(error), { cause: error });
  });
  const reader = response.body?.getReader();
  for (let bytes = 0; bytes <= MAX_ANSWER_BYTES;) {
    const part = await reader?.read();
    if (part === undefined || part.done) return response.status;
    bytes += part.value.length;
  }
  await reader?.cancel();
  return response.status;
}
