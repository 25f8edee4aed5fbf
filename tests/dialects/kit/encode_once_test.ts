import { assertEquals, assertStrictEquals } from "@std/assert";
import type { RoomEvent } from "../../../src/core/events.ts";
import { EncodeOnce } from "../../../src/dialects/kit/encode_once.ts";

function eventOf(id: string): RoomEvent {
  return { type: "joined", room: "r", peer: { id, dialect: "test", info: null } };
}

/** Writes the peer's id in a format, and counts how often it had to. */
function counting(): {
  make: (event: RoomEvent, format: string) => string[];
  made: string[];
} {
  const made: string[] = [];
  const make = ({ peer: { id } }: RoomEvent, format: string): string[] => {
    made.push(`${format} ${id}`);
    return [`${format} ${id}`];
  };
  return { make, made };
}

Deno.test("an event is written once in each format, for any number of receivers", () => {
  const { make, made } = counting();
  const news = new EncodeOnce<string>();
  const event = eventOf("x");
  const first = news.frames(event, "a", make);
  for (let member = 0; member < 10; member++) {
    assertStrictEquals(news.frames(event, "a", make), first);
    assertEquals(news.frames(event, "b", make), ["b x"]);
  }
  assertEquals(made, ["a x", "b x"]);
});

Deno.test("another event is written anew, also one that looks the same", () => {
  const { make, made } = counting();
  const news = new EncodeOnce<string>();
  for (const event of [eventOf("x"), eventOf("y"), eventOf("y")]) {
    assertEquals(news.frames(event, "a", make), [`a ${event.peer.id}`]);
  }
  assertEquals(made, ["a x", "a y", "a y"]);
});

Deno.test("news that come in the middle of other news mix up nothing", () => {
  const { make } = counting();
  const news = new EncodeOnce<string>();
  const [outer, inner] = [eventOf("outer"), eventOf("inner")];
  const told = [outer, inner, outer, inner, outer].map((event) => news.frames(event, "a", make)[0]);
  assertEquals(told, ["a outer", "a inner", "a outer", "a inner", "a outer"]);
});
