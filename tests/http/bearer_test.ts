import { assert, assertEquals } from "@std/assert";
import { bearerAccess } from "../../src/http/bearer.ts";
import { visitOf } from "../helpers/session/visit.ts";

const FIRST = "first-token-of-16";
const SECOND = "second-token-of-16";

Deno.test("with tokens a request shows one of them; the answer names the scheme", async () => {
  const access = bearerAccess([FIRST, SECOND]);
  assert(access !== "open");
  const answer = (bearer: string | undefined) => access({ ...visitOf("/metrics"), bearer });
  for (const token of [FIRST, SECOND]) assertEquals(await answer(token), undefined);
  for (const wrong of [undefined, "", "first-token-of-1", `${FIRST}x`]) {
    const response = await answer(wrong);
    assertEquals([response?.status, response?.headers.get("www-authenticate")], [401, "Bearer"]);
  }
});

Deno.test("without tokens everybody may read", () => {
  assertEquals(bearerAccess([]), "open");
});
