import { assertEquals } from "@std/assert";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Attempt } from "../../src/auth/authenticator.ts";
import { JwtJudge } from "../../src/auth/jwt.ts";
import { type KeySource, PublicKeys, readSecret, secretKeys } from "../../src/auth/keys.ts";
import { newAuthentication } from "../helpers/session/auth.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const CROWD = 100;
const SECRET = "a secret of more than thirty-two bytes";
const KEY_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];

/** Keys that verify an algorithm, and the key that signs. */
async function keysFor(alg: string): Promise<[KeySource, Uint8Array | CryptoKey]> {
  if (alg === "HS256") return [secretKeys([readSecret(SECRET)]), readSecret(SECRET)];
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return [new PublicKeys([await exportJWK(publicKey)]), privateKey];
}

for (const alg of ["HS256", ...KEY_ALGORITHMS]) {
  Deno.test(`${CROWD} clients of one address log in at once by ${alg}, with bad tokens among them`, async () => {
    const [keys, signer] = await keysFor(alg);
    const judge = new JwtJudge({
      keys,
      algorithms: [alg],
      audience: [],
      issuer: [],
      cacheTokens: 0,
      leewaySeconds: 0,
      claim: "signalbox",
      endsWithToken: false,
      clock: new FakeClock(),
      wallNow: Date.now,
    });
    const counts = new Map<string, number>();
    const auth = newAuthentication({
      clock: new FakeClock(),
      judge,
      dialects: ["ssp"],
      onOutcome: (_, outcome) => void counts.set(outcome, 1 + (counts.get(outcome) ?? 0)),
    });
    const attempts = Array.from({ length: CROWD }, async (_, nth): Promise<Attempt> => {
      const token = await new SignJWT({ sub: `user-${nth}` }).setProtectedHeader({ alg })
        .setExpirationTime(nth % 10 === 0 ? "-1m" : "10m").sign(signer);
      const facts = { dialect: "ssp", id: undefined, room: "lobby", address: "192.0.2.1" };
      const rest = { origin: undefined, userAgent: undefined, connection: String(nth) };
      return { ...facts, ...rest, token };
    });
    const all = await Promise.all(attempts);
    await Promise.all(all.map((attempt) => auth.check(attempt)));
    assertEquals(Object.fromEntries(counts), { granted: 90, expired: 10 });
  });
}
