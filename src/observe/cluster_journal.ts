import type { ClusterEvent } from "../cluster/mod.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** The state of this process as a node, read at every scrape. */
export interface ClusterState {
  readonly isUp: boolean;
  readonly nodes: readonly unknown[];
  readonly unconfirmedBytes: number;
  readonly waitingSteps: number;
}

/** The life of this node as counts and log lines: names and numbers only. */
export class ClusterJournal {
  readonly #log: Log;
  readonly #undelivered = { absent: 0, gone: 0, unavailable: 0 };
  #calls = 0;
  #callMs = 0;
  #steps = 0;
  #items = 0;
  #duplicates = 0;
  #epochs = 0;
  #losses = 0;
  #fenced = 0;
  #reaped = 0;
  #unknown = 0;
  #faults = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A field, not a method: it is passed on without its object. */
  readonly tell = (event: ClusterEvent): void => {
    switch (event.type) {
      case "call":
        this.#calls++;
        this.#steps += event.steps;
        this.#callMs += event.ms;
        return;
      case "item":
        this.#items++;
        return;
      case "duplicate":
        this.#duplicates++;
        return;
      case "undelivered":
        this.#undelivered[event.cause]++;
        return;
      case "reached": {
        this.#epochs++;
        return this.#log.write("info", "cluster reached", { nodes: event.nodes });
      }
      case "away":
        this.#losses++;
        return this.#log.write("warning", "cluster not reached", { why: event.why });
      case "node":
        if (event.change === "reaped") this.#reaped++;
        return this.#log.write("info", `node ${event.change}`, { node: event.name });
      case "fenced":
        this.#fenced++;
        return this.#log.write("warning", "this node was taken for dead, and begins anew");
      case "unknown":
        this.#unknown++;
        return;
      case "fault":
        this.#faults++;
        return this.#log.write("error", "fault at an item of another node", {
          error: event.error instanceof Error ? event.error.message : String(event.error),
        });
      default:
        event satisfies never;
    }
  };

  /** Announces the metrics. */
  announce(metrics: Metrics, state: ClusterState): void {
    const gauges: [name: string, help: string, read: () => number][] = [
      ["up", "Whether the shared engine answers", () => Number(state.isUp)],
      ["nodes", "Living nodes, this one included", () => state.nodes.length],
      ["unconfirmed_bytes", "Bytes kept for other nodes", () => state.unconfirmedBytes],
      ["waiting_steps", "Steps that wait for the engine", () => state.waitingSteps],
    ];
    const totals: [name: string, help: string, read: () => number][] = [
      ["calls_total", "Calls to the engine", () => this.#calls],
      ["call_ms_total", "Time of these calls in all, in ms", () => this.#callMs],
      ["steps_total", "Steps in these calls", () => this.#steps],
      ["items_received_total", "Items read from the inbox", () => this.#items],
      ["items_duplicate_total", "Messages that came twice", () => this.#duplicates],
      ["items_unknown_total", "Items that mean nothing", () => this.#unknown],
      ["epochs_total", "Times that the engine had to learn everything", () => this.#epochs],
      ["losses_total", "Times that the engine was lost", () => this.#losses],
      ["fenced_total", "Times that this node was taken for dead", () => this.#fenced],
      ["reaped_total", "Dead nodes whose ids were freed", () => this.#reaped],
      ["faults_total", "Items whose handling failed", () => this.#faults],
    ];
    for (const [name, help, read] of gauges) metrics.gauge(`signalbox_cluster_${name}`, help, read);
    for (const [name, help, read] of totals) metrics.total(`signalbox_cluster_${name}`, help, read);
    for (const cause of ["absent", "gone", "unavailable"] as const) {
      const read = (): number => this.#undelivered[cause];
      const help = "Messages that no other node took";
      metrics.total("signalbox_cluster_undelivered_total", help, read, { cause });
    }
  }
}
