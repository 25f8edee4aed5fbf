import { assert, assertEquals } from "@std/assert";
import { AddressBans } from "../../src/http/bans.ts";
import { Gate } from "../../src/http/gate.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { newMemoryStore } from "../helpers/store/store.ts";

interface Bench {
  readonly bans: AddressBans;
  readonly clock: FakeClock;
  readonly ask: (address: string, isBrief?: boolean) => string | undefined;
}

function newBench(maxBans = Infinity): Bench {
  const clock = new FakeClock();
  const store = newMemoryStore({ clock, wallNow: clock.now, limits: { maxBans } });
  const bans = new AddressBans(store.bans);
  const limits = {
    maxConnections: Infinity,
    maxConnectionsPerAddress: Infinity,
    connectionsPerSecond: Infinity,
    connectionBurst: Infinity,
    maxAddresses: 100,
    maxRefusalConnections: 100,
  };
  const gate = new Gate(limits, [], clock.now, bans);
  return {
    bans,
    clock,
    ask: (address, isBrief) => gate.admit(address, null, isBrief)?.refusal?.code,
  };
}

Deno.test("a banned address is refused until the ban is lifted, and nobody else is", () => {
  const { bans, ask } = newBench();
  assertEquals(bans.ban("192.0.2.1", { reason: "floods" }), "kept");
  assertEquals([ask("192.0.2.1"), ask("::ffff:192.0.2.1")], ["address_banned", "address_banned"]);
  assertEquals([ask("192.0.2.1", true), ask("192.0.2.2")], ["address_banned", undefined]);
  const [ban, ...more] = bans.list();
  assertEquals([ban?.value, ban?.reason, ban?.expiresAtMs], ["192.0.2.1", "floods", Infinity]);
  assertEquals(more, []);
  assertEquals([bans.lift("192.0.2.1"), bans.lift("192.0.2.1")], [true, false]);
  assertEquals([ask("192.0.2.1"), bans.list()], [undefined, []]);
});

Deno.test("a ban ends by itself where it has a lifetime", () => {
  const { bans, clock, ask } = newBench();
  bans.ban("192.0.2.1", { reason: "floods", lifetimeMs: 1_000 });
  clock.advance(999);
  assertEquals(ask("192.0.2.1"), "address_banned");
  clock.advance(1);
  assertEquals([ask("192.0.2.1"), bans.list()], [undefined, []]);
});

Deno.test("an IPv6 /64 is banned, in any notation", () => {
  for (const text of ["2001:db8:1:2::1", "2001:DB8:1:2::/64", "2001:db8:0001:2:ffff::/64"]) {
    const { bans, ask } = newBench();
    assertEquals(bans.ban(text, { reason: "" }), "kept", text);
    assertEquals(bans.list().map(({ value }) => value), ["2001:db8:1:2::/64"]);
    assertEquals(
      [ask("2001:db8:1:2:3:4:5:6"), ask("2001:db8:1:3::1")],
      ["address_banned", undefined],
    );
    assert(bans.lift("2001:db8:1:2::/64"));
  }
});

Deno.test("a network that is not one address cannot be banned", () => {
  const { bans } = newBench();
  const texts = ["", "example.org", "192.0.2.0/24", "192.0.2.1/33", "2001:db8::/32", "::1/128"];
  for (const text of [...texts, "192.0.2.1/", "192.0.2.1/64"]) {
    assertEquals(bans.ban(text, { reason: "" }), "invalid", text);
  }
  assertEquals(bans.ban("192.0.2.1/32", { reason: "" }), "kept");
});

Deno.test("there are as many bans as the limit says", () => {
  const { bans } = newBench(1);
  assertEquals(bans.ban("192.0.2.1", { reason: "one" }), "kept");
  assertEquals(bans.ban("192.0.2.2", { reason: "two" }), "full");
  assertEquals(bans.ban("192.0.2.1", { reason: "other" }), "kept");
});
