import { assertEquals, assertRejects } from "@std/assert";
import { Idempotency } from "../../src/admin/idempotency.ts";
import { Problem } from "../../src/admin/problem.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const REQUEST = { method: "POST", path: "/reload", token: "anns", body: "{}" };

Deno.test("a key gets its first answer for ten minutes, by method, path and operator", async () => {
  const clock = new FakeClock();
  const idempotency = new Idempotency(clock.now);
  let calls = 0;
  const once = async (request = REQUEST): Promise<string> => {
    const carryOut = () => Promise.resolve(new Response(`${++calls}`));
    return await (await idempotency.once("key", request, carryOut)).text();
  };
  assertEquals([await once(), await once()], ["1", "1"]);
  assertEquals(await once({ ...REQUEST, token: "bobs" }), "2");
  assertEquals(await once({ ...REQUEST, path: "/drain" }), "3");
  clock.advance(600_000);
  assertEquals(await once(), "4");
});

Deno.test("the same key with another body is a conflict, and a long one is refused", async () => {
  const idempotency = new Idempotency(new FakeClock().now);
  const answer = () => Promise.resolve(new Response("x"));
  await idempotency.once("key", REQUEST, answer);
  const other = { ...REQUEST, body: '{"exit":true}' };
  await assertRejects(() => idempotency.once("key", other, answer), Problem, "conflict");
  const long = "k".repeat(129);
  await assertRejects(() => idempotency.once(long, REQUEST, answer), Problem, "invalid_request");
});

Deno.test("only so many answers are kept, and the oldest is forgotten first", async () => {
  const idempotency = new Idempotency(new FakeClock().now);
  let calls = 0;
  const once = async (key: string): Promise<string> => {
    const carryOut = () => Promise.resolve(new Response(`${++calls}`));
    return await (await idempotency.once(key, REQUEST, carryOut)).text();
  };
  for (let nth = 1; nth <= 1_000; nth++) await once(`${nth}`);
  assertEquals([await once("1"), calls], ["1", 1_000]);
  await once("one more");
  assertEquals([await once("2"), await once("1"), calls], ["2", "1002", 1_002]);
});
