import type { Described } from "../dialects/dialect.ts";
import type { KeepOutcome } from "../core/kept.ts";
import type { AdminDialect, AdminParts } from "./parts.ts";
import { invalid, Problem } from "./problem.ts";

/** A dialect that is served; throws for every other name. */
export function dialectOf({ dialects }: Pick<AdminParts, "dialects">, name: string): AdminDialect {
  const found = dialects.find((one) => one.name === name);
  if (found === undefined) throw new Problem("not_found", { detail: "No such protocol is served" });
  return found;
}

/** Throws unless something is kept or described now. */
export function checkKept(outcome: KeepOutcome | Described, pointer: string, detail: string): void {
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
