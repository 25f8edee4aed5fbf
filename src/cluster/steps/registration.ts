import type { Clock } from "../../core/clock.ts";
import type { CallerOwner } from "./caller_owner.ts";
import { type EngineConnection, EngineError, type Reply } from "../engine/engine.ts";
import { HELLO, run } from "../engine/scripts.ts";

/** How often a node that comes late asks whether it may come. */
const AGAIN_MS = 100;

/** A process as the engine registers it. */
export interface ProcessFacts {
  readonly clock: Clock;
  /** The beginning of every key. */
  readonly prefix: string;
  readonly name: string;
  readonly process: string;
  readonly leaseMs: number;
  /** A digest of the settings that all nodes share. */
  readonly settings: string;
}

/** The state of a process that registers. */
interface Registrant {
  /** The run of the engine. */
  readonly run: string;
  /** The incarnation that the engine knew last; empty after its death. */
  readonly known: string;
  readonly owner: Pick<CallerOwner, "buried" | "nodes">;
  readonly isStopped: () => boolean;
}

/**
 * Registers a process. If others gave it up before the engine began anew, it comes behind them, as one that
 * was declared dead.
 * @returns its incarnation, the epoch, the time until forming is over, and the number of nodes
 */
export async function register(
  connection: EngineConnection,
  { clock, prefix, name, process, leaseMs, settings }: ProcessFacts,
  { run: runOfEngine, known, owner, isStopped }: Registrant,
  limitMs: number,
): Promise<readonly Reply[]> {
  const facts = [prefix, runOfEngine, name, process, String(leaseMs), settings, known, "", ""];
  for (let isLate = known === "";; isLate = true) {
    const [word, ...answer] = await run(connection, HELLO, [...facts, owner.nodes()], limitMs);
    if (word === "ok") return answer;
    if (word !== "over" || isStopped()) {
      throw new EngineError("other", `refuses this node: ${word}`);
    }
    if (!isLate) owner.buried();
    await clock.delay(AGAIN_MS);
  }
}
