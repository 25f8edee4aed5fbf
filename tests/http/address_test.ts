import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  addressKey,
  plainAddress,
  readAddressKey,
  shownKey,
  TrustedProxies,
} from "../../src/http/address.ts";

function clientOf(trusted: readonly string[], remote: string, forwarded: string | null): string {
  return new TrustedProxies(trusted).clientAddress(remote, forwarded);
}

Deno.test("without a trusted proxy a header counts for nothing", () => {
  assertEquals(clientOf([], "192.0.2.1", "203.0.113.9"), "192.0.2.1");
  assertEquals(clientOf(["10.0.0.1"], "192.0.2.1", "203.0.113.9"), "192.0.2.1");
});

Deno.test("a trusted proxy names the client", () => {
  assertEquals(clientOf(["10.0.0.1"], "10.0.0.1", "203.0.113.9"), "203.0.113.9");
  assertEquals(clientOf(["10.0.0.0/8"], "10.1.2.3", " 203.0.113.9 "), "203.0.113.9");
  assertEquals(clientOf(["10.0.0.1"], "10.0.0.1", null), "10.0.0.1");
});

Deno.test("the rightmost address of a chain that is no trusted proxy counts", () => {
  const trusted = ["10.0.0.0/8", "2001:db8::/32"];
  const chain = "198.51.100.66, 203.0.113.9, 10.0.0.2, 2001:db8::7";
  assertEquals(clientOf(trusted, "10.0.0.1", chain), "203.0.113.9");
});

Deno.test("with --proxied every direct client is a proxy, and the last address of the header counts", () => {
  const nearest = (remote: string, forwarded: string | null): string =>
    new TrustedProxies([], true).clientAddress(remote, forwarded);
  assertEquals(nearest("192.0.2.1", "198.51.100.66, 203.0.113.9"), "203.0.113.9");
  assertEquals(nearest("192.0.2.1", null), "192.0.2.1");
  const both = new TrustedProxies(["10.0.0.0/8"], true);
  assertEquals(both.clientAddress("192.0.2.1", "203.0.113.9, 10.0.0.2"), "203.0.113.9");
});

Deno.test("where all of a chain are trusted proxies the leftmost is the client", () => {
  assertEquals(clientOf(["10.0.0.0/8"], "10.0.0.1", "10.0.0.9, 10.0.0.2"), "10.0.0.9");
});

Deno.test("an invalid address ends the chain, and does not count", () => {
  const trusted = ["10.0.0.0/8"];
  const short = ["203.0.113", "3405803785", "0xcb.0.113.9"];
  for (const garbage of ["", "unknown", "_hidden", "x".repeat(10_000), "::1::", ...short]) {
    assertEquals(clientOf(trusted, "10.0.0.1", garbage), "10.0.0.1");
    assertEquals(clientOf(trusted, "10.0.0.1", `203.0.113.9, ${garbage}, 10.0.0.2`), "10.0.0.2");
  }
});

Deno.test("a port that a proxy adds is not part of the address", () => {
  const trusted = ["10.0.0.1"];
  for (
    const [hop, address] of [
      ["203.0.113.9:5000", "203.0.113.9"],
      ["[2001:db8::9]:5000", "2001:db8::9"],
      ["[2001:db8::9]", "2001:db8::9"],
      ["2001:DB8::0009", "2001:db8::9"],
    ] as const
  ) assertEquals(clientOf(trusted, "10.0.0.1", hop), address);
});

Deno.test("IPv4 in IPv6 notation is IPv4, on either side", () => {
  assertEquals(clientOf([], "::ffff:192.0.2.1", null), "192.0.2.1");
  assertEquals(clientOf(["10.0.0.0/8"], "::ffff:10.0.0.1", "::ffff:203.0.113.9"), "203.0.113.9");
  assertEquals(clientOf(["::ffff:10.0.0.1"], "10.0.0.1", "203.0.113.9"), "203.0.113.9");
});

Deno.test("a network of the one kind does not meet an address of the other", () => {
  assertEquals(clientOf(["0.0.0.0/0"], "2001:db8::1", "203.0.113.9"), "2001:db8::1");
  assertEquals(clientOf(["::/0"], "192.0.2.1", "203.0.113.9"), "192.0.2.1");
});

Deno.test("a remote that is no address, such as a socket's path, stays as it is", () => {
  assertEquals(clientOf(["10.0.0.1"], "/run/signalbox.sock", "203.0.113.9"), "/run/signalbox.sock");
});

Deno.test("a proxy that is neither address nor network is an error that names it", () => {
  for (const entry of ["localhost", "10.0.0.0/33", "10.0.0/8/8", "", "*", "10", "10.1"]) {
    assertThrows(() => new TrustedProxies([entry]), TypeError, `"${entry}"`);
  }
});

Deno.test("an IPv4 address stands for itself, an IPv6 address for its first 64 bits", () => {
  assertEquals(addressKey("192.0.2.1"), "192.0.2.1");
  assertEquals(addressKey("2001:db8:1:2::1"), addressKey("2001:db8:1:2:3:4:5:6"));
  assert(addressKey("2001:db8:1:2::1") !== addressKey("2001:db8:1:3::1"));
  assertEquals(addressKey("::ffff:192.0.2.1"), addressKey("192.0.2.1"));
  assertEquals(addressKey("/run/signalbox.sock"), "/run/signalbox.sock");
});

Deno.test("the key of an IPv6 network is shown as people write it, and can be read again", () => {
  for (
    const [address, shown] of [
      ["2001:db8::1", "2001:db8::/64"],
      ["2001:0DB8:0:1::1", "2001:db8:0:1::/64"],
      ["2001:db8:1:2:3::", "2001:db8:1:2::/64"],
      ["::1", "::/64"],
      ["192.0.2.1", "192.0.2.1"],
      ["/run/signalbox.sock", "/run/signalbox.sock"],
    ] as const
  ) assertEquals(shownKey(addressKey(address)), shown);
  assertEquals(readAddressKey("2001:db8::/64"), addressKey("2001:db8::1"));
});

Deno.test("no header makes anything but an address of it, and none breaks the reading", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "fd00::/8"]);
  const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constant("10.0.0.7"));
  fc.assert(fc.property(fc.array(hop), (hops) => {
    const client = proxies.clientAddress("10.0.0.1", hops.join(", "));
    assert(/^[\d.]+$|^[\da-f:.]+(%\w+)?$/.test(client), client);
  }));
});

Deno.test("logs show an IPv4 address as IPv4, also on a socket of IPv6", () => {
  for (
    const [address, shown] of [
      ["::ffff:192.0.2.1", "192.0.2.1"],
      ["192.0.2.1", "192.0.2.1"],
      ["2001:db8::1", "2001:db8::1"],
      ["", ""],
    ] as const
  ) {
    assertEquals(plainAddress(address), shown);
  }
});
