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
    ["app.example.org", "expected an origin such as"],
    ["https://app.example.org/", "browsers send https://app.example.org"],
    ["https://app.example.org/path", "browsers send https://app.example.org"],
    ["https://App.Example.org", "browsers send https://app.example.org"],
    ["HTTPS://app.example.org", "browsers send https://app.example.org"],
    ["https://app.example.org:443", "browsers send https://app.example.org"],
    ["http://app.example.org:80", "browsers send http://app.example.org"],
    ["https://bücher.example", "browsers send https://xn--bcher-kva.example"],
    ["https://*.Example.org", "browsers send https://*.example.org"],
    ["https://*.example.org/", "browsers send https://*.example.org"],
    ["https://*", "expected * only as in"],
    ["https://*.", "expected * only as in"],
    ["https://app.*.org", "expected * only as in"],
    ["https://*example.org", "expected * only as in"],
    ["https://example.org:*", "expected * only as in"],
    ["https://", "expected an origin such as"],
    ["Capacitor://localhost", "expected an origin such as"],
    ["capacitor://localhost/", "expected an origin such as"],
    ["capacitor://*.example.org", "expected an origin such as"],
    ["capacitor:localhost", "expected an origin such as"],
    ["chrome-extension://ID", "32 letters from a to p"],
    [`chrome-extension://${ID}/`, "expected an origin such as"],
    ["NULL", "expected an origin such as"],
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
