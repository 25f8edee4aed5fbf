import type { IceOptions } from "../../config/ice.ts";
import type { Clock } from "../../core/clock.ts";
import type { WallClock } from "../../core/kept.ts";
import { cloudflareRequest, readCloudflare } from "../../ice/cloudflare.ts";
import { FetchedServers } from "../../ice/fetched_servers.ts";
import type { IceServer } from "../../ice/ice_servers.ts";
import type { Log } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { messageOf } from "../../system/errors.ts";
import { exchange } from "../fetch_text.ts";

export interface ProviderParts {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly metrics: Metrics;
  readonly log: Log;
}

const MAX_ANSWER_BYTES = 64 * 1024;

/** The servers of the configured provider; undefined if there is none. */
export function openProvider(
  options: IceOptions,
  { clock, wallNow, metrics, log }: ProviderParts,
): FetchedServers | undefined {
  if (options.provider === undefined) return undefined;
  return new FetchedServers({
    async fetch(signal): Promise<readonly IceServer[]> {
      // A reload may have changed the token.
      const { providerUrl, providerKeyId: keyId = "", providerToken: token = "" } = options;
      const { url, ...request } = cloudflareRequest(
        providerUrl,
        { keyId, token },
        options.ttlSeconds,
      );
      const init = { ...request, method: "POST", signal, maxBytes: MAX_ANSWER_BYTES };
      const { status, text } = await exchange(url, init);
      if (status !== 200 && status !== 201) throw new Error(`status ${status}`);
      return readCloudflare(text);
    },
    lifetimeMs: options.ttlSeconds * 1_000,
    clock,
    wallNow,
    onFetched(outcome, error): void {
      metrics.count("signalbox_ice_provider_fetches_total", { outcome });
      if (outcome === "ok") return;
      log.write("warning", "cannot fetch TURN credentials", { error: messageOf(error) });
    },
  });
}

/** Contradictions of the provider's options, one line each. */
export function objectionsToProvider(options: IceOptions): string[] {
  const { provider, providerKeyId, providerToken, secret, username, credential } = options;
  const turn = options.servers.find((url) => url.startsWith("turn"));
  const own: [flag: string, value: unknown][] = [
    ["--ice-provider-key-id", providerKeyId],
    ["--ice-provider-token", providerToken],
  ];
  const others: typeof own = [
    ["--ice-secret", secret],
    ["--ice-username", username],
    ["--ice-credential", credential],
    [`"${turn}"`, turn],
  ];
  const flagsOf = (given: boolean, list: typeof own): string[] =>
    list.filter(([, value]) => (value !== undefined) === given).map(([flag]) => flag);
  if (provider === undefined) {
    return flagsOf(true, own).map((flag) => `Cannot use ${flag} without --ice-provider`);
  }
  return [
    ...flagsOf(false, own).map((flag) => `Cannot use --ice-provider without ${flag}`),
    ...flagsOf(true, others).map((flag) => `Cannot use ${flag} beside --ice-provider`),
  ];
}
