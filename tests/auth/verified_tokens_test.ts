import { assertEquals } from "@std/assert";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import type { Attempt, Verdict } from "../../src/auth/authenticator.ts";
import { JwtJudge } from "../../src/auth/jwt.ts";
import { type KeySource, PublicKeys } from "../../src/auth/keys.ts";
import { newAuthentication } from "../helpers/session/auth.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const ALG = "ES384";
const NOW = Math.floor(Date.now() / 1_000);
const { publicKey, privateKey } = await generateKeyPair(ALG, { extractable: true });
const JWK = await exportJWK(publicKey);

function sign(payload: JWTPayload = {}): Promise<string> {
  return new SignJWT({ sub: "alice", exp: NOW + 600, ...payload })
    .setProtectedHeader({ alg: ALG }).sign(privateKey);
}

/** A judge whose keys and time a test can change; it counts the signatures that are checked. */
class Bench implements Disposable {
  keys: KeySource = new PublicKeys([JWK]);
  nowMs = NOW * 1_000;
  checks = 0;
  readonly judge: JwtJudge;
  readonly #verify = crypto.subtle.verify;

  constructor(cacheTokens = 10) {
    this.judge = new JwtJudge({
      keys: { find: (alg, kid) => this.keys.find(alg, kid) },
      algorithms: [ALG],
      audience: [],
      issuer: [],
      cacheTokens,
      leewaySeconds: 30,
      claim: "signalbox",
      endsWithToken: true,
      clock: new FakeClock(),
      wallNow: () => this.nowMs,
    });
    crypto.subtle.verify = (...args: Parameters<SubtleCrypto["verify"]>) => {
      this.checks++;
      return this.#verify.apply(crypto.subtle, args);
    };
  }

  async show(token: string): Promise<string> {
    const verdict = await this.judge.judge(token);
    return "why" in verdict ? verdict.why : "granted";
  }

  [Symbol.dispose](): void {
    crypto.subtle.verify = this.#verify;
  }
}

Deno.test("a token's signature is checked once, and that of another token anew", async () => {
  using bench = new Bench();
  const [token, other] = [await sign(), await sign({ jti: "other" })];
  for (const one of [token, token, other, token, other]) {
    assertEquals(await bench.show(one), "granted");
  }
  assertEquals(bench.checks, 2);
  // The same claims with a changed signature are another token.
  const forged = `${token.slice(0, -4)}${token.endsWith("AAAA") ? "BBBB" : "AAAA"}`;
  assertEquals([await bench.show(forged), await bench.show(forged)], ["signature", "signature"]);
  assertEquals(bench.checks, 4);
});

Deno.test("a known token is checked anew when its time is over, or has not come", async () => {
  using bench = new Bench();
  const token = await sign({ nbf: NOW });
  for (const seconds of [0, 625, 635, -25, -35, 0]) {
    bench.nowMs = (NOW + seconds) * 1_000;
    await bench.show(token);
  }
  assertEquals(bench.checks, 3);
});

Deno.test("a known token is nothing without its key, and a reload of the same key checks it", async () => {
  using bench = new Bench();
  const token = await sign();
  await bench.show(token);
  bench.keys = new PublicKeys([JWK]);
  assertEquals([await bench.show(token), bench.checks], ["granted", 2]);
  const another = await generateKeyPair(ALG, { extractable: true });
  bench.keys = new PublicKeys([await exportJWK(another.publicKey)]);
  assertEquals(await bench.show(token), "signature");
  bench.keys = new PublicKeys([]);
  assertEquals(await bench.show(token), "key");
});

Deno.test("only so many tokens are known, the oldest is forgotten, and 0 remembers none", async () => {
  const tokens = await Promise.all(["a", "b", "c"].map((sub) => sign({ sub })));
  const [a = "", b = "", c = ""] = tokens;
  {
    using bench = new Bench(2);
    for (const token of [a, b, c, b, c]) await bench.show(token);
    assertEquals(bench.checks, 3);
    await bench.show(a);
    assertEquals(bench.checks, 4);
  }
  using bench = new Bench(0);
  for (const token of [a, a]) await bench.show(token);
  assertEquals(bench.checks, 2);
});

Deno.test("a known token does not let a banned user in, nor an id that it does not grant", async () => {
  using bench = new Bench();
  let isBanned = false;
  const auth = newAuthentication({
    clock: new FakeClock(),
    judge: bench.judge,
    dialects: ["peerjs"],
    isBanned: () => isBanned,
  });
  const token = await sign();
  const attempt = async (id: string): Promise<string> => {
    const facts = { dialect: "peerjs", room: undefined, address: "192.0.2.1", connection: "1" };
    const one: Attempt = { ...facts, token, id, origin: undefined, userAgent: undefined };
    const verdict: Verdict = await auth.check(one);
    return "why" in verdict ? verdict.why : "granted";
  };
  assertEquals([await attempt("alice"), await attempt("bob")], ["granted", "id"]);
  isBanned = true;
  assertEquals([await attempt("alice"), bench.checks], ["denied", 1]);
});
