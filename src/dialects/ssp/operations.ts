import type { Hub } from "../../core/hub.ts";
import type { RoomReport } from "../../core/rooms.ts";
import type { DescribeOutcome, OperatedRoom, RoomOperations } from "../dialect.ts";
import { jsonBytes } from "../kit/json.ts";
import { roomOperations } from "../kit/room_operations.ts";
import type { Pools } from "./pools.ts";

export interface PoolOperationsOptions {
  readonly hub: Hub;
  readonly realm: string;
  readonly dialect: string;
  readonly pools: Pools;
  readonly maxDescriptionBytes: number;
  readonly maxPoolLength: number;
}

/**
 * The operator's actions on pools (§9.7): any JSON is a description, and null removes it. In a kept
 * pool an operator may also describe names without a member. Later members get these descriptions,
 * and they survive a restart, which a member's id does not.
 */
export function poolOperations(options: PoolOperationsOptions): RoomOperations {
  const { hub, realm, dialect, pools, maxDescriptionBytes, maxPoolLength } = options;
  const describeMember = (pool: string, id: string, info: unknown): DescribeOutcome => {
    const bytes = sizeOf(info);
    // Descriptions do not cross dialects.
    if (hub.member(realm, pool, id)?.dialect !== dialect) return "unknown";
    return bytes > maxDescriptionBytes
      ? "too_large"
      : hub.describeMember(realm, pool, id, { info, bytes });
  };
  const ofMembers = roomOperations(hub, realm);
  const withStanding = (report: RoomReport): OperatedRoom => {
    const standing = pools.standing(report.id);
    return standing.length === 0 ? report : { ...report, standing };
  };
  return {
    ...ofMembers,
    list(): OperatedRoom[] {
      const rooms = ofMembers.list();
      const known = new Set(rooms.map(({ id }) => id));
      const empty = pools.kept().filter((id) => !known.has(id));
      return [...rooms, ...empty.map((id) => ({ id, members: [] }))].map(withStanding);
    },
    describe(pool, name, description): DescribeOutcome {
      const outcome = hub.member(realm, pool, name) === undefined
        ? "unknown"
        : describeMember(pool, name, description);
      const isMember = hub.member(realm, pool, name) !== undefined;
      if (outcome !== "unknown" || isMember || !pools.isKept(pool)) return outcome;
      if (sizeOf(description) > maxDescriptionBytes) return "too_large";
      const kept = pools.describe(pool, name, description);
      return kept === "kept" ? "described" : kept;
    },
    listIdle: () => pools.kept().map((id) => ({ id, members: [] })),
    isKept: (pool) => pools.isKept(pool),
    standing: (pool) => pools.standing(pool),
    keep: (pool, settings = {}) =>
      pool.length === 0 || pool.length > maxPoolLength ? "invalid" : pools.keep(pool, settings),
    forget: (pool) => pools.forget(pool),
  };
}

/** The size of a description; zero without one. */
function sizeOf(description: unknown): number {
  return description === null ? 0 : jsonBytes(description);
}
