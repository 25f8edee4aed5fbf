/** "refused": by the engine. "unavailable": it was not reached in time. */
export type StepOutcome = "done" | "refused" | "unavailable";

/** An event in the life of a node, for the log and the metrics. */
export type ClusterEvent =
  | { readonly type: "reached"; readonly epoch: string; readonly nodes: number }
  | { readonly type: "away"; readonly why: string }
  /** A key that is not the cluster's keeps the engine from carrying out a call. */
  | { readonly type: "blocked"; readonly why: string }
  /** Such a key keeps it from carrying out steps that need it. */
  | { readonly type: "mistyped"; readonly why: string }
  | { readonly type: "call"; readonly isAgain: boolean }
  /** The engine has answered one call, or failed to. */
  | { readonly type: "answered"; readonly seconds: number }
  | { readonly type: "reconnected" }
  /** `step`: its letter in the script. */
  | { readonly type: "step"; readonly step: string; readonly outcome: StepOutcome }
  | { readonly type: "item"; readonly delayMs: number }
  /** A message that had come before. */
  | { readonly type: "duplicate" }
  /** The lists of rooms are asked for anew, because the engine lost some of its data. */
  | { readonly type: "gap"; readonly rooms: number }
  /** Ids of a dead node were freed by this one. */
  | { readonly type: "reaped"; readonly ids: number }
  | { readonly type: "undelivered"; readonly cause: "absent" | "gone" | "unavailable" }
  | { readonly type: "node"; readonly name: string; readonly change: "joined" | "left" | "reaped" }
  | { readonly type: "fenced" }
  | { readonly type: "unknown" }
  | { readonly type: "fault"; readonly error: unknown };

export type ReportCluster = (event: ClusterEvent) => void;
