import { assertEquals, assertStringIncludes } from "@std/assert";
import { configOf, problemsOf } from "../helpers/session/config.ts";

const ID = "abcdefghijklmnopabcdefghijklmnop";

for (
  const origin of [
    "https://app.example.org",
    "http://localhost:5173",
    "http://[::1]:8080",
    "https://*.example.org",
    "https://*.example.org:8443",
    "capacitor://localhost",
    "ionic://localhost",
    "ionic://",
    "tauri://localhost",
    "app://obsidian.md",
    "app://.",
    "file://",
    `chrome-extension://${ID}`,
    "moz-extension://c0ffee00-0000-4000-8000-000000000000",
    "null",
    "*",
  ]
) {
  Deno.test(`--allowed-origins and --cors-origins take ${origin}`, () => {
    const args = ["--allowed-origins", origin, "--cors-origins", origin];
    const { allowedOrigins, corsOrigins } = configOf({ args });
    assertEquals([allowedOrigins, corsOrigins], [[origin], [origin]]);
  });
}

for (
  const [origin, why] of [
    ["app.example.org", " must be an origin "],
    ["https://app.example.org/", "browsers send https://app.example.org"],
    ["https://app.example.org/path", "browsers send https://app.example.org"],
    ["https://App.Example.org", "browsers send https://app.example.org"],
    ["HTTPS://app.example.org", "browsers send https://app.example.org"],
    ["https://app.example.org:443", "browsers send https://app.example.org"],
    ["http://app.example.org:80", "browsers send http://app.example.org"],
    ["https://bücher.example", "browsers send https://xn--bcher-kva.example"],
    ["https://*.Example.org", "browsers send https://*.example.org"],
    ["https://*.example.org/", "browsers send https://*.example.org"],
    ["https://*", "must be an origin with * only before its domain"],
    ["https://*.", "must be an origin with * only before its domain"],
    ["https://app.*.org", "must be an origin with * only before its domain"],
    ["https://*example.org", "must be an origin with * only before its domain"],
    ["https://example.org:*", "must be an origin with * only before its domain"],
    ["https://*.192.0.2.1", "must be an origin without * before an IP address"],
    ["https://*.[2001:db8::1]:8443", "must be an origin without * before an IP address"],
    ["wss://app.example.org", "browsers send https://app.example.org"],
    ["ws://localhost:3000", "browsers send http://localhost:3000"],
    ["wss://app.example.org/signal", "browsers send https://app.example.org"],
    ["WSS://*.example.org", "browsers send https://*.example.org"],
    ["https://", " must be an origin "],
    ["Capacitor://localhost", " must be an origin "],
    ["capacitor://localhost/", " must be an origin "],
    ["capacitor://*.example.org", " must be an origin "],
    ["capacitor:localhost", " must be an origin "],
    ["chrome-extension://ID", "32 letters from a to p"],
    [`chrome-extension://${ID}/`, " must be an origin "],
    ["NULL", " must be an origin "],
  ] as const
) {
  Deno.test(`an origin that could never match is refused: ${origin}`, () => {
    for (const flag of ["--allowed-origins", "--cors-origins"]) {
      const [problem = "", ...more] = problemsOf({ args: [`${flag}=${origin}`] });
      assertEquals(more, []);
      assertStringIncludes(problem, why);
    }
  });
}
