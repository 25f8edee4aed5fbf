import type { Clock } from "../core/clock.ts";
import {
  type Engine,
  type EngineConnection,
  EngineError,
  type EngineTrouble,
  LATE,
  type Reply,
} from "./engine/engine.ts";
import { firstDifference } from "./settings.ts";
import { APPLY, HELLO, PROBE, run } from "./engine/scripts.ts";
import { END } from "./steps/steps.ts";

/** A cluster that this process cannot join. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";

  /** @param mayPass another try may succeed */
  constructor(message: string, readonly mayPass: boolean) {
    super(message);
  }
}

export interface StartOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** The beginning of every key, and the name in it. */
  readonly prefix: string;
  readonly cluster: string;
  readonly name: string;
  readonly process: string;
  readonly leaseMs: number;
  readonly settings: string;
  /** Living nodes, this one included. */
  readonly maxNodes: number;
  /** Takes a warning for operators. */
  readonly warn: (text: string) => void;
}

/** The cluster as a node finds it at its start. */
export interface JoinedCluster {
  readonly incarnation: string;
  readonly epoch: string;
  readonly nodes: number;
}

const CALL_MS = 5_000;
/** Tries to connect in time: a machine that begins many processes at once is slow. */
const TRIES = 3;
/** How long a node watches another one of its name. */
const WATCH_MS = 2_500;
const LOOK_MS = 250;
const NEEDED = [6, 2] as const;

/** Checks the engine, and registers. Throws ClusterError, whose message is for people. */
export async function join(options: StartOptions): Promise<JoinedCluster> {
  const { engine, prefix, name } = options;
  const connection = await connect(engine, TRIES);
  try {
    checkInfo(options, readInfo(await connection.command(["INFO"], CALL_MS)));
    const [forbidden] = await run(connection, PROBE, [prefix, name], CALL_MS);
    if (forbidden === "keys") throw forbids(engine, `the keys ${prefix}*`);
    if (forbidden !== "") throw forbids(engine, String(forbidden));
    await checkReading(connection, prefix, name);
    return await register(options, connection);
  } catch (error) {
    throw error instanceof ClusterError ? error : startError(engine, error);
  } finally {
    connection.close();
  }
}

/** Gives a registration up whose process does not start after all, as far as the engine answers. */
export async function withdraw(
  { engine, prefix }: Pick<StartOptions, "engine" | "prefix">,
  { incarnation, epoch }: JoinedCluster,
): Promise<void> {
  // The node may have made calls: later ones have higher numbers.
  const call = [prefix, incarnation, epoch, String(Number.MAX_SAFE_INTEGER)];
  try {
    const connection = await engine.connect("call");
    try {
      await run(connection, APPLY, [...call, "", "", "restore", "0", END], CALL_MS);
    } finally {
      connection.close();
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
  }
}

async function connect(engine: Engine, tries: number): Promise<EngineConnection> {
  try {
    return await engine.connect("call");
  } catch (error) {
    if (tries > 1 && isLate(error)) return await connect(engine, tries - 1);
    throw startError(engine, error);
  }
}

function isLate(error: unknown): boolean {
  return error instanceof EngineError && error.message === LATE;
}

/** The commands outside of scripts. */
async function checkReading(
  connection: EngineConnection,
  prefix: string,
  name: string,
): Promise<void> {
  await connection.command(["XREAD", "COUNT", "1", "STREAMS", `${prefix}in:${name}`, "$"], CALL_MS);
  await connection.command(["HSCAN", `${prefix}ids:${name}`, "0"], CALL_MS);
}

async function register(
  options: StartOptions,
  connection: EngineConnection,
): Promise<JoinedCluster> {
  const { engine, clock, prefix, name, process, leaseMs, settings, cluster, maxNodes } = options;
  const info = readInfo(await connection.command(["INFO", "server"], CALL_MS));
  const runId = info.get("run_id") ?? "unknown";
  const hello = (stale: string): Promise<readonly Reply[]> =>
    run(
      connection,
      HELLO,
      [prefix, runId, name, process, String(leaseMs), settings, "", stale, String(maxNodes)],
      CALL_MS,
    );
  const until = clock.now() + WATCH_MS;
  let answer = await hello("");
  const [, firstBeat = ""] = answer;
  while (answer[0] === "name" && answer[1] === firstBeat) {
    const isOver = clock.now() >= until;
    answer = await hello(isOver ? String(firstBeat) : "");
    if (!isOver) await clock.delay(LOOK_MS);
  }
  const [word, fact = "", epoch, , nodes] = answer;
  switch (word) {
    case "ok":
      return { incarnation: String(fact), epoch: String(epoch), nodes: Number(nodes) };
    case "name":
      throw new ClusterError(`Another node called "${name}" is alive in "${cluster}"`, true);
    case "nodes":
      throw new ClusterError(
        `The cluster "${cluster}" has ${count(Number(fact))} already: see --cluster-max-nodes`,
        true,
      );
    case "format":
      throw new ClusterError(
        `The cluster "${cluster}" speaks format ${fact}, this version 1`,
        false,
      );
    case "settings": {
      const what = firstDifference(settings, String(fact));
      throw new ClusterError(`The other nodes of "${cluster}" have another ${what}`, false);
    }
    default:
      throw new ClusterError(`${engine.place} answered something unknown`, true);
  }
}

function count(nodes: number): string {
  return nodes === 1 ? "1 node" : `${nodes} nodes`;
}

function checkInfo({ engine, warn }: StartOptions, info: ReadonlyMap<string, string>): void {
  const { place } = engine;
  const version = info.get("redis_version") ?? "0";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < NEEDED[0] || major === NEEDED[0] && minor < NEEDED[1]) {
    throw new ClusterError(`${place} is version ${version}, 6.2 is needed`, false);
  }
  if (info.get("cluster_enabled") === "1") {
    throw new ClusterError(`${place} is a Redis Cluster, which is not supported`, false);
  }
  if (info.get("loading") === "1") throw startError(engine, new EngineError("loading", ""));
  if (info.get("role") === "slave") throw startError(engine, new EngineError("replica", ""));
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (info.get("maxmemory") !== "0" && policy !== "noeviction") {
    warn(`${place} may evict keys (${policy}): set maxmemory-policy noeviction`);
  }
}

function readInfo(reply: Reply): ReadonlyMap<string, string> {
  const lines = String(reply).split(/\r?\n/);
  return new Map(lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}

/** Sentences for the kinds of trouble; the others are about reaching the engine. */
const SENTENCES: Partial<Record<EngineTrouble, (place: string, message: string) => string>> = {
  loading: (place) => `${place} is still loading its data`,
  replica: (place) => `${place} is a replica: give the primary, or its Sentinels`,
  primary: (place, message) => `The Sentinels of ${place} know ${message}`,
  memory: (place) => `${place} is out of memory`,
  unwritable: (place) => `${place} takes no writes now`,
  type: (place, message) => `Cannot use the cluster at ${place}: ${message}`,
  login: (place) => `${place} does not accept the user or password`,
  database: (place) => `${place} has no such database`,
};
const LASTING: ReadonlySet<EngineTrouble> = new Set([
  "login",
  "forbidden",
  "database",
  "permission",
]);

/** The trouble of a start in words for people; throws everything else again. */
export function startError({ place }: Pick<Engine, "place">, error: unknown): ClusterError {
  if (!(error instanceof EngineError)) throw error;
  const { trouble, message } = error;
  if (trouble === "forbidden") return forbids({ place }, commandIn(message));
  const sentence = SENTENCES[trouble]?.(place, message) ??
    `Cannot reach the cluster at ${place}: ${message}`;
  return new ClusterError(sentence, !LASTING.has(trouble));
}

function forbids({ place }: Pick<Engine, "place">, what: string): ClusterError {
  return new ClusterError(`${place} forbids ${what}: see "Rights" in the cluster page`, false);
}

/** The command that a refusal of the engine names. */
function commandIn(message: string): string {
  return (/'([\w|]+)' command/.exec(message)?.[1] ?? "a command").toUpperCase();
}
