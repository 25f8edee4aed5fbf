import type { LiveSecrets } from "../../config/live_secrets.ts";
import type { Config } from "../../config/schema.ts";
import type { Clock } from "../../core/clock.ts";
import type { WallClock } from "../../core/kept.ts";
import type { Log } from "../../observe/log.ts";
import { messageOf } from "../../system/errors.ts";
import { warnOfShortTokens } from "./admin.ts";
import { readsKeys } from "../access/authentication.ts";
import type { Certificate } from "../listening/certificates.ts";
import type { Lifecycle } from "../lifecycle.ts";

export interface ReloadParts {
  /** The configuration's secrets that are in files. */
  readonly secrets: Pick<LiveSecrets, "hasFiles" | "readAgain" | "hasChanged"> | undefined;
  /** Judges by the secrets and keys as they are now; returns why they cannot be used. */
  readonly rejudge: () => readonly string[];
  readonly webhooks: { resume(): void };
  readonly certificate: Pick<Certificate, "readAgain" | "adopt" | "warn" | "watch"> | undefined;
  readonly life: Pick<Lifecycle, "renew">;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly log: Log;
}

/** Reads secrets, keys, key sets and the certificate again from their files. */
export interface Reload extends Disposable {
  /** True if there is anything to read. */
  readonly readsFiles: boolean;
  /** Returns one line about each part that cannot be used, which stays as it was. */
  all(also?: { readonly certificate: boolean }): Promise<readonly string[]>;
  /** Takes up a certificate that came during a drain, which has been taken back. */
  afterDrain(): void;
}

/** Secrets by which a node joins its cluster, once and for all. */
const AT_START = ["cluster", "cluster-secret"];

/** Also watches the certificate, if the configuration asks for it. */
export function openReload(config: Config, parts: ReloadParts): Reload {
  const { secrets, rejudge, webhooks, certificate, life, clock, wallNow, log } = parts;
  const hasFiles = secrets?.hasFiles === true || readsKeys(config);

  /** A certificate that came during a drain waits for its end. */
  let isRenewalDue = false;

  /** The renewal that is under way; the next one waits, because both would end the listeners. */
  let renewal: Promise<unknown> = Promise.resolve();

  function renewCertificate(isAsked = false): Promise<readonly string[]> {
    const next = renewal.then(() => renewOnce(isAsked));
    renewal = next;
    return next;
  }

  /** @param isAsked an operator waits for a word on the outcome */
  async function renewOnce(isAsked: boolean): Promise<readonly string[]> {
    try {
      const fresh = certificate?.readAgain();
      if (fresh !== undefined) {
        isRenewalDue = !await life.renew(fresh);
        if (isRenewalDue) return [];
        certificate?.adopt(fresh);
      } else {
        if (!isAsked || certificate === undefined) return [];
        log.write("info", "certificate unchanged");
      }
      certificate?.warn(log, wallNow());
      return [];
    } catch (error) {
      log.write("error", "cannot take up the certificate", { error: messageOf(error) });
      return [messageOf(error)];
    }
  }

  const watch = config.restartOnCertChange
    ? certificate?.watch(clock, () => void renewCertificate())
    : undefined;
  return {
    readsFiles: hasFiles || certificate !== undefined,
    afterDrain(): void {
      if (isRenewalDue) void renewCertificate();
    },
    async all({ certificate: isWanted } = { certificate: false }): Promise<readonly string[]> {
      const unusable = [...secrets?.readAgain() ?? [], ...rejudge()];
      webhooks.resume();
      for (const error of unusable) log.write("error", "cannot take up a secret or key", { error });
      if (hasFiles && unusable.length === 0) {
        log.write("info", "secrets and keys read again");
        warnOfShortTokens(config, log);
      }
      for (const flag of AT_START.filter((one) => secrets?.hasChanged(one))) {
        log.write("warning", "a changed file needs a restart", { option: `--${flag}-file` });
      }
      return isWanted ? [...unusable, ...await renewCertificate(true)] : unusable;
    },
    [Symbol.dispose]: () => watch?.[Symbol.dispose](),
  };
}
