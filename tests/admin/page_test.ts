import { assertEquals } from "@std/assert";
import { type Page, paginate } from "../../src/admin/page.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const COUNT = 20;

function page(size: number, cursor?: string): Promise<Page<{ nth: number; text: string }>> {
  return paginate({ limit: 1_000, cursor }, {
    items: Array.from({ length: COUNT }, (_, nth) => nth),
    placeOf: (nth) => [nth, 0],
    matches: () => true,
    view: (nth) => ({ nth, text: "x".repeat(size) }),
  }, new FakeClock());
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
    for (const { nth } of items) seen.push(nth);
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
