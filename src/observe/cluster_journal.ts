import type { ClusterEvent } from "../cluster/mod.ts";
import { messageOf } from "../system/errors.ts";
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
  #losses = 0;
  #fenced = 0;
  #reaped = 0;
  #faults = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A field, not a method: it is passed on without its object. */
  readonly tell = (event: ClusterEvent): void => {
    switch (event.type) {
      case "call":
        this.#calls++;
        return;
      case "undelivered":
        this.#undelivered[event.cause]++;
        return;
      case "reached":
        return this.#log.write("info", "cluster reached", { nodes: event.nodes });
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
        return this.#log.write("warning", "item without a meaning in the inbox");
      case "fault":
        this.#faults++;
        return this.#log.write("error", "fault at an item of another node", {
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
    metrics.read("signalbox_cluster_reaped_total", () => this.#reaped);
    metrics.read("signalbox_cluster_faults_total", () => this.#faults);
    for (const cause of ["absent", "gone", "unavailable"] as const) {
      const read = (): number => this.#undelivered[cause];
      metrics.read("signalbox_cluster_undelivered_total", read, { cause });
    }
  }
}
