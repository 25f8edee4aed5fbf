import { assertEquals } from "@std/assert";
import { OPTIONS } from "../../src/config/option_list.ts";
import { configOf, noticesOf, problemsOf, valueAt } from "../helpers/session/config.ts";

/** A value that each kind of option takes, as text. */
const SAMPLES = { number: "17", boolean: "yes", list: "http://a.example", text: "/a/path-long" };

for (const type of ["number", "boolean", "list", "text"] as const) {
  Deno.test(`blanks and carriage returns around a variable are no part of it: ${type}`, () => {
    const flag = { number: "drain-ms", boolean: "no-seal", list: "cors-origins", text: "tls-cert" };
    const option = OPTIONS.find((one) => one.flag === flag[type]);
    const { variable = "", path = [] } = option ?? {};
    const tls = { SIGNALBOX_TLS_KEY: "key.pem" };
    const read = (value: string): unknown =>
      valueAt(configOf({ variables: { ...tls, [variable]: value } }), path);
    const expected = read(SAMPLES[type]);
    for (const [before, after] of [["", "\r"], ["", "\r\n"], [" ", " "], ["\t", "\n"]]) {
      assertEquals(read(`${before}${SAMPLES[type]}${after}`), expected);
    }
  });
}

Deno.test("blanks around a secret, and around each item of a list, are no part of it", () => {
  const variables = {
    SIGNALBOX_SIMPLE_SECRET: " sixteen-characters\r",
    SIGNALBOX_ALLOWED_ORIGINS: " https://a.example ,\r\nhttps://b.example\r,",
    PORT: "80\r",
  };
  const config = configOf({ variables });
  assertEquals(valueAt(config, ["simple", "secret"]), "sixteen-characters");
  assertEquals(config.allowedOrigins, ["https://a.example", "https://b.example"]);
  assertEquals(config.port, 80);
});

Deno.test("a variable of nothing but blanks is not set", () => {
  assertEquals(configOf({ variables: { PORT: " \r", SIGNALBOX_HEALTH: "\r" } }).port, 8080);
});

Deno.test("the variable that names the file is trimmed too", () => {
  const files = { "f.json": '{"port":1}' };
  assertEquals(configOf({ files, variables: { SIGNALBOX_CONFIG: "f.json\r" } }).port, 1);
});

Deno.test("an unknown variable is a warning that names the nearest one; other names are not ours", () => {
  assertEquals(noticesOf({ variables: { SIGNALBOX_PROT: "hunter2" } }), [
    'unknown variable ignored {"name":"SIGNALBOX_PROT","nearest":"SIGNALBOX_PORT"}',
  ]);
  assertEquals(noticesOf({ variables: { HOME: "/", SIGNAL: "x", signalbox_port: "x" } }), []);
});

/** Kubernetes sets these for a service called `signalbox` with a port called `http`. */
const LINKS = {
  SIGNALBOX_PORT: "tcp://10.96.12.7:8080",
  SIGNALBOX_PORT_8080_TCP: "tcp://10.96.12.7:8080",
  SIGNALBOX_PORT_8080_TCP_ADDR: "10.96.12.7",
  SIGNALBOX_PORT_8080_TCP_PORT: "8080",
  SIGNALBOX_PORT_8080_TCP_PROTO: "tcp",
  SIGNALBOX_SERVICE_HOST: "10.96.12.7",
  SIGNALBOX_SERVICE_PORT: "8080",
  SIGNALBOX_SERVICE_PORT_HTTP: "8080",
};

Deno.test("variables of Kubernetes' service links are ignored, with one warning that names them", () => {
  const variables = { ...LINKS, SIGNALBOX_HOST: "127.0.0.1" };
  const config = configOf({ variables });
  assertEquals([config.port, config.host], [8080, "127.0.0.1"]);
  const names = Object.keys(LINKS).sort().join(",");
  assertEquals(noticesOf({ variables }), [
    "variables of Kubernetes service links ignored " +
    JSON.stringify({ names, avoid: "enableServiceLinks: false" }),
  ]);
  assertEquals(configOf({ variables: { ...LINKS, PORT: "81" } }).port, 81);
});

Deno.test("a service whose name only begins with signalbox sets service links too", () => {
  const variables = {
    SIGNALBOX_METRICS_PORT: "udp://10.96.12.8:9090",
    SIGNALBOX_METRICS_PORT_9090_UDP: "udp://10.96.12.8:9090",
    SIGNALBOX_METRICS_SERVICE_HOST: "10.96.12.8",
  };
  assertEquals(noticesOf({ variables }).length, 1);
});

Deno.test("any other text in SIGNALBOX_PORT is still a mistake", () => {
  for (const value of ["http", "http://10.0.0.1:80", "80x"]) {
    assertEquals(problemsOf({ variables: { SIGNALBOX_PORT: value } }).length, 1, value);
  }
});
