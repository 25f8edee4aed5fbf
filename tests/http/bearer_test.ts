import { assert, assertEquals } from "@std/assert";
import { bearerAccess } from "../../src/http/bearer.ts";
import { Guesses } from "../../src/http/guesses.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { visitOf } from "../helpers/session/visit.ts";

const FIRST = "first-token-of-16";
const SECOND = "second-token-of-16";

type Answer = [status: number | undefined, header: string | null | undefined];

/** Shows tokens; the result is undefined for an admitted request. */
function opened(tokens: string[]): {
  readonly show: (bearer: string | undefined, address?: string) => Promise<Answer | undefined>;
  readonly clock: FakeClock;
} {
  const clock = new FakeClock();
  const access = bearerAccess(() => tokens, new Guesses(clock.now));
  assert(access !== "open");
  const show = async (
    bearer: string | undefined,
    address = "192.0.2.1",
  ): Promise<Answer | undefined> => {
    const response = await access({ ...visitOf("/metrics"), bearer, address });
    if (response === undefined) return undefined;
    const header = response.status === 429 ? "retry-after" : "www-authenticate";
    return [response.status, response.headers.get(header)];
  };
  return { show, clock };
}

Deno.test("with tokens a request shows one of them; the answer names the scheme", async () => {
  const tokens = [FIRST, SECOND];
  const { show } = opened(tokens);
  for (const token of tokens) assertEquals(await show(token), undefined);
  assertEquals(await show(undefined), [401, "Bearer"]);
  for (const wrong of ["", "first-token-of-1", `${FIRST}x`]) {
    assertEquals(await show(wrong), [401, "Bearer"]);
  }
  tokens.shift(); // A reload.
  assertEquals([await show(FIRST), await show(SECOND)], [[401, "Bearer"], undefined]);
});

Deno.test("without tokens everybody may read", async () => {
  assertEquals(await opened([]).show(undefined), undefined);
});

Deno.test("after ten wrong tokens of an address more are refused unread, as at the API", async () => {
  const { show, clock } = opened([FIRST, "short"]);
  for (let nth = 0; nth < 10; nth++) assertEquals((await show(`guess-${nth}`))?.[0], 401);
  assertEquals([await show("guess"), await show("short")], [[429, "60"], [429, "60"]]);
  // A scrape with a long token goes on, and so do other addresses. No token is no guess.
  assertEquals([await show(FIRST), await show("short", "192.0.2.2")], [undefined, undefined]);
  assertEquals(await show(undefined), [401, "Bearer"]);
  clock.advance(60_000);
  assertEquals(await show("short"), undefined);
});
