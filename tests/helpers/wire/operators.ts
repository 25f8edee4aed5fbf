import { startTestServer, type TestServer } from "./server.ts";

export const FULL_TOKEN = "a-full-token-of-an-operator";
export const READ_TOKEN = "a-read-token-of-an-operator";
/** The options for two operators: Ann may do everything, Rob reads. */
export const OPERATOR_TOKENS: readonly string[] = [
  "--admin-tokens",
  `ann:full:${FULL_TOKEN}`,
  "--admin-tokens",
  `rob:read:${READ_TOKEN}`,
];

/** Starts a server with an API for these two. */
export function startForOperators(...args: readonly string[]): TestServer {
  return startTestServer({ args: [...OPERATOR_TOKENS, ...args] });
}
