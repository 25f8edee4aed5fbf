import { assertEquals } from "@std/assert";
import { Tokens, tokensOption } from "../../../src/dialects/kit/tokens.ts";
import { problemsOf } from "../../helpers/session/config.ts";

const EVERYWHERE = "a-token-for-every-room";
const LOBBY = "a-token-for-the-lobby";

Deno.test("without tokens everybody is admitted everywhere", () => {
  const tokens = new Tokens([]);
  assertEquals(tokens.areNeeded, false);
  for (const token of [undefined, "", "anything"]) {
    assertEquals(tokens.judge(token, "lobby"), "admitted");
  }
});

Deno.test("a token is good for every room, or for those it is named with", () => {
  const tokens = new Tokens([EVERYWHERE, `${LOBBY}@lobby`, `${LOBBY}@a@b`]);
  assertEquals(tokens.areNeeded, true);
  for (const room of ["lobby", "a@b", "", "elsewhere"]) {
    assertEquals(tokens.judge(EVERYWHERE, room), "admitted");
  }
  const rooms = ["lobby", "a@b", "Lobby", "lobby ", "a", ""];
  assertEquals(rooms.map((room) => tokens.judge(LOBBY, room)), [
    "admitted",
    "admitted",
    ...Array(4).fill("elsewhere"),
  ]);
});

Deno.test("a missing token is not the same as a wrong one", () => {
  const tokens = new Tokens([EVERYWHERE, `${LOBBY}@lobby`]);
  assertEquals([tokens.judge(undefined, "lobby"), tokens.judge("", "lobby")], [
    "missing",
    "missing",
  ]);
  const wrong = [
    EVERYWHERE.slice(1),
    `${EVERYWHERE}x`,
    EVERYWHERE.toUpperCase(),
    `${LOBBY}@lobby`,
    "@lobby",
    "\ud800",
    "x".repeat(100_000),
  ];
  for (const token of wrong) {
    assertEquals(tokens.judge(token, "lobby"), "wrong", token.slice(0, 40));
  }
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
