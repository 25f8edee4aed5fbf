import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import type { JWK } from "jose";
import { PublicKeys, readKey, readSecret, secretKeys } from "../../src/auth/keys.ts";

Deno.test("a secret is imported once for each algorithm, and never can be read again", async () => {
  const source = secretKeys(
    ["a secret of more than thirty-two bytes", "x".repeat(64)].map(readSecret),
  );
  const [first, again, other] = [
    await source.find("HS256", undefined),
    await source.find("HS256", "kid"),
    await source.find("HS512", undefined),
  ];
  assertStrictEquals(first, again);
  const facts = [first, other].map((keys) =>
    keys === "unavailable" ? [] : keys.map(({ algorithm, extractable, usages }) => {
      const { hash } = algorithm as HmacKeyAlgorithm;
      return [algorithm.name, hash.name, extractable, ...usages];
    })
  );
  assertEquals(
    facts,
    ["SHA-256", "SHA-512"].map((hash) => [
      ["HMAC", hash, false, "verify"],
      ["HMAC", hash, false, "verify"],
    ]),
  );
});

/** A public key of RSA with so many bits, which nobody has made. */
function modulus(bits: number): JWK {
  const bytes = new Uint8Array(Math.ceil(bits / 8)).fill(255);
  bytes[0] = 255 >> (8 * bytes.length - bits);
  return { kty: "RSA", n: Buffer.from(bytes).toString("base64url"), e: "AQAB" };
}

Deno.test("a short key of RSA is a mistake in a file, and left out of a set", async () => {
  const read = (bits: number): JWK => readKey(JSON.stringify(modulus(bits)));
  assertEquals(read(2_048).kty, "RSA");
  assertThrows(() => read(2_047), TypeError, "expected an RSA key of at least 2048 bits");
  assertThrows(() => readKey('{"kty":"RSA"}'), TypeError, "at least 2048 bits");
  const short = generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey;
  assertThrows(() => readKey(short.export({ type: "spki", format: "pem" }) as string), TypeError);
  // The library would refuse every token for such a key, whichever others there are.
  const set = new PublicKeys([modulus(1_024), modulus(2_048)]);
  assertEquals((await set.find("RS256", undefined)).length, 1);
});
