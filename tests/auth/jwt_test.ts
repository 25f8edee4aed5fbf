import { assertEquals } from "@std/assert";
import {
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from "jose";
import type { Verdict, Why } from "../../src/auth/authenticator.ts";
import { covers } from "../../src/auth/grants.ts";
import { Jwks } from "../../src/auth/jwks.ts";
import { JwtJudge, type JwtOptions } from "../../src/auth/jwt.ts";
import {
  type KeySource,
  PublicKeys,
  readKey,
  readSecret,
  secretKeys,
} from "../../src/auth/keys.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

const SECRET = "a secret of more than thirty-two bytes";
const OTHER = "another secret of thirty-two bytes and more";
const NOW = Math.floor(Date.now() / 1_000);
const GOOD: JWTPayload = { sub: "alice", exp: NOW + 600 };

function judgeOf(keys: KeySource, more: Partial<JwtOptions> = {}): JwtJudge {
  return new JwtJudge({
    keys,
    algorithms: ["HS256"],
    audience: [],
    issuer: [],
    cacheTokens: 0,
    leewaySeconds: 30,
    claim: "signalbox",
    endsWithToken: false,
    clock: new FakeClock(),
    wallNow: () => NOW * 1_000,
    ...more,
  });
}

const secrets = (...texts: string[]): KeySource => secretKeys(texts.map(readSecret));

function sign(
  payload: JWTPayload,
  { secret = SECRET, header = {} }: { secret?: string; header?: Record<string, unknown> } = {},
): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: "HS256", ...header })
    .sign(readSecret(secret));
}

/** A token whose payload is this very text. */
function signText(payload: string): Promise<string> {
  return new CompactSign(new TextEncoder().encode(payload)).setProtectedHeader({ alg: "HS256" })
    .sign(readSecret(SECRET));
}

/** A token with a header parameter that has to be understood, and is not. */
function signCritical(): Promise<string> {
  const header = { alg: "HS256", crit: ["urn:x"], "urn:x": 1 };
  return new SignJWT(GOOD).setProtectedHeader(header)
    .sign(readSecret(SECRET), { crit: { "urn:x": true } });
}

async function outcome(verdict: Verdict | Promise<Verdict>): Promise<Why | "granted"> {
  const settled = await verdict;
  return "why" in settled ? settled.why : "granted";
}

Deno.test("a token is refused by the first check that it fails", async () => {
  const judge = judgeOf(secrets(SECRET));
  const unsigned = btoa('{"alg":"none"}').replaceAll("=", "");
  const good = await sign(GOOD);
  const cases: [token: string, expected: Why | "granted"][] = [
    [good, "granted"],
    [await sign(GOOD, { secret: OTHER }), "signature"],
    [`${good.slice(0, -6)}AAAAAA`, "signature"],
    [await sign({ ...GOOD, exp: NOW - 20 }), "granted"],
    [await sign({ ...GOOD, exp: NOW - 60 }), "expired"],
    [await sign({ ...GOOD, nbf: NOW + 20 }), "granted"],
    [await sign({ ...GOOD, nbf: NOW + 60 }), "not_yet"],
    [await sign({ sub: "alice" }), "claims"],
    [await sign({ exp: NOW + 600 }), "claims"],
    [await sign({ ...GOOD, sub: "" }), "claims"],
    [await sign({ ...GOOD, sub: "x".repeat(513) }), "claims"],
    [await sign({ ...GOOD, sub: "a\nb" }), "claims"],
    // No ban could name this user.
    [await signText(`{"sub":"\\ud800","exp":${NOW + 600}}`), "claims"],
    [await sign({ ...GOOD, aud: "somebody" }), "audience"],
    [await sign(GOOD, { header: { alg: "HS512" } }), "algorithm"],
    [`${unsigned}.${good.split(".")[1]}.`, "algorithm"],
    [await signCritical(), "malformed"],
    ["", "malformed"],
    ["no token", "malformed"],
    ["a.b.c", "malformed"],
  ];
  for (const [token, expected] of cases) {
    assertEquals(await outcome(judge.judge(token)), expected, token.slice(0, 60));
  }
  assertEquals(await outcome(judge.judge(undefined)), "missing");
});

Deno.test("audience and issuer have to be among the configured ones", async () => {
  const judge = judgeOf(secrets(SECRET), { audience: ["a", "b"], issuer: ["i"] });
  const check = async (more: JWTPayload): Promise<Why | "granted"> =>
    outcome(judge.judge(await sign({ ...GOOD, ...more })));
  assertEquals(await check({ aud: ["x", "b"], iss: "i" }), "granted");
  assertEquals(await check({ aud: "x", iss: "i" }), "audience");
  assertEquals(await check({ iss: "i" }), "audience");
  assertEquals(await check({ aud: "a", iss: "j" }), "issuer");
});

Deno.test("all configured secrets are tried, so that they can be rotated", async () => {
  const judge = judgeOf(secrets(OTHER, `base64:${btoa(SECRET)}`));
  assertEquals(await outcome(judge.judge(await sign(GOOD))), "granted");
});

Deno.test("a claim holds the grants, and one that is not understood refuses the token", async () => {
  const judge = judgeOf(secrets(SECRET));
  const check = async (claim: unknown): Promise<Verdict> =>
    judge.judge(await sign({ ...GOOD, signalbox: claim }));
  const verdict = await check({ ids: ["{sub}-*", "x"], rooms: ["lobby"], roles: ["consume"] });
  const { grants } = "identity" in verdict ? verdict.identity : {};
  const ids = ["alice", "alice-1", "x", "xy"].filter((id) => grants && covers(grants.ids, id));
  assertEquals([ids, grants?.roles], [["alice-1", "x"], ["consume"]]);
  for (const claim of [{ rooms: "lobby" }, { room: ["lobby"] }, [], "all", { roles: ["admin"] }]) {
    assertEquals(await outcome(check(claim)), "claims", JSON.stringify(claim));
  }
});

Deno.test("a connection ends at `until`, and with its token where that is configured", async () => {
  const end = async (claim: unknown, endsWithToken: boolean): Promise<number | undefined> => {
    const clock = new FakeClock();
    const judge = judgeOf(secrets(SECRET), { endsWithToken, clock });
    const verdict = await judge.judge(await sign({ ...GOOD, signalbox: claim }));
    if (!("identity" in verdict)) return -1;
    const { expiresAt } = verdict.identity;
    return expiresAt === undefined ? undefined : expiresAt - clock.now();
  };
  assertEquals(await end({}, false), undefined);
  assertEquals(await end({}, true), 630_000);
  assertEquals(await end({ until: NOW + 60 }, true), 60_000);
  assertEquals(await end({ until: NOW + 60 }, false), 60_000);
  assertEquals(await end({ until: NOW - 1 }, false), -1);
});

const STANDARD = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
/** Those that count where they are named. */
const NAMED = ["RS384", "RS512", "PS384", "PS512", "ES512"];

for (const alg of [...STANDARD, ...NAMED]) {
  Deno.test(`${alg}: a public key in PEM or JWK form verifies, and another one does not`, async () => {
    const pair = await generateKeyPair(alg, { extractable: true });
    const other = await generateKeyPair(alg, { extractable: true });
    const token = await new SignJWT(GOOD).setProtectedHeader({ alg, kid: "k" })
      .sign(pair.privateKey);
    const pem = await exportSPKI(pair.publicKey);
    const jwk = JSON.stringify(await exportJWK(pair.publicKey));
    const wrong = JSON.stringify(await exportJWK(other.publicKey));
    const check = (text: string): Promise<Why | "granted"> =>
      outcome(judgeOf(new PublicKeys([readKey(text)]), { algorithms: [alg] }).judge(token));
    assertEquals([await check(pem), await check(jwk), await check(wrong)], [
      "granted",
      "granted",
      "signature",
    ]);
  });
}

Deno.test("HS384 and HS512 count where they are named", async () => {
  const secret = `${SECRET}, long enough for a hash of sixty-four bytes`;
  const algorithms = ["HS384", "HS512"];
  const judge = judgeOf(secrets(secret), { algorithms });
  for (const alg of algorithms) {
    assertEquals(
      await outcome(judge.judge(await sign(GOOD, { secret, header: { alg } }))),
      "granted",
    );
  }
  assertEquals(await outcome(judge.judge(await sign(GOOD, { secret }))), "algorithm");
});

Deno.test("each key without an id is tried if it fits the algorithm", async () => {
  const pairs = await Promise.all(
    ["RS256", "ES256", "ES256", "ES256"].map((alg) => generateKeyPair(alg, { extractable: true })),
  );
  const jwks = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)));
  const judge = judgeOf(new PublicKeys(jwks.slice(0, 3)), { algorithms: ["RS256", "ES256"] });
  const expected = ["granted", "granted", "granted", "signature"];
  for (const [nth, { privateKey }] of pairs.entries()) {
    for (const kid of [undefined, "k"]) {
      const header = { alg: nth === 0 ? "RS256" : "ES256", ...(kid && { kid }) };
      const token = await new SignJWT(GOOD).setProtectedHeader(header).sign(privateKey);
      assertEquals(await outcome(judge.judge(token)), expected[nth]);
    }
  }
});

Deno.test("a public key is never taken for a secret, nor a secret for a key", async () => {
  const pair = await generateKeyPair("RS256", { extractable: true });
  const pem = await exportSPKI(pair.publicKey);
  const forged = await sign(GOOD, { secret: pem });
  const judge = judgeOf(new PublicKeys([readKey(pem)]), { algorithms: ["RS256", "HS256"] });
  assertEquals(await outcome(judge.judge(forged)), "key");
});

/** A key set that the test publishes. */
async function publish(...kids: string[]): Promise<{ text: string; tokens: string[] }> {
  const made = await Promise.all(kids.map(async (kid) => {
    const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
    const header = { alg: "ES256", kid };
    const token = await new SignJWT(GOOD).setProtectedHeader(header).sign(privateKey);
    return { jwk: { ...await exportJWK(publicKey), kid }, token };
  }));
  const text = JSON.stringify({ keys: made.map(({ jwk }) => jwk) });
  return { text, tokens: made.map(({ token }) => token) };
}

Deno.test("a rotated key set is fetched for an unknown key, once per cooldown whatever comes", async () => {
  const clock = new FakeClock();
  const [first, second] = [await publish("a"), await publish("b")];
  let [text, fetches] = [first.text, 0];
  using keys = new Jwks({
    read: () => {
      fetches++;
      return text === "" ? Promise.reject(new Error("down")) : Promise.resolve(text);
    },
    cacheMs: 600_000,
    cooldownMs: 30_000,
    timeoutMs: 5_000,
    clock,
    onRead: () => {},
  });
  const judge = judgeOf(keys, { algorithms: ["ES256"] });
  const check = (token = ""): Promise<Why | "granted"> => outcome(judge.judge(token));
  assertEquals(await check(first.tokens[0]), "granted");
  text = second.text;
  // Within the cooldown nothing is fetched, whatever clients send.
  assertEquals([await check(second.tokens[0]), fetches], ["key", 1]);
  clock.advance(30_000);
  assertEquals([await check(second.tokens[0]), fetches], ["granted", 2]);
  // The set replaces the old one as a whole.
  assertEquals(await check(first.tokens[0]), "key");
  // The last good set stays while no other can be had, for a day.
  text = "";
  clock.advance(3_600_000);
  await settle();
  assertEquals([await check(second.tokens[0]), judge.trouble], ["granted", undefined]);
  clock.advance(24 * 3_600_000);
  await settle();
  assertEquals([await check(second.tokens[0]), judge.trouble], ["unavailable", "no keys"]);
});

Deno.test("before the first key set, and after an invalid one, tokens are unavailable", async () => {
  const clock = new FakeClock();
  const { text, tokens: [token = ""] } = await publish("a");
  for (const bad of ["no JSON", "{}", JSON.stringify({ keys: Array(101).fill({}) })]) {
    let served = bad;
    using keys = new Jwks({
      read: () => Promise.resolve(served),
      cacheMs: 600_000,
      cooldownMs: 30_000,
      timeoutMs: 5_000,
      clock,
      onRead: () => {},
    });
    const judge = judgeOf(keys, { algorithms: ["ES256"] });
    assertEquals([await outcome(judge.judge(token)), judge.trouble], ["unavailable", "no keys"]);
    served = text;
    clock.advance(30_000);
    assertEquals([await outcome(judge.judge(token)), judge.trouble], ["granted", undefined]);
  }
});
