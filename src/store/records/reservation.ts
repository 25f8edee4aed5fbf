/** What is kept of a reservation: never the token itself. */
export interface Reservation {
  /** SHA-256 of the token, in base64url. */
  readonly digest: string;
  /** Undefined where it is kept for ever. */
  readonly lifetimeMs?: number;
  /** Its holder has come back for it: not so easily given up. */
  readonly isProven?: boolean;
  /** An operator made it: it is never given up, and clients do not change how long it lasts. */
  readonly isOperators?: boolean;
}

/** Reads what was stored; undefined for what is no reservation. */
export function readReservation(stored: unknown): Reservation | undefined {
  if (typeof stored !== "object" || stored === null) return undefined;
  const { digest, lifetimeMs, isProven, isOperators }: Partial<Reservation> = stored;
  const isOperatorsOwn = isOperators === true;
  if (typeof digest !== "string") return undefined;
  // Only an operator reserves for ever.
  if (typeof lifetimeMs !== "number" && !isOperatorsOwn) return undefined;
  return {
    digest,
    ...(typeof lifetimeMs === "number" ? { lifetimeMs } : {}),
    ...(isProven === true ? { isProven } : {}),
    ...(isOperatorsOwn ? { isOperators } : {}),
  };
}
