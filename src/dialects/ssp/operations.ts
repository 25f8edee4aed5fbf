import { Buffer } from "node:buffer";
import type { Hub } from "../../core/hub.ts";
import type { Described, OperatedRoom, RoomOperations } from "../dialect.ts";
import { roomOperations } from "../room_operations.ts";
import type { Pools } from "./pools.ts";

export interface PoolOperationsOptions {
  readonly hub: Hub;
  readonly realm: string;
  readonly pools: Pools;
  readonly maxDescriptionBytes: number;
  readonly maxPoolLength: number;
}

/**
 * What an operator may do with pools (§9.7): any JSON is a description, null is none. In a kept pool
 * he may also describe what is no member: who joins later is told, and it survives a restart, which
 * a member's id does not.
 */
export function poolOperations(options: PoolOperationsOptions): RoomOperations {
  const { hub, realm, pools, maxDescriptionBytes, maxPoolLength } = options;
  const isTooLarge = (description: unknown): boolean =>
    description !== null && Buffer.byteLength(JSON.stringify(description)) > maxDescriptionBytes;
  const ofMembers = roomOperations(hub, realm, (member, description) => {
    if (isTooLarge(description)) return "too_large";
    const bytes = description === null ? 0 : Buffer.byteLength(JSON.stringify(description));
    return hub.describe(member, description, bytes);
  });
  return {
    ...ofMembers,
    list(): OperatedRoom[] {
      const reports = hub.rooms(realm).map((report) =>
        pools.isKept(report.id) ? { ...report, standing: pools.standing(report.id) } : report
      );
      const withMembers = new Set(reports.map(({ id }) => id));
      const empty = pools.kept().filter((id) => !withMembers.has(id));
      return [
        ...reports,
        ...empty.map((id) => ({ id, members: [], standing: pools.standing(id) })),
      ];
    },
    describe(pool, name, description): Described {
      const outcome = ofMembers.describe(pool, name, description);
      if (outcome !== "unknown" || !pools.isKept(pool)) return outcome;
      if (isTooLarge(description)) return "too_large";
      const kept = pools.describe(pool, name, description);
      return kept === "kept" ? "described" : kept;
    },
    keep: (pool, settings = {}) =>
      pool.length === 0 || pool.length > maxPoolLength ? "invalid" : pools.keep(pool, settings),
    forget: (pool) => pools.forget(pool),
  };
}
