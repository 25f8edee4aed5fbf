import { assertEquals, assertThrows } from "@std/assert";
import { listenersOf, type Listening, urlOf } from "../../src/config/listeners.ts";
import { ConfigError } from "../../src/config/load.ts";
import { configOf } from "../helpers/session/config.ts";

const TLS = ["--tls-cert", "c.pem", "--tls-key", "k.pem"];

function listening(...args: string[]): string[] {
  return listenersOf(configOf({ args })).listeners.map(urlOf);
}

function filesOf(...args: string[]): unknown {
  return listenersOf(configOf({ args })).tls;
}

function problem(...args: string[]): readonly string[] {
  return assertThrows(() => listenersOf(configOf({ args })), ConfigError).messages;
}

Deno.test("by default the server listens on IPv4 and IPv6, port 8080, without TLS", () => {
  assertEquals(listenersOf(configOf()), {
    listeners: [{ hostname: "::", port: 8080, isSecure: false }],
    tls: undefined,
  });
});

Deno.test("host and port are the reference servers' options", () => {
  assertEquals(listening("-H", "127.0.0.1", "-p", "9000"), ["http://127.0.0.1:9000"]);
  assertEquals(listening("--addr", "::1", "--port", "0"), ["http://[::1]:0"]);
});

Deno.test("with a certificate the port speaks TLS, unless that is switched off", () => {
  assertEquals(listening(...TLS, "-p", "8443"), ["https://[::]:8443"]);
  assertEquals(listening("--sslcert", "c", "--sslkey", "k"), ["https://[::]:8080"]);
  assertEquals(listening("--cert-path", "/certs"), ["https://[::]:8080"]);
  assertEquals(listening(...TLS, "--disable-ssl"), ["http://[::]:8080"]);
});

Deno.test("several addresses may be listened at, plain and with TLS, in the order given", () => {
  const listen = ["--listen", "https://[::]:8443", "--listen", "http://0.0.0.0:9000/"];
  assertEquals(listening(...TLS, ...listen), ["https://[::]:8443", "http://0.0.0.0:9000"]);
});

Deno.test("a URL without a port means that of its scheme", () => {
  const listen = ["--listen", "http://localhost", "--listen", "https://localhost"];
  assertEquals(listening(...TLS, ...listen), ["http://localhost:80", "https://localhost:443"]);
  // URLs leave out the port of their scheme.
  assertEquals(listening("--listen", "http://localhost:80"), ["http://localhost:80"]);
});

Deno.test("files are those given, or those of a folder by the names of its kind", () => {
  assertEquals(filesOf(...TLS), { cert: "c.pem", key: "k.pem" });
  for (const folder of ["/certs", "/certs/", "/certs//"]) {
    const expected = { cert: "/certs/cert.pem", key: "/certs/key.pem" };
    assertEquals(filesOf("--cert-path", folder), expected);
  }
  assertEquals(filesOf("--cert-path", "/etc/letsencrypt/live/a.example"), {
    cert: "/etc/letsencrypt/live/a.example/fullchain.pem",
    key: "/etc/letsencrypt/live/a.example/privkey.pem",
  });
  assertEquals(filesOf("--cert-path", "/certs", ...TLS), { cert: "c.pem", key: "k.pem" });
  assertEquals(filesOf("--cert-path", "."), { cert: "./cert.pem", key: "./key.pem" });
});

Deno.test("one file of TLS without the other is an error that names the missing one", () => {
  assertEquals(problem("--tls-cert", "c"), ["Cannot use TLS: --tls-key is missing"]);
  assertEquals(problem("--sslkey", "k"), ["Cannot use TLS: --tls-cert is missing"]);
  assertEquals(problem("--tls-cert", "c", "--disable-ssl").length, 1);
});

Deno.test("https without a certificate is an error, never plain text", () => {
  const listen = ["--listen", "http://[::]:80", "--listen", "https://[::]:443"];
  assertEquals(problem(...listen), [
    "Cannot listen with https: --tls-cert and --tls-key are missing",
  ]);
});

Deno.test("a URL that only looks like one is an error with one line", () => {
  for (const url of ["http://[::", "http://a:99999", "http://a:b", "http://%"]) {
    const [line = "", ...others] = problem("--listen", url);
    assertEquals([line.startsWith("--listen must be a URL"), others], [true, []]);
  }
});

Deno.test("an address is written as a URL, IPv6 in brackets", () => {
  const rows: [Listening, string][] = [
    [{ hostname: "::1", port: 1, isSecure: false }, "http://[::1]:1"],
    [{ hostname: "127.0.0.1", port: 443, isSecure: true }, "https://127.0.0.1:443"],
    [{ hostname: "localhost", port: 80, isSecure: false }, "http://localhost:80"],
  ];
  for (const [where, url] of rows) assertEquals(urlOf(where), url);
});
