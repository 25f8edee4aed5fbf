import type { ReportCluster } from "./events.ts";

/** Carries out one of several things. Its exception is a fault of this node, and skips no other. */
export function guarded(report: ReportCluster, action: () => void): void {
  try {
    action();
  } catch (error) {
    report({ type: "fault", error });
  }
}
