/** The first digits of an id: any, 0 to 7, or 8 to f. */
export type IdHalf = "any" | "low" | "high";

/**
 * Makes a UUID v4. In a bridged realm some protocols let the client with the smaller id yield, and
 * clients of others never yield. Ids of the former begin with a low digit and those of the latter
 * with a high one, so that one of two clients yields.
 */
export function newServerId(half: IdHalf): string {
  const id = crypto.randomUUID();
  if (half === "any") return id;
  const digit = parseInt(id.charAt(0), 16);
  return (half === "low" ? digit & 7 : digit | 8).toString(16) + id.slice(1);
}
