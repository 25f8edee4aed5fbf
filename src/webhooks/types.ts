import type { HappeningType } from "../core/happenings.ts";

/** Types of events that a webhook receives. */
export const WEBHOOK_TYPES = [
  "peer.joined",
  "peer.left",
  "room.started",
  "room.ended",
  "room.joined",
  "room.left",
  "call.started",
  "call.ended",
  "server.started",
  "server.draining",
  "server.stopped",
] as const satisfies readonly HappeningType[];

/** True if a pattern, a type or a prefix such as "peer.*", covers any type that exists. */
export function isTypePattern(pattern: string): boolean {
  return WEBHOOK_TYPES.some((type) => covers(pattern, type));
}

/** Returns the types that the patterns cover. */
export function typesOf(patterns: readonly string[]): ReadonlySet<string> {
  return new Set(WEBHOOK_TYPES.filter((type) => patterns.some((one) => covers(one, type))));
}

function covers(pattern: string, type: string): boolean {
  if (!pattern.endsWith("*")) return pattern === type;
  const prefix = pattern.slice(0, -1);
  return (prefix === "" || prefix.endsWith(".")) && type.startsWith(prefix);
}
