import * as z from "zod";

// The shapes of records as they are stored. Records come from earlier versions of the server, so
// each is checked when it is read.

/** A ban, beside its key and its end. */
export const StoredBan = z.object({ reason: z.string() });
export type StoredBan = z.infer<typeof StoredBan>;

/** A reservation; never the token itself. */
export const Reservation = z.object({
  /** SHA-256 of the token, in base64url. */
  digest: z.string(),
  /** Missing for a reservation without an end. */
  lifetimeMs: z.number().exactOptional(),
  /** Its holder has come back for it, so it is evicted later than others. */
  isProven: z.boolean().exactOptional(),
  /** An operator made it: it is never evicted, and clients do not change its lifetime. */
  isOperators: z.boolean().exactOptional(),
}).refine(
  ({ lifetimeMs, isOperators }) => lifetimeMs !== undefined || isOperators === true,
  "only an operator reserves without an end",
);
export type Reservation = z.infer<typeof Reservation>;

/** An action in the operators' log. */
export const StoredAction = z.object({
  actor: z.string(),
  action: z.string(),
  subject: z.array(z.string()),
  outcome: z.string(),
  reason: z.string().optional(),
});

/** A room's settings or a member's description: any JSON. */
export const StoredRoom = z.unknown();

/** A table's record in the store: a value, its expiry, and its stamp in a cluster. */
export const StoredRecord = z.object({
  v: z.unknown(),
  exp: z.number().exactOptional(),
  at: z.number().exactOptional(),
})
  .refine(({ v }) => v !== undefined, "no value");

/** Begins sealed state; stored in clear, and authenticated by each chunk. */
export const SealedHead = z.object({
  salt: z.string(),
  chunks: z.number().min(1),
  sealedAtMs: z.number(),
  expiresAtMs: z.number(),
});
export type SealedHead = z.infer<typeof SealedHead>;

/** Decodes a stored record; undefined if the bytes are not JSON of this shape. */
export function decodeAs<Value>(shape: z.ZodType<Value>, stored: Uint8Array): Value | undefined {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(stored));
  } catch {
    return undefined;
  }
  return shape.safeParse(json).data;
}
