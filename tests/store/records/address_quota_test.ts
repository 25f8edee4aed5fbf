import { assertEquals } from "@std/assert";
import { AddressQuota } from "../../../src/store/records/address_quota.ts";

const HOUR = 3_600_000;

function newQuota(
  now: () => number,
  more: { perHour?: number; maxAddresses?: number } = {},
): AddressQuota {
  const keyOf = (address: string): string => address.split(":")[0] ?? "";
  return new AddressQuota({ perHour: 2, burst: 3, maxAddresses: 100, now, keyOf, ...more });
}

function taken(quota: AddressQuota, address: string): number {
  let count = 0;
  while (count < 100 && quota.take(address)) count++;
  return count;
}

Deno.test("an address has a burst, and so many more per hour", () => {
  let now = 0;
  const quota = newQuota(() => now);
  assertEquals([taken(quota, "a"), taken(quota, "a"), taken(quota, "b")], [3, 0, 3]);
  now += HOUR / 2;
  assertEquals([taken(quota, "a:1"), taken(quota, "a:2")], [1, 0]);
  now += 100 * HOUR;
  assertEquals(taken(quota, "a"), 3);
});

Deno.test("unlimited is unlimited", () => {
  assertEquals(taken(newQuota(() => 0, { perHour: Infinity }), "a"), 100);
});

Deno.test("addresses are forgotten when they are full again, and the oldest where there are too many", () => {
  let now = 0;
  const quota = newQuota(() => now, { maxAddresses: 3 });
  assertEquals(["a", "b", "c"].map((address) => taken(quota, address)), [3, 3, 3]);
  quota.take("d");
  assertEquals([quota.size, taken(quota, "b"), taken(quota, "c")], [3, 0, 0]);
  now += 2 * HOUR;
  quota.take("e");
  assertEquals(quota.size, 2);
});
