import * as z from "zod";
import type { LinkLimits } from "../../core/limits.ts";

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Facts about an option beside its type, default and help. */
export interface OptionMeta {
  /** Other names of the flag, such as the reference server's own; one letter makes a short flag. */
  readonly flags?: readonly string[];
  /** Other environment variables. */
  readonly env?: readonly string[];
  /** Never printed. */
  readonly secret?: boolean;
  /** Names a file that holds a secret; the schema adds such an option to each secret. */
  readonly secretFile?: true;
  /** Only `--help all` lists it. */
  readonly isRare?: true;
  /** An empty text is a value, and not a missing one. */
  readonly mayBeEmpty?: boolean;
  /** The value of a list flag that stands alone. */
  readonly alone?: string;
  /** Heading of the help under which an option without a group of its own is found. */
  readonly group?: string;
}

/**
 * A path to serve. It has no wildcard, query, fragment, blank, or comma: a comma separates the paths
 * of a variable.
 */
export const pathText = z.string().regex(/^\/[^*?#,\s]*$/, "expected a path such as /name");

type Unlimited = z.ZodLiteral<"unlimited">;
export type LimitOption = z.ZodPipe<
  z.ZodDefault<z.ZodUnion<readonly [Unlimited, z.ZodInt]>>,
  z.ZodTransform<number, number | "unlimited">
>;
export type DurationOption = z.ZodOptional<
  z.ZodPipe<z.ZodUnion<readonly [z.ZodInt, z.ZodString]>, z.ZodTransform<number, string | number>>
>;
export type WholeOption = z.ZodDefault<z.ZodInt>;

/** A whole number of at least `min`, or `unlimited`, which is read as Infinity. */
export function limit(
  standard: number,
  help: string,
  { min = 1, ...meta }: OptionMeta & { readonly min?: number } = {},
): LimitOption {
  const words = { error: `expected a whole number of at least ${min}, or unlimited` };
  return z.union([z.literal("unlimited"), z.int(words).min(min, words)], words).default(standard)
    .transform((value) => value === "unlimited" ? Infinity : value)
    .meta({ description: help, ...meta });
}

/** A bounded whole number. There are many, and each call of `min` or `max` would copy the schema. */
export function whole(
  standard: number,
  help: string,
  { min = 1, max = 86_400_000, ...meta }: OptionMeta & {
    readonly min?: number;
    readonly max?: number;
  } = {},
): WholeOption {
  return z.int().check(z.gte(min), z.lte(max)).default(standard).meta({
    description: help,
    ...meta,
  });
}

/** A bounded whole number without a default: undefined unless an operator gives it. */
export function wholeIfGiven(
  help: string,
  { min = 1, max = 86_400_000, ...meta }: OptionMeta & {
    readonly min?: number;
    readonly max?: number;
  } = {},
): z.ZodOptional<z.ZodInt> {
  return z.int().check(z.gte(min), z.lte(max)).optional().meta({ description: help, ...meta });
}

/** Milliseconds in each unit of a duration. */
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const MAX_DURATION_MS = 3_650 * 86_400_000;

/** A duration that people count in days or hours, as 30d, 12h, 45m, 90s or ms; read in ms. */
export function duration(help: string, meta: OptionMeta = {}): DurationOption {
  const words = {
    error: "expected a duration such as 30d, 12h, 45m, 90s, 500ms, or a number of ms",
  };
  return z.union([
    z.int(words).min(1, words).max(MAX_DURATION_MS, words),
    z.string(words).regex(/^[1-9]\d*(ms|[smhd])$/, words),
  ], words)
    .transform((value) => typeof value === "number" ? value : durationMs(value))
    .refine((ms) => ms <= MAX_DURATION_MS, "expected at most 3650d")
    .optional().meta({ description: help, ...meta });
}

/** A switch, off by default. */
export function toggle(help: string, meta: OptionMeta = {}): z.ZodDefault<z.ZodBoolean> {
  return z.boolean().default(false).meta({ description: help, ...meta });
}

/**
 * Partners that one client can call at once: a host has as many viewers, a newcomer to a room as
 * many members. Calls begin in bursts, therefore a client's burst scales with its partners. Its
 * rates do not, because established calls are nearly silent. Neither does the queue of a receiver,
 * because it bounds a flood: the whole burst of one client fits into the queue of another.
 */
const PARTNERS = 200;
/** Messages that begin one call: a description, 25 candidates, and a few more. */
const MESSAGES_PER_CALL = 30;
/** Bytes that begin one call: a description of audio and video has 8 KiB, a candidate under 1 KiB. */
const BYTES_PER_CALL = 32 * 1024;

/** A dialect's own defaults of its connection limits. */
export interface LinkLimitDefaults {
  readonly maxFrameBytes?: number;
  readonly framesPerSecond?: number;
  readonly identifyTimeoutMs: number;
  readonly maxQueuedBytes?: number;
}

/** The limits that every dialect has, under its own name. */
export function linkLimitOptions(
  {
    maxFrameBytes = MIB,
    framesPerSecond = 100,
    identifyTimeoutMs,
    maxQueuedBytes = 8 * MIB,
  }: LinkLimitDefaults,
): Record<keyof LinkLimits, LimitOption | WholeOption> {
  return {
    maxFrameBytes: whole(maxFrameBytes, "Largest message from a client, in bytes", {
      min: 1024,
      max: 16 * MIB,
    }),
    framesPerSecond: limit(framesPerSecond, "Messages per second from one client"),
    frameBurst: limit(
      PARTNERS * MESSAGES_PER_CALL,
      "Messages that a client may send at once beyond that",
    ),
    // One sender must not fill the queue of a receiver that reads as fast as it can.
    bytesPerSecond: limit(MIB, "Bytes per second from one client", { min: 1024 }),
    byteBurst: limit(
      PARTNERS * BYTES_PER_CALL,
      "Bytes that a client may send at once beyond that",
      { min: 1024 },
    ),
    identifyTimeoutMs: whole(identifyTimeoutMs, "Time until a client must identify itself, in ms"),
    maxHeldFrames: whole(1_000, "Messages held for a client that waits for its id"),
    floodTimeoutMs: whole(10_000, "Time above its rates after which a client is dropped, in ms"),
    floodPauseMs: whole(1_000, "Time within its rates that ends such an excess, in ms"),
    maxQueuedBytes: limit(maxQueuedBytes, "Bytes queued for one slow client", { min: 1024 }),
    stallTimeoutMs: whole(15_000, "Time after which a client that reads nothing is dropped, in ms"),
  };
}

function durationMs(text: string): number {
  return parseInt(text) * (UNITS[text.replace(/^\d+/, "")] ?? NaN);
}
