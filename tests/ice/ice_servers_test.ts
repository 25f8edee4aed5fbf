import { assertEquals, assertMatch } from "@std/assert";
import { createHmac } from "node:crypto";
import { IceServers, type TurnAccess } from "../../src/ice/ice_servers.ts";

const NOW = Date.parse("2026-01-02T03:04:05.678Z");
const STUN = "stun:stun.example.org";
const TURN = ["turn:turn.example.org?transport=udp", "turns:turn.example.org:443"];

function serversOf(urls: readonly string[], access?: TurnAccess): IceServers {
  return new IceServers({ urls, access: () => access, ttlSeconds: 600, wallNow: () => NOW });
}

function nameOf(user?: string): string {
  const { iceServers: [turn] } = serversOf(TURN, { secret: "s", ttlSeconds: 600 }).grant({ user });
  return turn?.username?.replace(/^\d+:/, "") ?? "";
}

Deno.test("all STUN URLs are one entry, and all TURN URLs another", () => {
  const access = { username: "u", credential: "c" };
  const { iceServers } = serversOf([TURN[0] ?? "", STUN, TURN[1] ?? ""], access).grant();
  assertEquals(iceServers, [{ urls: [STUN] }, { urls: TURN, ...access }]);
  assertEquals(serversOf([]).grant().iceServers, []);
  assertEquals(serversOf([STUN]).grant().iceServers, [{ urls: [STUN] }]);
});

Deno.test("a credential names its expiry and its user, under the shared secret's signature", () => {
  const servers = serversOf(TURN, { secret: "north", ttlSeconds: 600 });
  const { iceServers: [turn], ttlSeconds, expiresAt } = servers.grant({ user: "alice" });
  const username = `${Math.floor(NOW / 1000) + 600}:alice`;
  const credential = createHmac("sha1", "north").update(username).digest("base64");
  assertEquals(turn, { urls: TURN, username, credential });
  assertEquals([ttlSeconds, expiresAt], [600, NOW + 600_000]);
  assertEquals(servers.count, 1);
});

Deno.test("a user's name stands in the credential as it is, or hashed where it could not", () => {
  assertEquals(nameOf(), "anonymous");
  assertEquals(nameOf("a.b_c@d-E9"), "a.b_c@d-E9");
  for (const user of ["a:b", "", "ä", "x".repeat(65), "a b"]) {
    assertMatch(nameOf(user), /^[A-Za-z0-9_-]{16}$/);
  }
  assertEquals(nameOf("a:b") === nameOf("a:c"), false);
});

Deno.test("credentials end with what their client may have, and with their lifetime at the latest", () => {
  const servers = serversOf(TURN, { secret: "s", ttlSeconds: 600 });
  for (const [leftSeconds, expected] of [[60, 60], [3_600, 600]] as const) {
    const { iceServers: [turn], ttlSeconds, expiresAt } = servers.grant({
      user: "alice",
      endsAt: NOW + leftSeconds * 1_000,
    });
    assertEquals([ttlSeconds, expiresAt], [expected, NOW + expected * 1_000]);
    assertEquals(turn?.username, `${Math.floor(NOW / 1_000) + expected}:alice`);
  }
});
