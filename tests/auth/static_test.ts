import { assertEquals } from "@std/assert";
import type { Verdict } from "../../src/auth/authenticator.ts";
import { covers } from "../../src/auth/grants.ts";
import { StaticTokens } from "../../src/auth/static.ts";
import { tokensOption } from "../../src/dialects/kit/tokens.ts";
import { problemsOf } from "../helpers/session/config.ts";

const EVERYWHERE = "a-token-for-every-room";
const LOBBY = "a-token-for-the-lobby";

/** True if the verdict admits to a room. */
function admits(verdict: Verdict, room: string): boolean {
  return "identity" in verdict && covers(verdict.identity.grants.rooms, room);
}

function whyOf(verdict: Verdict): string {
  return "why" in verdict ? verdict.why : "granted";
}

Deno.test("without configured tokens none is needed", () => {
  assertEquals(new StaticTokens([]).areNeeded, false);
});

Deno.test("a token is good for every room, or for those it is named with", () => {
  const tokens = new StaticTokens([EVERYWHERE, `${LOBBY}@lobby`, `${LOBBY}@a@b`, `${LOBBY}@c*`]);
  assertEquals(tokens.areNeeded, true);
  for (const room of ["lobby", "a@b", "", "elsewhere"]) {
    assertEquals(admits(tokens.judge(EVERYWHERE), room), true);
  }
  const rooms = ["lobby", "a@b", "c*", "Lobby", "lobby ", "a", "", "cd"];
  const admitted = rooms.filter((room) => admits(tokens.judge(LOBBY), room));
  assertEquals(admitted, ["lobby", "a@b", "c*"]);
});

Deno.test("an id before a token is its user, and its only id", () => {
  const tokens = new StaticTokens([`alice:${EVERYWHERE}`, `bob:${LOBBY}@lobby`]);
  const verdict = tokens.judge(EVERYWHERE);
  const { user, grants } = "identity" in verdict ? verdict.identity : {};
  const ids = ["alice", "bob", "alice2", ""].filter((id) => grants && covers(grants.ids, id));
  assertEquals([user, ids], ["alice", ["alice"]]);
  assertEquals(whyOf(tokens.judge(`alice:${EVERYWHERE}`)), "denied");
  const other = tokens.judge(LOBBY);
  assertEquals([admits(other, "lobby"), admits(other, "attic")], [true, false]);
});

Deno.test("a missing token and a wrong one are refused with reasons of their own", () => {
  const tokens = new StaticTokens([EVERYWHERE, `${LOBBY}@lobby`]);
  assertEquals(whyOf(tokens.judge(undefined)), "missing");
  const wrong = [
    "",
    EVERYWHERE.slice(1),
    `${EVERYWHERE}x`,
    EVERYWHERE.toUpperCase(),
    `${LOBBY}@lobby`,
    "@lobby",
    "\ud800",
    "x".repeat(100_000),
  ];
  for (const token of wrong) assertEquals(whyOf(tokens.judge(token)), "denied", token.slice(0, 40));
});

Deno.test("the option takes tokens that a URL can hold, and none that could be guessed", () => {
  const option = tokensOption("ROOM");
  for (const token of [EVERYWHERE, "0123456789abcdef", `${LOBBY}@a room, with\nanything@in it`]) {
    assertEquals(option.safeParse([token]).success, true, token);
  }
  for (const token of ["", "0123456789abcde", `${LOBBY}@`, "short@long-room-name", `${LOBBY} x`]) {
    assertEquals(option.safeParse([token]).success, false, token);
  }
});

Deno.test("a token that cannot be used is not shown", () => {
  for (const dialect of ["ssp", "simple"]) {
    const [problem, ...others] = problemsOf({ args: [`--${dialect}-tokens`, "s3cret"] });
    assertEquals([problem?.includes(`--${dialect}-tokens`), others], [true, []]);
    assertEquals(problem?.includes("s3cret"), false);
  }
});
