import type { Clock } from "../core/clock.ts";

/** A body that cannot be used. */
export type BodyFault = "too_large" | "too_slow" | "not_text";

/** Reads a request's body as text, within a size and a time; does not read on beyond either. */
export async function readBody(
  request: Request,
  { maxBytes, timeoutMs }: { readonly maxBytes: number; readonly timeoutMs: number },
  clock: Pick<Clock, "after">,
): Promise<{ readonly text: string } | { readonly fault: BodyFault }> {
  if (request.body === null) return { text: "" };
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return { fault: "too_large" };
  const reader = request.body.getReader();
  let isLate = false;
  using _timer = clock.after(timeoutMs, () => {
    isLate = true;
    reader.cancel().catch(() => {});
  });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.length;
      if (bytes > maxBytes) {
        reader.cancel().catch(() => {});
        return { fault: "too_large" };
      }
      text += decoder.decode(part.value, { stream: true });
    }
    text += decoder.decode();
    return isLate ? { fault: "too_slow" } : { text };
  } catch {
    // Cut off by the client, or no UTF-8.
    return { fault: isLate ? "too_slow" : "not_text" };
  }
}
