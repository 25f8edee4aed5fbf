import type { DescribeOutcome, IdOperations } from "../dialects/dialect.ts";
import type { KeepOutcome } from "../core/kept.ts";
import type { OperatedRooms } from "./operator.ts";
import type { AdminDialect, AdminParts } from "./parts.ts";
import { invalid, Problem } from "./problem.ts";

/** A dialect that is served; throws for every other name. */
export function dialectOf({ dialects }: Pick<AdminParts, "dialects">, name: string): AdminDialect {
  const found = dialects.find((one) => one.name === name);
  if (found === undefined) throw new Problem("not_found", { detail: "No such protocol is served" });
  return found;
}

/** An operator's changes of a dialect's rooms; throws where it has none. */
export function roomsOf(parts: AdminParts, actor: string, dialect: string): OperatedRooms {
  const { name } = dialectOf(parts, dialect);
  return supported(parts.operator.as(actor).rooms.get(name));
}

/** An operator's changes of a dialect's reserved ids; throws where it has none. */
export function idsOf(parts: AdminParts, actor: string, dialect: string): IdOperations {
  const { name } = dialectOf(parts, dialect);
  return supported(parts.operator.as(actor).ids.get(name));
}

/** An operation that only some dialects have; throws in the others. */
export function supported<T>(operation: T | undefined): T {
  if (operation === undefined) throw new Problem("not_supported");
  return operation;
}

/** Throws unless something is kept or described now. */
export function checkKept(
  outcome: KeepOutcome | DescribeOutcome,
  pointer: string,
  detail: string,
): void {
  switch (outcome) {
    case "kept":
    case "described":
      return;
    case "invalid":
      throw invalid({ pointer, detail });
    case "unsupported":
      throw new Problem("not_supported");
    case "unknown":
      throw new Problem("not_found");
    case "too_large":
      throw new Problem("too_large");
    case "full":
      throw new Problem("full");
    default:
      outcome satisfies never;
  }
}
