import { assertEquals } from "@std/assert";
import { byCode, CODES, ERROR_CODES, isFatal } from "../../src/core/errors.ts";

const FAMILIES = {
  frame: "frame",
  rate: "rate",
  identity: "identity",
  peer: "peer",
  room: "room",
  capacity: "capacity",
  description: "description",
  policy: "policy",
  door: "door",
  fault: "fault",
} as const;

Deno.test("byCode() answers every code by its family", () => {
  const answers = byCode<string>(FAMILIES);
  assertEquals(Object.keys(answers), ERROR_CODES as string[]);
  for (const code of ERROR_CODES) assertEquals(answers[code], CODES[code].family);
});

Deno.test("byCode() prefers an exception to its family", () => {
  const answers = byCode<string>(FAMILIES, { room_full: "full" });
  assertEquals(answers.room_full, "full");
  assertEquals(answers.rooms_full, "capacity");
});

Deno.test("every refusal of a connection ends it", () => {
  const door = ERROR_CODES.filter((code) => CODES[code].family === "door");
  assertEquals(door.filter(isFatal), door);
  assertEquals([isFatal("bad_frame"), isFatal("internal")], [false, true]);
});
