/**
 * Fetches a text. Rejects for a redirect, which could lead anywhere, for another status than 200, and
 * for a text that is too long.
 */
export async function fetchText(
  url: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const response = await fetch(url, { redirect: "manual", signal });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const part of response.body) {
    bytes += part.length;
    if (bytes > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}
