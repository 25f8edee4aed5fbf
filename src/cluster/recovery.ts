import type { Clock } from "../core/clock.ts";
import type { Sink } from "../core/nodes/backplane.ts";
import type { ReportCluster } from "./events.ts";
import { guarded } from "./guarded.ts";
import { questionsOf, type Registry } from "./items/held.ts";
import type { Questions } from "./items/questions.ts";
import type { KnownNode } from "./members/known_nodes.ts";
import type { Outbox } from "./items/outbox.ts";
import type { Reaper } from "./members/reaper.ts";
import type { SharedRecords } from "./records.ts";
import type { Roster } from "./members/roster.ts";
import type { Steps } from "./steps/steps.ts";

/** How long a node that an emptied engine does not know may take to come back, beyond its lease. */
const RETURN_MS = 3_000;

interface RecoveryParts {
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly report: ReportCluster;
  readonly registry: Registry;
  readonly steps: Pick<Steps, "entering">;
  readonly records: SharedRecords;
  readonly roster: Roster;
  readonly reaper: Reaper;
  readonly outbox: Outbox;
  readonly questions: Pick<Questions, "nodesNamed">;
}

/** Brings an engine that began anew up to date: it may have forgotten everything. */
export class Recovery {
  readonly #parts: RecoveryParts;
  #epochAt: number;
  /** The ids that the engine has of this node, and this node does not know. */
  #unknown: (readonly [realm: string, id: string])[] = [];
  /** False until the node has been part of its cluster: it had no lists before. */
  #hadLists = false;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
    this.#epochAt = parts.clock.now();
  }

  /** This node was declared dead. */
  buried(sink: Sink | undefined): void {
    const { report } = this.#parts;
    report({ type: "fenced" });
    guarded(report, () => sink?.severed());
  }

  /** A new epoch: returns the steps that tell the engine everything again. */
  begin(): Iterable<readonly string[]> {
    const { clock, roster, reaper } = this.#parts;
    this.#epochAt = clock.now();
    roster.restart();
    reaper.restart();
    return this.#heldSteps();
  }

  /** The steps that give up what the engine has of this node beyond that. @param ids of this node */
  *forgetting(ids: readonly string[]): Generator<readonly string[]> {
    const { registry, steps } = this.#parts;
    this.#unknown = [...registry.unknown(ids)];
    for (const key of this.#unknown) yield ["forget", ...key];
    for (const entry of steps.entering()) yield ["outOf", ...entry];
  }

  /** The engine is full again: the steps that ask for what has changed meanwhile. */
  questions(sink: Sink | undefined): (readonly string[])[] {
    const { registry, report } = this.#parts;
    const rooms = registry.rooms().length;
    if (rooms > 0 && this.#hadLists) report({ type: "gap", rooms });
    this.#hadLists = true;
    const arriving = this.#unknown.splice(0).map((key) => ["arrive", ...key]);
    return [...arriving, ...questionsOf(registry, sink)];
  }

  /**
   * The engine named its nodes. Returns a step for each process that is not among them, once all had the
   * time to come back. Its last words may wait in the inbox: it is given up behind those.
   * @param own this node's incarnation
   * @param isWhole false while nodes may be missing that have not come back yet
   */
  known(nodes: readonly KnownNode[], own: string, isWhole: boolean): (readonly string[])[] {
    const { clock, leaseMs, roster, reaper, outbox, questions } = this.#parts;
    roster.update(nodes, own, isWhole);
    if (isWhole) questions.nodesNamed();
    reaper.look(nodes, own, clock.now());
    if (clock.now() - this.#epochAt < leaseMs + RETURN_MS) return [];
    return roster.missing(outbox.processes).map((process) => ["T", own, "missing", process]);
  }

  *#heldSteps(): Generator<readonly string[]> {
    yield* this.#parts.registry.steps();
    yield* this.#parts.records.steps();
  }
}
