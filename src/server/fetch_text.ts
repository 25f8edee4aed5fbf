import { messageOf } from "../system/errors.ts";

/** An HTTP answer. */
export interface Exchanged {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends a request and reads the answer as text. Follows no redirect, which could lead anywhere. Rejects
 * for an answer that is too long, with an Error whose message holds no query.
 */
export async function exchange(
  url: string,
  { maxBytes, ...init }: RequestInit & { readonly maxBytes: number },
): Promise<Exchanged> {
  try {
    const response = await fetch(url, { ...init, redirect: "manual" });
    return { status: response.status, text: await readText(response, maxBytes) };
  } catch (error) {
    throw new Error(faultOf(error), { cause: error });
  }
}

/** Fetches a text; rejects for another status than 200, too. */
export async function fetchText(
  url: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const { status, text } = await exchange(url, { maxBytes, signal });
  if (status !== 200) throw new Error(`status ${status}`);
  return text;
}

async function readText({ body }: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

/** The reason of a failed fetch. Newer runtimes have it in the cause, with a URL that may hold a secret. */
export function faultOf(error: unknown): string {
  const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return messageOf(reason).replace(/(https?:\/\/)(?:[^\s/?#]*@)?([^\s?#)]*)[^\s)]*/g, "$1$2");
}
