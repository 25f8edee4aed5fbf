import { Buffer } from "node:buffer";
import type { Clock } from "../core/clock.ts";

/** A body that cannot be used. */
export type BodyFault = "too_large" | "too_slow" | "not_text";

/** Bounds of one body. */
export interface BodyBounds {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Reads a request's body as text, within a size and a time; does not read on beyond either. */
export async function readBody(
  request: Request,
  bounds: BodyBounds,
  clock: Pick<Clock, "after">,
): Promise<{ readonly text: string } | { readonly fault: BodyFault }> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  const fault = await readParts(request, bounds, clock, (part) => {
    text += decoder.decode(part, { stream: part !== undefined });
  });
  return fault === undefined ? { text } : { fault };
}

/** The same for a body that is not text. */
export async function readBytes(
  request: Request,
  bounds: BodyBounds,
  clock: Pick<Clock, "after">,
): Promise<{ readonly bytes: Uint8Array } | { readonly fault: BodyFault }> {
  const parts: Uint8Array[] = [];
  const fault = await readParts(request, bounds, clock, (part) => {
    if (part !== undefined) parts.push(part);
  });
  return fault === undefined ? { bytes: Buffer.concat(parts) } : { fault };
}

/** @param take handed every part, then undefined for the end; may throw when it cannot use one */
async function readParts(
  request: Request,
  { maxBytes, timeoutMs }: BodyBounds,
  clock: Pick<Clock, "after">,
  take: (part: Uint8Array | undefined) => void,
): Promise<BodyFault | undefined> {
  if (request.body === null) return undefined;
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return "too_large";
  const reader = request.body.getReader();
  let isLate = false;
  using _timer = clock.after(timeoutMs, () => {
    isLate = true;
    reader.cancel().catch(() => {});
  });
  let bytes = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.length;
      if (bytes > maxBytes) {
        reader.cancel().catch(() => {});
        return "too_large";
      }
      take(part.value);
    }
    take(undefined);
    return isLate ? "too_slow" : undefined;
  } catch {
    // Cut off by the client, or no UTF-8.
    return isLate ? "too_slow" : "not_text";
  }
}
