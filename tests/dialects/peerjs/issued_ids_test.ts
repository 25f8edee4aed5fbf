import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { IssuedIds } from "../../../src/dialects/peerjs/issued_ids.ts";
import type { Secret } from "../../../src/core/kept.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function fixedSecret(current: Uint8Array): Secret {
  return { current, previous: undefined };
}

function withSecret(text: string): IssuedIds {
  return new IssuedIds(fixedSecret(Buffer.from(text)));
}

Deno.test("issued ids have the form of a UUID v4, and each is another one", () => {
  const ids = new IssuedIds(fixedSecret(randomBytes(32)));
  const issued = Array.from({ length: 1_000 }, () => ids.issue());
  for (const id of issued) assertMatch(id, UUID_V4);
  assertEquals(new Set(issued).size, issued.length);
});

Deno.test("an id is known to its issuer, and unknown with another key", () => {
  const [one, other] = [
    new IssuedIds(fixedSecret(randomBytes(32))),
    new IssuedIds(fixedSecret(randomBytes(32))),
  ];
  const id = one.issue();
  assertEquals([one.isIssued(id), other.isIssued(id)], [true, false]);
});

Deno.test("with one secret ids outlive a restart", () => {
  const id = withSecret("correct horse battery").issue();
  assertEquals(withSecret("correct horse battery").isIssued(id), true);
  assertEquals(withSecret("correct horse batterx").isIssued(id), false);
});

Deno.test("an id is good until its secret was rotated twice, and new ones are the new secret's", () => {
  const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const rotated = new IssuedIds({ current: second, previous: first });
  const id = new IssuedIds(fixedSecret(first)).issue();
  const other = new IssuedIds({ current: third, previous: second });
  assertEquals([rotated.isIssued(id), other.isIssued(id)], [true, false]);
  const later = rotated.issue();
  assertEquals(new IssuedIds(fixedSecret(second)).isIssued(later), true);
  assertEquals(new IssuedIds(fixedSecret(first)).isIssued(later), false);
});

Deno.test("an id that was changed in any place is not issued", () => {
  const ids = withSecret("correct horse battery");
  const id = ids.issue();
  for (let at = 0; at < id.length; at++) {
    for (const digit of ["0", "f", "x", "-"]) {
      const changed = id.slice(0, at) + digit + id.slice(at + 1);
      if (changed !== id) assertEquals(ids.isIssued(changed), false, `at ${at}: ${digit}`);
    }
  }
});

Deno.test("other spellings of an issued id are other ids", () => {
  const ids = withSecret("correct horse battery");
  const id = ids.issue();
  const upper = id.toUpperCase();
  assertNotEquals(upper, id);
  for (const other of [upper, id.replaceAll("-", ""), ` ${id}`, `${id} `, `${id}0`, `{${id}}`]) {
    assertEquals(ids.isIssued(other), false);
  }
});

Deno.test("no other text is an issued id, and none breaks the check", () => {
  const ids = withSecret("correct horse battery");
  const text = fc.oneof(anyText(40), fc.uuid({ version: 4 }), fc.constant(""));
  fc.assert(fc.property(text, (text) => assertEquals(ids.isIssued(text), false)));
});
