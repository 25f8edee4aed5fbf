/** The first digits of an id: any, 0 to 7, or 8 to f. */
export type IdHalf = "any" | "low" | "high";

/**
 * Makes a UUID v4. In a bridged realm the ids of protocols whose smaller id gives way begin with a
 * low digit, and those whose clients never do with a high one: so that of two clients one gives way.
 */
export function newServerId(half: IdHalf): string {
  const id = crypto.randomUUID();
  if (half === "any") return id;
  const digit = parseInt(id.charAt(0), 16);
  return (half === "low" ? digit & 7 : digit | 8).toString(16) + id.slice(1);
}
