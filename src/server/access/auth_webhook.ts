import { WebhookJudge, type WebhookOptions } from "../../auth/webhook.ts";
import type { AuthConfig } from "../../config/auth.ts";
import type { Clock } from "../../core/clock.ts";
import type { WallClock } from "../../core/kept.ts";
import type { Log } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { isoTime } from "../../system/clock.ts";
import { messageOf } from "../../system/errors.ts";
import { newWebhookId, Signer } from "../../webhooks/signature.ts";
import { exchange } from "../fetch_text.ts";

export interface AuthWebhookParts {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly metrics: Metrics;
  readonly log: Log;
}

const MAX_ANSWER_BYTES = 64 * 1024;
const WARN_EVERY_MS = 60_000;

/** Makes the judge that asks the configured webhook. */
export function webhookJudgeOf(auth: AuthConfig, parts: AuthWebhookParts): WebhookJudge {
  const { webhookUrl: url = "" } = auth;
  const { clock, wallNow, metrics } = parts;
  const judge = new WebhookJudge({
    pose: (data) => {
      const timestamp = isoTime(wallNow());
      return { id: newWebhookId(), body: JSON.stringify({ type: "auth", timestamp, data }) };
    },
    ask: ({ id, body }, signal) => {
      // A reload may have changed the secret.
      const signer = new Signer([auth.webhookSecret ?? ""]);
      const headers = signer.headers({ id, atMs: wallNow(), body });
      return exchange(url, { method: "POST", headers, body, signal, maxBytes: MAX_ANSWER_BYTES });
    },
    timeoutMs: auth.webhookTimeoutMs,
    retries: auth.webhookRetries,
    maxPending: auth.webhookMaxPending,
    cacheMs: 1_000 * auth.webhookCacheSeconds,
    failsOpen: auth.webhookFail === "open",
    endsWithAnswer: auth.expiry === "close",
    clock,
    wallNow,
    onSilence: silenceWarning(auth.webhookFail, parts),
  });
  metrics.read("signalbox_auth_cache_hits_total", () => judge.cacheHits);
  return judge;
}

/** Warns once a minute that the webhook does not answer, with the number of clients since. */
function silenceWarning(
  fail: AuthConfig["webhookFail"],
  { clock, log }: AuthWebhookParts,
): WebhookOptions["onSilence"] {
  let [clients, warnedAt] = [0, -Infinity];
  return (error) => {
    clients++;
    if (clock.now() - warnedAt < WARN_EVERY_MS) return;
    const outcome = fail === "open" ? "admitted" : "refused";
    log.write("warning", "the webhook gives no answer", {
      error: messageOf(error),
      clients,
      outcome,
    });
    [clients, warnedAt] = [0, clock.now()];
  };
}
