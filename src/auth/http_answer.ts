import type { SignalError } from "../core/errors.ts";

const TYPE = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

/** The answer of an HTTP resource to a client whose token does not admit it. */
export function answerTo({ code, message }: SignalError): Response {
  const body = `${message}\n`;
  if (code === "auth_unavailable") {
    return new Response(body, { status: 503, headers: { ...TYPE, "retry-after": "5" } });
  }
  return new Response(body, { status: 401, headers: { ...TYPE, "www-authenticate": "Bearer" } });
}
