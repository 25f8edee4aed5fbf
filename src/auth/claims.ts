import { Buffer } from "node:buffer";
import * as z from "zod";
import type { Identity } from "./authenticator.ts";
import { ALL_GRANTS, type Grants, patternOf } from "./grants.ts";

const MAX_PATTERNS = 100;
const MAX_PATTERN_LENGTH = 512;
const MAX_INFO_BYTES = 4_096;
/** Longest name of a user, in UTF-16 units. */
const MAX_USER_LENGTH = 512;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

const patterns = z.array(z.string().max(MAX_PATTERN_LENGTH)).max(MAX_PATTERNS);

/** An unknown key refuses the token: a restriction that is not understood must not be lost. */
const Claim = z.strictObject({
  dialects: z.array(z.string()).max(MAX_PATTERNS).optional(),
  ids: patterns.optional(),
  rooms: patterns.optional(),
  roles: z.array(z.enum(["produce", "consume"])).max(2).optional(),
  info: z.record(z.string(), z.unknown()).refine(isSmall).optional(),
  /** Seconds since 1970. */
  until: z.number().optional(),
});

/** The grants of a token or an answer, and the moment at which they end. */
export interface ClaimedGrants {
  readonly grants: Grants;
  readonly info: Identity["info"];
  /** Seconds since 1970. */
  readonly until: number | undefined;
}

/**
 * Reads the grants of a token or of a webhook's answer; undefined if they cannot be understood.
 * @param user undefined for a client without a name, which by default may have every id
 */
export function readGrants(claim: unknown, user: string | undefined): ClaimedGrants | undefined {
  const result = Claim.safeParse(claim === undefined ? {} : claim);
  if (!result.success) return undefined;
  const { dialects, rooms = ["*"], roles, info, until } = result.data;
  const { ids = user === undefined ? ["*"] : ["{sub}"] } = result.data;
  // Without a user such a pattern would cover other names than it was written for.
  const isNamed = user !== undefined || ![...ids, ...rooms].some((text) => text.includes("{sub}"));
  if (!isNamed) return undefined;
  const read = (templates: readonly string[]): Grants["ids"] =>
    templates.map((template) => patternOf(template, user ?? ""));
  return {
    grants: {
      dialects,
      ids: read(ids),
      rooms: read(rooms),
      roles: roles ?? ALL_GRANTS.roles,
    },
    info,
    until,
  };
}

function isSmall(info: unknown): boolean {
  return Buffer.byteLength(JSON.stringify(info)) <= MAX_INFO_BYTES;
}

/** True if a text can name a user, for bans and TURN servers as well. */
export function isUserName(text: string): boolean {
  const isShown = text.isWellFormed() && !CONTROL.test(text);
  return text !== "" && text.length <= MAX_USER_LENGTH && isShown;
}
