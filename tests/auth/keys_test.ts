import { assertEquals, assertStrictEquals } from "@std/assert";
import { readSecret, secretKeys } from "../../src/auth/keys.ts";

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
