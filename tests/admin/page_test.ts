import { assert, assertEquals } from "@std/assert";
import { answerWith, type Page, paginate } from "../../src/admin/page.ts";
import { Turns } from "../../src/core/breaks.ts";
import { systemClock } from "../../src/system/clock.ts";
import { TurningClock } from "../helpers/session/turning_clock.ts";

const COUNT = 20;

function page(size: number, cursor?: string): Promise<Page<{ nth: number; text: string }>> {
  return paginate({ limit: 1_000, cursor }, {
    items: Array.from({ length: COUNT }, (_, nth) => nth),
    placeOf: (nth) => [nth, 0],
    matches: () => true,
    view: (nth) => ({ nth, text: "x".repeat(size) }),
  }, new Turns(systemClock));
}

Deno.test("a page of large items ends before its limit, and the next one goes on", async () => {
  const seen: number[] = [];
  const counts: number[] = [];
  let next: string | null | undefined;
  do {
    const { items, total, ...more }: Awaited<ReturnType<typeof page>> = await page(
      100_000,
      next ?? undefined,
    );
    assertEquals(total, COUNT);
    for (const text of items) seen.push(JSON.parse(text).nth);
    counts.push(items.length);
    next = more.next;
  } while (next !== null);
  assertEquals(seen, Array.from({ length: COUNT }, (_, nth) => nth));
  assertEquals(counts, [7, 7, 6]);
});

Deno.test("one item is a page, however large it is", async () => {
  const { items, next } = await page(1_000_000);
  assertEquals([items.length, next === null], [1, false]);
});

Deno.test("a page begins in a turn of its own, and the next item may be in another", async () => {
  const clock = new TurningClock();
  const seen: number[] = [];
  const made = paginate({ limit: COUNT }, {
    items: Array.from({ length: COUNT }, (_, nth) => nth),
    placeOf: (nth) => [nth],
    matches: () => true,
    view: (nth) => {
      seen.push(nth);
      if (nth === 0) clock.advance(1); // an item that takes long
      return nth;
    },
  }, new Turns(clock));
  const settle = async (): Promise<void> => {
    for (let step = 0; step < 50; step++) await Promise.resolve();
  };
  await settle();
  assertEquals(seen, []);
  clock.advance(0);
  await settle();
  assert(seen.length > 0 && seen.length < COUNT, `${seen.length} items`);
  clock.advance(0);
  assertEquals((await made).items.length, COUNT);
});

Deno.test("a page's answer is JSON, which is made once for each item", async () => {
  let times = 0;
  const page = await paginate({ limit: 2 }, {
    items: [1, 2, 3],
    placeOf: (nth) => [nth],
    matches: () => true,
    view: (nth) => ({ toJSON: () => ({ nth, times: ++times }) }),
  }, new Turns(systemClock));
  const response = answerWith(page);
  assertEquals(response.headers.get("content-type"), "application/json");
  const items = [{ nth: 1, times: 1 }, { nth: 2, times: 2 }];
  assertEquals(await response.json(), { items, next: page.next, total: 3 });
  assertEquals(times, 2);
});
