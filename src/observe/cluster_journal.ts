import type { ClusterEvent } from "../cluster/mod.ts";
import { messageOf } from "../system/errors.ts";
import type { Log } from "./log.ts";
import type { Labels, Metrics } from "./metrics.ts";

/** The state of this process as a node, read at every scrape. */
export interface ClusterState {
  readonly isUp: boolean;
  readonly nodes: readonly unknown[];
  readonly unconfirmedBytes: number;
  readonly waitingSteps: number;
}

interface StepCount {
  readonly labels: Labels;
  count: number;
}

/** Names of the steps that clients and operators cause; all others are "other". */
const STEPS: Readonly<Record<string, string>> = {
  C: "claim",
  R: "release",
  S: "send",
  J: "join",
  D: "describe",
  P: "pair",
  M: "meet",
  U: "part",
  W: "list",
  G: "keep",
  B: "tell",
  Q: "reap",
  move: "move",
  shun: "shun",
};

/** How often the log has a line about what others may write any number of: items without a meaning, keys. */
const FOREIGN_MS = 60_000;

/** The life of this node as counts and log lines: names and numbers only. */
export class ClusterJournal {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #undelivered = { absent: 0, gone: 0, unavailable: 0 };
  #calls = 0;
  #losses = 0;
  #fenced = 0;
  readonly #reaped = { node: 0, id: 0 };
  /** Steps by their names and outcomes. */
  readonly #steps = new Map<string, StepCount>();
  #retries = 0;
  #reconnects = 0;
  #items = 0;
  #duplicates = 0;
  #gaps = 0;
  #called: ((seconds: number) => void) | undefined;
  #delayed: ((seconds: number) => void) | undefined;
  #faults = 0;
  #unknown = 0;
  /** The same at the last line about them, and its time. */
  #unknownTold = { items: 0, at: -Infinity };
  #mistypedToldAt = -Infinity;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** A field, not a method: it is passed on without its object. */
  readonly tell = (event: ClusterEvent): void => {
    switch (event.type) {
      case "call":
        this.#calls++;
        if (event.isAgain) this.#retries++;
        return;
      case "answered":
        return this.#called?.(event.seconds);
      case "reconnected":
        this.#reconnects++;
        return;
      case "step":
        return this.#countStep(event.step, event.outcome);
      case "item":
        this.#items++;
        return this.#delayed?.(event.delayMs / 1_000);
      case "duplicate":
        this.#duplicates++;
        return;
      case "gap":
        this.#gaps += event.rooms;
        return this.#log.write("warning", "lists of rooms asked for anew", { rooms: event.rooms });
      case "reaped":
        this.#reaped.id += event.ids;
        return;
      case "undelivered":
        this.#undelivered[event.cause]++;
        return;
      case "reached":
        return this.#log.write("info", "cluster reached", { nodes: event.nodes });
      case "away":
        this.#losses++;
        return this.#log.write("warning", "cluster not reached", { why: event.why });
      case "blocked":
        return this.#log.write("error", "cluster blocked", { why: event.why });
      case "mistyped":
        return this.#noteMistyped(event.why);
      case "node":
        if (event.change === "reaped") this.#reaped.node++;
        return this.#log.write("info", `node ${event.change}`, { node: event.name });
      case "fenced":
        this.#fenced++;
        return this.#log.write("warning", "this node was taken for dead, and begins anew");
      case "unknown":
        return this.#noteUnknown();
      case "fault":
        this.#faults++;
        return this.#log.write("error", "cluster fault", {
          error: messageOf(event.error),
        });
      default:
        event satisfies never;
    }
  };

  /** Announces the metrics. */
  announce(metrics: Metrics, state: ClusterState): void {
    metrics.read("signalbox_cluster_up", () => Number(state.isUp));
    metrics.read("signalbox_cluster_nodes", () => state.nodes.length);
    metrics.read("signalbox_cluster_unconfirmed_bytes", () => state.unconfirmedBytes);
    metrics.read("signalbox_cluster_waiting_steps", () => state.waitingSteps);
    metrics.read("signalbox_cluster_calls_total", () => this.#calls);
    metrics.read("signalbox_cluster_losses_total", () => this.#losses);
    metrics.read("signalbox_cluster_fenced_total", () => this.#fenced);
    for (const what of ["node", "id"] as const) {
      metrics.read("signalbox_cluster_reaped_total", () => this.#reaped[what], { what });
    }
    metrics.read("signalbox_cluster_retries_total", () => this.#retries);
    metrics.read("signalbox_cluster_reconnects_total", () => this.#reconnects);
    metrics.read("signalbox_cluster_items_received_total", () => this.#items);
    metrics.read("signalbox_cluster_items_duplicate_total", () => this.#duplicates);
    metrics.read("signalbox_cluster_items_unknown_total", () => this.#unknown);
    metrics.read("signalbox_cluster_gaps_total", () => this.#gaps);
    metrics.readEach("signalbox_cluster_steps_total", () => this.#stepCounts());
    this.#called = metrics.timer("signalbox_cluster_call_duration_seconds");
    this.#delayed = metrics.timer("signalbox_cluster_inbox_delay_seconds");
    metrics.read("signalbox_cluster_faults_total", () => this.#faults);
    for (const cause of ["absent", "gone", "unavailable"] as const) {
      const read = (): number => this.#undelivered[cause];
      metrics.read("signalbox_cluster_undelivered_total", read, { cause });
    }
  }

  #noteUnknown(): void {
    this.#unknown++;
    const at = this.#now();
    if (at - this.#unknownTold.at < FOREIGN_MS) return;
    const items = this.#unknown - this.#unknownTold.items;
    this.#unknownTold = { items: this.#unknown, at };
    this.#log.write("warning", "items without a meaning in the inbox", { items });
  }

  #noteMistyped(why: string): void {
    const at = this.#now();
    if (at - this.#mistypedToldAt < FOREIGN_MS) return;
    this.#mistypedToldAt = at;
    this.#log.write("error", "cluster steps refused", { why });
  }

  #countStep(letter: string, outcome: string): void {
    const step = STEPS[letter] ?? "other";
    const key = `${step} ${outcome}`;
    const known = this.#steps.get(key);
    if (known === undefined) this.#steps.set(key, { labels: { step, outcome }, count: 1 });
    else known.count++;
  }

  *#stepCounts(): Generator<readonly [Labels, number]> {
    for (const { labels, count } of this.#steps.values()) yield [labels, count];
  }
}
