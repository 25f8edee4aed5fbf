import type { NamePattern } from "../core/patterns.ts";

export { covers, type NamePattern } from "../core/patterns.ts";

/** Roles of webrtcsink that a token can grant. */
export type MediaRole = "produce" | "consume";

/** The permissions of an authenticated client. */
export interface Grants {
  /** Names of dialects; undefined for all. */
  readonly dialects: readonly string[] | undefined;
  /** Ids that the client may have where clients choose them. */
  readonly ids: readonly NamePattern[];
  /** Rooms and pools that the client may enter. */
  readonly rooms: readonly NamePattern[];
  readonly roles: readonly MediaRole[];
}

/** Covers every name. */
export const ANY: NamePattern = { text: "", isPrefix: true };

/** Permits everything. */
export const ALL_GRANTS: Grants = {
  dialects: undefined,
  ids: [ANY],
  rooms: [ANY],
  roles: ["produce", "consume"],
};

/** Covers one name, whatever characters it has. */
export function exactly(text: string): NamePattern {
  return { text, isPrefix: false };
}

/**
 * Reads a pattern: exact, or a prefix with `*` at its end.
 * @param user stands in for `{sub}`, with its characters taken literally
 */
export function patternOf(template: string, user: string): NamePattern {
  const isPrefix = template.endsWith("*");
  const stem = isPrefix ? template.slice(0, -1) : template;
  return { text: stem.replaceAll("{sub}", () => user), isPrefix };
}
