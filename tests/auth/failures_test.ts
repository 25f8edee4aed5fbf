import { assertEquals } from "@std/assert";
import { Failures } from "../../src/auth/failures.ts";
import { addressKey } from "../../src/http/address.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

// tests/auth/mod_test.ts shows what the delays are for.

function newFailures(clock = new FakeClock(), maxDelayMs = 5_000): Failures {
  return new Failures({ failureBurst: 2, maxDelayMs }, clock.now, addressKey);
}

function fail(failures: Failures, address: string, times: number): void {
  for (let nth = 0; nth < times; nth++) failures.note(address);
}

Deno.test("the delay begins after the burst, and doubles up to the longest", () => {
  const failures = newFailures();
  const delays = Array.from({ length: 10 }, () => {
    failures.note("192.0.2.1");
    return failures.delayMs("192.0.2.1");
  });
  assertEquals(delays, [0, 0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  fail(failures, "192.0.2.1", 2_000);
  assertEquals([failures.delayMs("192.0.2.1"), failures.delayMs("192.0.2.2")], [5_000, 0]);
});

Deno.test("an IPv6 /64 counts as one address, and an IPv4 address in IPv6 notation as itself", () => {
  const failures = newFailures();
  fail(failures, "2001:db8::1", 2);
  fail(failures, "2001:db8::ffff:2", 1);
  fail(failures, "::ffff:192.0.2.1", 3);
  assertEquals(
    ["2001:db8::3", "2001:db8:0:1::1", "192.0.2.1"].map((one) => failures.delayMs(one)),
    [100, 0, 100],
  );
});

Deno.test("failures are forgotten a minute after the last one, and 0 remembers none", () => {
  const clock = new FakeClock();
  const failures = newFailures(clock);
  fail(failures, "192.0.2.1", 2);
  clock.advance(59_999);
  fail(failures, "192.0.2.1", 1);
  clock.advance(59_999);
  assertEquals(failures.delayMs("192.0.2.1"), 100);
  clock.advance(1);
  assertEquals([failures.delayMs("192.0.2.1"), failures.size], [0, 0]);
  const none = newFailures(clock, 0);
  fail(none, "192.0.2.1", 10);
  assertEquals([none.delayMs("192.0.2.1"), none.size], [0, 0]);
});

Deno.test("a bounded number of addresses is remembered, and the oldest failure is forgotten first", () => {
  const failures = newFailures();
  fail(failures, "10.255.0.1", 3);
  fail(failures, "10.255.0.2", 3);
  for (let nth = 0; nth < 100_000 - 2; nth++) {
    failures.note(`10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}`);
  }
  // One more of a known address makes it the newest.
  failures.note("10.255.0.1");
  failures.note("198.51.100.1");
  assertEquals(failures.size, 100_000);
  assertEquals([failures.delayMs("10.255.0.1"), failures.delayMs("10.255.0.2")], [200, 0]);
});
