import { assertEquals } from "@std/assert";
import { OperatorAccess } from "../../src/admin/access.ts";
import { Problem } from "../../src/admin/problem.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const LONG = "a-token-that-no-guess-finds";

/** Shows tokens; the result is the operator's name, or the code of the refusal. */
function opened(): { show: (token: string, address?: string) => string; clock: FakeClock } {
  const clock = new FakeClock();
  const access = new OperatorAccess({
    tokens: () => [`ann:full:${LONG}`, "rob:read:short"],
    origins: [],
    requestsPerSecond: 50,
    requestBurst: 200,
    now: clock.now,
  });
  const show = (token: string, address = "192.0.2.1"): string => {
    const headers = { authorization: `Bearer ${token}` };
    try {
      return access.admit(new Request("http://admin/", { headers }), address).name;
    } catch (error) {
      if (error instanceof Problem) return error.code;
      throw error;
    }
  };
  return { show, clock };
}

Deno.test("after ten wrong tokens of an address a right short one is refused like them", () => {
  const { show, clock } = opened();
  for (let time = 0; time < 9; time++) assertEquals(show(`guess-${time}`), "unauthorized");
  assertEquals(show("short"), "rob");
  assertEquals(show("the-tenth-guess"), "unauthorized");
  assertEquals([show("short"), show("another-guess")], ["rate_limited", "rate_limited"]);
  // A long token cannot have been guessed, and another address has its own guesses.
  assertEquals([show(LONG), show("short", "192.0.2.2")], ["ann", "rob"]);
  clock.advance(60_000);
  assertEquals(show("short"), "rob");
});
