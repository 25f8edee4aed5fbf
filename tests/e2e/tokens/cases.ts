import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import type { Why } from "../../../src/auth/authenticator.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import { startTestServer, type TestServer } from "../../helpers/wire/server.ts";

// Tokens of every mode, each of which fails one check or none.

/** One token, and the check that it fails. */
export interface TokenCase {
  readonly name: string;
  readonly token: string | undefined;
  /** Undefined if its holder is admitted. */
  readonly why: Why | undefined;
  /** Brings about the situation in which the token is shown. */
  readonly prepare?: () => void;
}

/** A server of one mode, and what clients show to it in this order. */
export interface TokenStage extends AsyncDisposable {
  readonly server: TestServer;
  readonly cases: readonly TokenCase[];
}

/** The id that all clients choose, and the room that they enter. */
export const USER = "alice";
export const ROOM = "lobby";

const SECRET = "a secret of more than thirty-two bytes";
const GOOD: JWTPayload = { sub: USER, aud: "calls", iss: "login" };
/** Refusals are not delayed, for one address shows many tokens. */
const AT_ONCE = "--auth-max-delay-ms=0";
const COOLDOWN_MS = 30_000;
const WEBHOOK_MS = 2_000;

interface Signing {
  readonly secret?: string;
  readonly alg?: string;
  /** End of the token. */
  readonly end?: string;
}

async function sign(payload: JWTPayload, options: Signing = {}): Promise<string> {
  const { secret = SECRET, alg = "HS256", end = "10m" } = options;
  return await new SignJWT({ ...GOOD, ...payload }).setProtectedHeader({ alg })
    .setExpirationTime(end).sign(new TextEncoder().encode(secret));
}

/** A token that is good but for its grants. */
function granting(signalbox: Readonly<Record<string, unknown>>): Promise<string> {
  return sign({ signalbox });
}

async function openJwtStage(): Promise<TokenStage> {
  const args = ["--auth-mode=jwt", "--auth-jwt-secret", SECRET, AT_ONCE];
  const server = startTestServer({
    args: [...args, "--auth-jwt-audience=calls", "--auth-jwt-issuer=login"],
  });
  const inAnHour = Math.floor(Date.now() / 1_000) + 3_600;
  const long = `${SECRET}, long enough for a hash of sixty-four bytes`;
  const cases: readonly (readonly [name: string, token: string | undefined, why?: Why])[] = [
    ["a right token", await sign({})],
    ["no token", undefined, "missing"],
    ["a word that is no token", "no-token-at-all", "malformed"],
    ["the token of another secret", await sign({}, { secret: `${SECRET}!` }), "signature"],
    ["an expired token", await sign({}, { end: "-10m" }), "expired"],
    ["a token of the future", await sign({ nbf: inAnHour }, { end: "2h" }), "not_yet"],
    ["a token for another audience", await sign({ aud: "chats" }), "audience"],
    ["a token of another issuer", await sign({ iss: "nobody" }), "issuer"],
    ["another algorithm", await sign({}, { alg: "HS512", secret: long }), "algorithm"],
    ["a grant that is not understood", await granting({ colour: "red" }), "claims"],
    ["a token for another protocol", await granting({ dialects: [] }), "dialect"],
    ["a token for another id", await granting({ ids: ["bob"] }), "id"],
    ["a token for another room", await granting({ rooms: ["attic"] }), "room"],
  ];
  return {
    server,
    cases: cases.map(([name, token, why]) => ({ name, token, why })),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** A key of the issuer, and a token that it signed. */
async function makeKey(kid: string): Promise<{ set: string; token: string }> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const set = JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid }] });
  const token = await new SignJWT(GOOD).setProtectedHeader({ alg: "ES256", kid })
    .setExpirationTime("10m").sign(privateKey);
  return { set, token };
}

async function openKeySetStage(): Promise<TokenStage> {
  const [older, newer] = [await makeKey("older"), await makeKey("newer")];
  let set: string | undefined;
  const issuer = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => set === undefined ? new Response("down", { status: 503 }) : new Response(set),
  );
  const clock = new FakeClock();
  const args = ["--auth-mode=jwt", "--auth-jwt-audience=calls", AT_ONCE];
  const url = `http://127.0.0.1:${issuer.addr.port}/keys`;
  const server = startTestServer({ args: [...args, "--auth-jwks", url], clock });
  const publish = (keys: string) => (): void => {
    set = keys;
    clock.advance(COOLDOWN_MS);
  };
  return {
    server,
    cases: [
      { name: "no key set yet", token: older.token, why: "unavailable" },
      { name: "a key", token: older.token, why: undefined, prepare: publish(older.set) },
      { name: "a rotated key", token: newer.token, why: undefined, prepare: publish(newer.set) },
      { name: "the key before", token: older.token, why: "key" },
    ],
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await issuer.shutdown();
    },
  };
}

function openWebhookStage(): TokenStage {
  const clock = new FakeClock();
  const ended = Promise.withResolvers<void>();
  const answers: Readonly<Record<string, () => Response | Promise<Response>>> = {
    "an-admitted-token": () => Response.json({ allow: true, sub: USER }),
    "a-denied-token": () => Response.json({ allow: false, reason: "has not paid" }),
    "a-forbidden-token": () => new Response(null, { status: 403 }),
    "a-failing-token": () => new Response("down", { status: 500 }),
    "a-slow-token": async () => {
      clock.advance(WEBHOOK_MS);
      await ended.promise;
      return new Response();
    },
  };
  const webhook = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { data } = await request.json() as { data: { token: string | null } };
      return await answers[data.token ?? ""]?.() ?? Response.json({ allow: false });
    },
  );
  const args = [
    "--auth-mode=webhook",
    "--auth-webhook-url",
    `http://127.0.0.1:${webhook.addr.port}`,
  ];
  const secret = ["--auth-webhook-secret", `whsec_${btoa("a secret of twenty-four.")}`];
  const times = [`--auth-webhook-timeout-ms=${WEBHOOK_MS}`, "--auth-webhook-retries=0", AT_ONCE];
  const server = startTestServer({ args: [...args, ...secret, ...times], clock });
  const whys: Readonly<Record<string, Why | undefined>> = {
    "an-admitted-token": undefined,
    "a-denied-token": "denied",
    "a-forbidden-token": "denied",
    "a-failing-token": "unavailable",
    "a-slow-token": "unavailable",
  };
  return {
    server,
    cases: Object.entries(whys).map(([token, why]) => ({ name: token, token, why })),
    [Symbol.asyncDispose]: async () => {
      ended.resolve();
      await server.stop();
      await webhook.shutdown();
    },
  };
}

/** The modes in which tokens are more than words of a list. */
export const STAGES: Readonly<Record<string, () => TokenStage | Promise<TokenStage>>> = {
  "secrets": openJwtStage,
  "a key set": openKeySetStage,
  "a webhook": openWebhookStage,
};
