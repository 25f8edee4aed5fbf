import { assertEquals } from "@std/assert";
import { AddressRates } from "../../src/http/address_rates.ts";

Deno.test("each address has a burst of its own, and then its rate", () => {
  let now = 0;
  const rates = new AddressRates({ perSecond: 2, burst: 3, maxAddresses: 10 }, () => now);
  const take = (address: string, times: number): number[] =>
    Array.from({ length: times }, () => rates.take(address));
  assertEquals(take("192.0.2.1", 4), [0, 0, 0, 1]);
  assertEquals(take("192.0.2.2", 1), [0]);
  now = 1_000;
  assertEquals(take("192.0.2.1", 3), [0, 0, 1]);
});

Deno.test("the seconds to wait follow from the rate", () => {
  const rates = new AddressRates({ perSecond: 0.25, burst: 1, maxAddresses: 10 }, () => 0);
  assertEquals([rates.take("192.0.2.1"), rates.take("192.0.2.1")], [0, 4]);
});

Deno.test("an IPv6 /64 counts as one address", () => {
  const rates = new AddressRates({ perSecond: 1, burst: 1, maxAddresses: 10 }, () => 0);
  assertEquals([rates.take("2001:db8::1"), rates.take("2001:db8::2")], [0, 1]);
  assertEquals(rates.take("2001:db8:0:1::1"), 0);
});

Deno.test("without a rate nothing is counted", () => {
  const rates = new AddressRates({ perSecond: Infinity, burst: 1, maxAddresses: 10 }, () => 0);
  for (let round = 0; round < 10; round++) assertEquals(rates.take("192.0.2.1"), 0);
  assertEquals(rates.size, 0);
});

Deno.test("the table of addresses is bounded, and forgets the oldest first", () => {
  const rates = new AddressRates({ perSecond: 1, burst: 1, maxAddresses: 3 }, () => 0);
  for (const n of [1, 2, 3, 4]) assertEquals(rates.take(`192.0.2.${n}`), 0);
  assertEquals(rates.size, 3);
  assertEquals([rates.take("192.0.2.4"), rates.take("192.0.2.1")], [1, 0]);
});
