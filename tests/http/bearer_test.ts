import { assert, assertEquals } from "@std/assert";
import { bearerAccess } from "../../src/http/bearer.ts";
import { visitOf } from "../helpers/session/visit.ts";

const FIRST = "first-token-of-16";
const SECOND = "second-token-of-16";

Deno.test("with tokens a request shows one of them; the answer names the scheme", async () => {
  let tokens = [FIRST, SECOND];
  const access = bearerAccess(() => tokens);
  assert(access !== "open");
  const answer = (bearer: string | undefined) => access({ ...visitOf("/metrics"), bearer });
  for (const token of tokens) assertEquals(await answer(token), undefined);
  for (const wrong of [undefined, "", "first-token-of-1", `${FIRST}x`]) {
    const response = await answer(wrong);
    assertEquals([response?.status, response?.headers.get("www-authenticate")], [401, "Bearer"]);
  }
  // A reload.
  tokens = [SECOND];
  assertEquals((await answer(FIRST))?.status, 401);
  assertEquals(await answer(SECOND), undefined);
});

Deno.test("without tokens everybody may read", () => {
  const access = bearerAccess(() => []);
  assert(access !== "open");
  assertEquals(access(visitOf("/metrics")), undefined);
});
