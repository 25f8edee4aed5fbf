import type { Description } from "./description.ts";
import type { Candidate } from "./signal.ts";

/** Longest candidate line, ufrag or section name that is passed on, in UTF-16 units. */
const MAX_TEXT = 2_048;

/** A candidate in its sender's words, as far as they are valid. */
export interface RawCandidate {
  readonly candidate: string;
  readonly sdpMid: string | undefined;
  readonly sdpMLineIndex: number | undefined;
  readonly ufrag: string | undefined;
  /** Roughly its size. */
  readonly size: number;
}

/**
 * Reads what a client sends as a candidate. Clients spell the end of candidates as null, as an empty
 * line or by leaving the candidate out.
 * @returns undefined if it is no candidate
 */
export function readCandidate(value: unknown): RawCandidate | "end-of-candidates" | undefined {
  if (value === null || value === undefined) return "end-of-candidates";
  if (typeof value !== "object") return undefined;
  const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = value as Record<string, unknown>;
  if (candidate === null || candidate === undefined || candidate === "") return "end-of-candidates";
  if (!isLine(candidate)) return undefined;
  const mid = sdpMid ?? undefined;
  if (mid !== undefined && !isLine(mid)) return undefined;
  const ufrag = usernameFragment ?? ufragIn(candidate);
  if (ufrag !== undefined && !isLine(ufrag)) return undefined;
  const size = candidate.length + (mid?.length ?? 0) + (ufrag?.length ?? 0);
  return { candidate, sdpMid: mid, sdpMLineIndex: indexIn(sdpMLineIndex), ufrag, size };
}

/**
 * Completes a candidate by its sender's current description: the index from the section's name, or
 * the name from the index.
 * @returns undefined if it does not belong to that description
 */
export function completeCandidate(
  raw: RawCandidate,
  { sections, ufrags }: Description,
): Candidate | undefined {
  const { candidate, ufrag } = raw;
  if (ufrag !== undefined && !ufrags.has(ufrag)) return undefined;
  let index = raw.sdpMLineIndex;
  if (raw.sdpMid !== undefined) {
    const named = sections.findIndex(({ mid }) => mid === raw.sdpMid);
    // A name that the description does not have counts only where it has no names at all.
    if (named !== -1) index = named;
    else if (sections.some(({ mid }) => mid !== undefined)) return undefined;
  }
  const section = index === undefined ? undefined : sections[index];
  if (index === undefined || section === undefined) return undefined;
  const complete = { candidate, sdpMid: section.mid ?? null, sdpMLineIndex: index };
  return ufrag === undefined ? complete : { ...complete, usernameFragment: ufrag };
}

function isLine(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT && !value.includes("\n") &&
    !value.includes("\r");
}

/** Some clients send the index as text. */
function indexIn(value: unknown): number | undefined {
  const index = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof index === "number" && Number.isInteger(index) && index >= 0 ? index : undefined;
}

/** The extension `ufrag` of a candidate line: a pair after the eight fixed words. */
function ufragIn(candidate: string): string | undefined {
  const words = candidate.split(" ");
  const at = words.indexOf("ufrag", 8);
  return at === -1 ? undefined : words[at + 1];
}
