import * as z from "zod";
import { ALL_GRANTS, ANY, type Grants, patternOf } from "./grants.ts";

const MAX_PATTERNS = 100;
const MAX_PATTERN_LENGTH = 512;

const patterns = z.array(z.string().max(MAX_PATTERN_LENGTH)).max(MAX_PATTERNS);

/** An unknown key refuses the token: a restriction that is not understood must not be lost. */
const Claim = z.strictObject({
  dialects: z.array(z.string()).max(MAX_PATTERNS).optional(),
  ids: patterns.optional(),
  rooms: patterns.optional(),
  roles: z.array(z.enum(["produce", "consume"])).max(2).optional(),
  /** Seconds since 1970. */
  until: z.number().optional(),
});

/** The grants of a token, and the moment at which they end. */
export interface ClaimedGrants {
  readonly grants: Grants;
  /** Seconds since 1970. */
  readonly until: number | undefined;
}

/**
 * Reads what a token or a webhook grants; undefined if it cannot be understood.
 * @param user undefined for a client without a name, which may have every id
 */
export function readGrants(claim: unknown, user: string | undefined): ClaimedGrants | undefined {
  const result = Claim.safeParse(claim ?? {});
  if (!result.success) return undefined;
  const { dialects, ids, rooms, roles, until } = result.data;
  const read = (templates: readonly string[]): Grants["ids"] =>
    templates.map((template) => patternOf(template, user ?? ""));
  return {
    grants: {
      dialects,
      ids: user === undefined ? [ANY] : read(ids ?? ["{sub}"]),
      rooms: rooms === undefined ? [ANY] : read(rooms),
      roles: roles ?? ALL_GRANTS.roles,
    },
    until,
  };
}
