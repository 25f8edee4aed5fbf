import type { Fleet } from "../../admin/fleet.ts";
import { Operator } from "../../admin/operator.ts";
import type { ServerFacts } from "../../admin/parts.ts";
import type { Source } from "../../config/given.ts";
import type { LiveSecrets } from "../../config/live_secrets.ts";
import type { Config } from "../../config/schema.ts";
import type { Clock } from "../../core/clock.ts";
import type { WallClock } from "../../core/kept.ts";
import type { TrustedProxies } from "../../http/address.ts";
import type { Store } from "../../store/mod.ts";
import { processStartMs } from "../../system/clock.ts";
import { type OpenAdmin, openAdmin, warnOfShortTokens } from "./admin.ts";
import type { Certificate } from "../listening/certificates.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { Observation } from "../observation.ts";
import { openReload, type Reload } from "./reload.ts";
import type { Signalling } from "../signalling.ts";
import { type OpenWebhooks, openWebhooks } from "./webhooks.ts";

export interface OperationsParts {
  readonly version: string;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly observation: Observation;
  readonly store: Store;
  readonly life: Lifecycle;
  readonly signalling: Signalling;
  /** The other nodes; undefined on a server of one node. */
  readonly fleet: Fleet | undefined;
  readonly certificate: Certificate | undefined;
  readonly proxies: TrustedProxies;
  /** The configuration's secrets that are in files. */
  readonly secrets: Pick<LiveSecrets, "hasFiles" | "readAgain" | "hasChanged"> | undefined;
  /** Where each given option comes from, by its flag. */
  readonly origins: ReadonlyMap<string, Source>;
  /** Where the server listens, once it does. */
  readonly urls: () => readonly string[];
}

/** Everything that serves operators. */
export interface Operations extends Disposable {
  readonly operator: Operator;
  /** Undefined without a token for operators. */
  readonly admin: OpenAdmin | undefined;
  readonly webhooks: OpenWebhooks;
  readonly reload: Reload;
  /** Admits newcomers again; false if the process is going to end. */
  undrain(): boolean;
}

/** Opens the operator's actions, the webhooks and the API. Throws ConfigError. */
export function openOperations(config: Config, parts: OperationsParts): Operations {
  const { clock, wallNow, life, secrets, certificate, proxies, origins, fleet } = parts;
  const { log, metrics, journal, happenings, turns } = parts.observation;
  const { hub, connections, dialects, authentication, rejudge } = parts.signalling;
  using undo = new DisposableStack();
  const instance = fleet?.node ?? crypto.randomUUID();
  warnOfShortTokens(config, log);
  certificate?.warn(log, wallNow());
  const webhooks = openWebhooks(config.webhooks, { clock, wallNow, log, metrics, instance });
  if (config.webhooks.url.length > 0) undo.use(happenings.listen((news) => webhooks.push(news)));
  const operator = operatorOf(parts);
  parts.store.whenAccepted(([kind, what = "", value = ""], isThere) => {
    if (kind === "ban" && isThere) operator.enforceBan(what, value);
  });
  const reload = undo.use(
    openReload(config, { secrets, rejudge, webhooks, certificate, life, clock, wallNow, log }),
  );
  const undrain = (): boolean => {
    const isDone = life.undrain();
    if (isDone) reload.afterDrain();
    return isDone;
  };
  const admin = openAdmin(config, {
    ...{ clock, turns, hub, happenings, connections, dialects },
    ...{ operator, metrics, proxies, origins },
    server: serverFacts(config, parts, instance),
    fleet,
    guarded: config.dialects.filter((name) => authentication.asks(name)),
    webhooks: () => webhooks.reports(),
    residentBytes: () => Deno.memoryUsage().rss,
    drain: (request) => life.drain(request),
    undrain,
    reload: () => reload.all(),
    onFault: (error) => journal.fault(error),
  });
  if (admin !== undefined) undo.use(admin);
  const opened = undo.move();
  return { operator, admin, webhooks, reload, undrain, [Symbol.dispose]: () => opened.dispose() };
}

function operatorOf({ observation, store, signalling, wallNow }: OperationsParts): Operator {
  const { refusals, happenings } = observation;
  const { connections, socketIo, dialects, hub, bans, userBans } = signalling;
  return new Operator({
    ...{ dialects, hub, store, bans, userBans, refusals, wallNow, happenings },
    turnOut: (key) => {
      connections.turnOut(key, "address_banned");
      socketIo?.turnOut(key, "address_banned");
    },
    turnOutUser: (user) => connections.turnOutUser(user, "user_banned"),
  });
}

function serverFacts(
  config: Config,
  { version, store, life, signalling, urls }: OperationsParts,
  instance: string,
): Omit<ServerFacts, "basePath" | "auth"> {
  return {
    ...{ version, instance, urls },
    deno: Deno.version.deno,
    startedAtMs: processStartMs,
    store: () => ({ kind: config.store.split(":")[0] ?? "", trouble: store.trouble }),
    state: () => life.unready ?? "ready",
    connections: () => signalling.gate.connections,
  };
}
