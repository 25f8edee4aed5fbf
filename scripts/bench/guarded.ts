import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { type Scenario, SCENARIOS } from "./scenarios.ts";

// A server that asks for tokens and that operators watch, and the clients that show one.

/** The secret that signs the clients' tokens. */
export const JWT_SECRET = "a secret of the benchmark, which is no secret";
export const ADMIN_TOKEN = "an-operator-of-the-benchmark";
const WEBHOOK_SECRET = `whsec_${btoa("a secret of twenty-four.")}`;
const FAR = 4_102_444_800; // the year 2100
/** Grants of all tokens. */
export const CLAIMS = { sub: "bench", exp: FAR, signalbox: { ids: ["*"] } } as const;

/** Signed here, because a scenario's path cannot wait. */
function signed(claims: unknown): string {
  const text = [{ alg: "HS256" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${createHmac("sha256", JWT_SECRET).update(text).digest("base64url")}`;
}

export const JWT = signed(CLAIMS);

/** Asks clients for tokens. */
export const JWT_FLAGS: readonly string[] = ["--auth-mode=jwt", `--auth-jwt-secret=${JWT_SECRET}`];

/** Opens everything that operators use; events go to a receiver. */
export function operatorFlags(webhook: string): string[] {
  return [
    "--metrics=/metrics",
    `--admin-tokens=${ADMIN_TOKEN}`,
    `--webhooks-url=${webhook}`,
    `--webhooks-secret=${WEBHOOK_SECRET}`,
  ];
}

/** The same dialects, whose clients show a token. */
export const GUARDED: readonly Scenario[] = [
  guarded("peerjs", ({ id }) => `/peerjs?key=${JWT}&id=${id}&token=wk6epsdnv1&version=1.5.5`),
  guarded("gstreamer", () => `/?token=${JWT}`),
];

function guarded(name: string, path: Scenario["path"]): Scenario {
  const plain = SCENARIOS.find((one) => one.name === name);
  if (plain === undefined) throw new RangeError(`Unknown scenario "${name}"`);
  return { ...plain, name: `${name}-jwt`, title: `${plain.title} with tokens`, path };
}
