/** An event in the life of a node, for the log and the metrics. */
export type ClusterEvent =
  | { readonly type: "reached"; readonly epoch: string; readonly nodes: number }
  | { readonly type: "away"; readonly why: string }
  | { readonly type: "call" }
  | { readonly type: "undelivered"; readonly cause: "absent" | "gone" | "unavailable" }
  | { readonly type: "node"; readonly name: string; readonly change: "joined" | "left" | "reaped" }
  | { readonly type: "fenced" }
  | { readonly type: "unknown" }
  | { readonly type: "fault"; readonly error: unknown };

export type ReportCluster = (event: ClusterEvent) => void;
