import { assertEquals } from "@std/assert";
import { OPTIONS } from "../../src/config/option_list.ts";
import {
  commandOf,
  configOf,
  problemsOf,
  type TestSources,
  valueAt,
} from "../helpers/session/config.ts";

Deno.test("nothing needs to be configured", () => {
  const config = configOf();
  assertEquals([config.port, config.host, config.listen], [8080, "::", []]);
});

Deno.test("flags win over variables, variables over the file, the file over the default", () => {
  const files = { "f.json": '{"port":1,"host":"a","health":"/a","peerjs":{"key":"a"}}' };
  const variables = { SIGNALBOX_CONFIG: "f.json", SIGNALBOX_PORT: "2", SIGNALBOX_HOST: "b" };
  const config = configOf({ files, variables, args: ["--port", "3"] });
  assertEquals([config.port, config.host, config.health], [3, "b", "/a"]);
  assertEquals(valueAt(config, ["peerjs", "key"]), "a");
  assertEquals(config.drainMs, 0);
});

Deno.test("the file may be named by a flag or a variable, and the flag wins", () => {
  const files = { "a.json": '{"port":1}', "b.json": '{"port":2}' };
  const variables = { SIGNALBOX_CONFIG: "a.json" };
  assertEquals(configOf({ files, variables }).port, 1);
  assertEquals(configOf({ files, args: ["--config", "b.json"] }).port, 2);
  assertEquals(configOf({ files, variables, args: ["--config=b.json"] }).port, 2);
});

Deno.test("an option's own variable wins over a foreign name for it", () => {
  assertEquals(configOf({ variables: { PORT: "1" } }).port, 1);
  assertEquals(configOf({ variables: { SIGNALBOX_PORT: "2", PORT: "1" } }).port, 2);
  const path = configOf({ variables: { PEERSERVER_PATH: "/myapp" } });
  assertEquals(valueAt(path, ["peerjs", "path"]), "/myapp/");
});

Deno.test("a variable that is empty is not set", () => {
  assertEquals(configOf({ variables: { PORT: "", SIGNALBOX_HOST: "" } }).port, 8080);
});

// The command lines of the original servers, and the options that result.
for (
  const [args, path, value] of [
    [["--port", "9000"], ["port"], 9000],
    [["-p", "9000"], ["port"], 9000],
    [["--host", "127.0.0.1"], ["host"], "127.0.0.1"],
    [["-H", "::1"], ["host"], "::1"],
    [["--addr", "127.0.0.1"], ["host"], "127.0.0.1"],
    [["--key", "secret"], ["peerjs", "key"], "secret"],
    [["-k", "secret"], ["peerjs", "key"], "secret"],
    [["--path", "/myapp"], ["peerjs", "path"], "/myapp/"],
    [["--expire_timeout", "6000"], ["peerjs", "expireTimeoutMs"], 6000],
    [["-t", "6000"], ["peerjs", "expireTimeoutMs"], 6000],
    [["--alive_timeout", "70000"], ["peerjs", "aliveTimeoutMs"], 70_000],
    [["--cleanup_out_msgs", "500"], ["peerjs", "cleanupIntervalMs"], 500],
    [["--concurrent_limit", "7"], ["peerjs", "concurrentLimit"], 7],
    [["-c", "7"], ["peerjs", "concurrentLimit"], 7],
    [["--allow_discovery"], ["peerjs", "allowDiscovery"], true],
    [["--cors", "https://a", "--cors", "https://b"], ["corsOrigins"], ["https://a", "https://b"]],
    [["--sslcert", "c.pem"], ["tlsCert"], "c.pem"],
    [["--sslkey", "k.pem"], ["tlsKey"], "k.pem"],
    [["--tls-cert", "c.pem"], ["tlsCert"], "c.pem"],
    [["--tls-key", "k.pem"], ["tlsKey"], "k.pem"],
    [["--cert-path", "/certs"], ["certPath"], "/certs"],
    [["--disable-ssl"], ["disableSsl"], true],
    [["--proxied"], ["proxied"], true],
    [["--proxied", "true"], ["proxied"], true],
    [["--proxied", "false"], ["proxied"], false],
    [["--allow_discovery", "true"], ["peerjs", "allowDiscovery"], true],
    [["--no-seal", "no"], ["noSeal"], false],
    [["--cors"], ["corsOrigins"], ["*"]],
    [["--cors", "--port", "1"], ["corsOrigins"], ["*"]],
    [["--dialects", "peerjs", "simple"], ["dialects"], ["peerjs", "simple"]],
    [["--health", "/alive"], ["health"], "/alive"],
    [["--keepalive-timeout", "20"], ["keepaliveTimeoutSeconds"], 20],
    [["--restart-on-cert-change"], ["restartOnCertChange"], true],
    [["--store", "kv:"], ["store"], "kv:"],
    [["--store", "kv:/var/lib/signalbox"], ["store"], "kv:/var/lib/signalbox"],
    [["--store", "kv:https://kv.example.org/a"], ["store"], "kv:https://kv.example.org/a"],
    [["--store", "kv:HTTPS://kv.example.org/a"], ["store"], "kv:HTTPS://kv.example.org/a"],
    [["--store", "kv:C:/data"], ["store"], "kv:C:/data"],
    [["--store", "kv:a:b"], ["store"], "kv:a:b"],
    [["--no-seal"], ["noSeal"], true],
    [["--trust-proxy", "10.0.0.0/8"], ["trustProxy"], ["10.0.0.0/8"]],
    [
      ["--listen", "https://[::]:8443", "--listen", "http://[::]:9000"],
      ["listen"],
      ["https://[::]:8443", "http://[::]:9000"],
    ],
  ] as const
) {
  Deno.test(`${args.join(" ")} is ${path.join(".")}`, () => {
    assertEquals(valueAt(configOf({ args }), path), value);
    const [flag, ...others] = args;
    if (others.length !== 1) return;
    const joined = flag.startsWith("--") ? `${flag}=${others[0]}` : `${flag}${others[0]}`;
    if (/^--|\d$/.test(joined)) assertEquals(valueAt(configOf({ args: [joined] }), path), value);
  });
}

Deno.test("a switch that begins with no- takes a word like any other", () => {
  const variables = { SIGNALBOX_NO_SEAL: "yes" };
  assertEquals(configOf({ variables }).noSeal, true);
  assertEquals(configOf({ variables, args: ["--no-seal=no"] }).noSeal, false);
});

Deno.test("the last value of a repeated flag counts", () => {
  assertEquals(configOf({ args: ["--port", "1", "-p", "2"] }).port, 2);
});

Deno.test("every option is set by its flag, its variable and the file alike", () => {
  // An option that names the file of a secret sets the secret: see secret_files_test.ts.
  const direct = OPTIONS.filter(({ isSecretFile }) => !isSecretFile);
  for (const { path, flag, variable, type, words, standard } of direct) {
    const value = sample({ flag, type, words, standard });
    const [text = ""] = [value].flat().map(String);
    const nested = path.toReversed().reduce<unknown>((inner, part) => ({ [part]: inner }), value);
    const ways: TestSources[] = [
      { args: type === "boolean" ? [`--${flag}`] : [`--${flag}`, text] },
      { args: [`--${flag}=${text}`] },
      { variables: { [variable]: text } },
      { args: ["--config", "f"], files: { f: JSON.stringify(nested) } },
    ];
    for (const way of ways) {
      assertEquals([flag, valueAt(configOf(way), path)], [flag, value]);
    }
  }
});

/** A value that an option may have and does not have by default. */
function sample(
  { flag, type, words, standard }: {
    readonly flag: string;
    readonly type: string;
    readonly words: readonly string[];
    readonly standard: unknown;
  },
): unknown {
  if (type === "boolean") return true;
  if (type === "number" && standard === undefined) return 5_000; // a time
  if (type === "number") return typeof standard === "number" && standard > 0 ? standard + 1 : 1;
  if (flag === "store") return "kv:folder";
  if (flag === "cluster-prefix" || flag === "cluster-node") return "sample";
  if (flag === "cluster-secret") return "s".repeat(32);
  if (flag === "dialects") return ["peerjs"];
  if (type === "list" && /listen$|origins$/.test(flag)) return ["http://[::1]:1"];
  if (flag === "metrics-tokens") return ["a-token-long-enough"];
  if (type === "list" && /tokens$/.test(flag)) return ["a-token-long-enough@lobby"];
  if (flag === "auth-dialects") return ["ssp"];
  if (flag === "ice-servers") return ["stun:stun.example.org"];
  if (flag === "auth-jwt-algorithms") return ["RS256"];
  if (flag === "bridge") return ["all"];
  if (flag === "ice-servers") return ["stun:stun.example.org"];
  if (flag === "webhooks-url") return ["https://example.org/sample"];
  if (flag === "webhooks-secret") return [`whsec_${"c2FtcGxl".repeat(4)}`];
  if (flag === "webhooks-events") return ["peer.*"];
  if (type === "list") return ["/sample"];
  if (words.length > 0) return words.find((word) => word !== standard);
  if (flag === "auth-webhook-secret") return `whsec_${"c2FtcGxl".repeat(4)}`;
  if (/-url$/.test(flag)) return "https://example.org/sample";
  return flag === "simple-path" ? "/a/sample" : "/a/sample/long/enough/";
}

Deno.test("a list is given by repeating the flag, by commas in a variable, by a list in the file", () => {
  const expected = ["https://a", "https://b"];
  const args = ["--allowed-origins", "https://a", "--allowed-origins=https://b"];
  const variables = { SIGNALBOX_ALLOWED_ORIGINS: "https://a, https://b" };
  const files = { f: JSON.stringify({ allowedOrigins: expected }) };
  for (const sources of [{ args }, { variables }, { files, args: ["--config", "f"] }]) {
    assertEquals(configOf(sources).allowedOrigins, expected);
  }
  // A list replaces another one, it is not added to it.
  const replacing = ["--allowed-origins", "https://c"];
  assertEquals(configOf({ variables, args: replacing }).allowedOrigins, ["https://c"]);
});

Deno.test("a list flag takes several values, as PeerServer's --cors does", () => {
  const args = ["--cors", "https://a", "https://b", "--port", "1", "--cors", "https://c"];
  const config = configOf({ args });
  assertEquals(config.corsOrigins, ["https://a", "https://b", "https://c"]);
  assertEquals(config.port, 1);
});

Deno.test("--addr and --health may be empty, as GStreamer's server has them", () => {
  const config = configOf({ args: ["--addr", "", "--health", ""] });
  assertEquals([config.host, config.health], ["::", ""]);
});

for (
  const [word, expected] of [
    ["true", true],
    ["1", true],
    ["yes", true],
    ["on", true],
    ["TRUE", true],
    ["false", false],
    ["0", false],
    ["no", false],
    ["off", false],
  ] as const
) {
  Deno.test(`a switch that is given as ${word} is ${expected ? "on" : "off"}`, () => {
    const path = ["peerjs", "allowDiscovery"];
    const variables = { SIGNALBOX_PEERJS_ALLOW_DISCOVERY: word };
    assertEquals(valueAt(configOf({ variables }), path), expected);
    for (const flag of ["--peerjs-allow-discovery", "--allow_discovery"]) {
      assertEquals(valueAt(configOf({ args: [`${flag}=${word}`] }), path), expected);
    }
  });
}

Deno.test("a switch that is off by a flag is off, whatever a variable says", () => {
  const variables = { SIGNALBOX_DISABLE_SSL: "1" };
  assertEquals(configOf({ variables }).disableSsl, true);
  assertEquals(configOf({ variables, args: ["--disable-ssl=false"] }).disableSsl, false);
});

Deno.test("a limit may be unlimited, in words", () => {
  const args = ["--limits-max-peers", "unlimited"];
  assertEquals(valueAt(configOf({ args }), ["limits", "maxPeers"]), Infinity);
  const variables = { SIGNALBOX_PEERJS_FRAME_BURST: "unlimited" };
  assertEquals(valueAt(configOf({ variables }), ["peerjs", "frameBurst"]), Infinity);
  const files = { f: '{"limits":{"maxRooms":"unlimited"}}' };
  const config = configOf({ files, args: ["--config", "f"] });
  assertEquals(valueAt(config, ["limits", "maxRooms"]), Infinity);
});

Deno.test("a size that protects memory cannot be unlimited", () => {
  for (const flag of ["peerjs-max-frame-bytes", "gstreamer-max-held-frames"]) {
    assertEquals(problemsOf({ args: [`--${flag}`, "unlimited"] }).length, 1);
  }
});

Deno.test("--help and --version win over everything, errors included", () => {
  for (const args of [["--help"], ["-h"], ["--port", "x", "--help", "--nonsense"]]) {
    assertEquals(commandOf({ args }), { type: "help" });
  }
  for (const args of [["--help", "all"], ["-h", "all"], ["--port", "x", "--help", "all"]]) {
    assertEquals(commandOf({ args }), { type: "help-all" });
  }
  for (const args of [["--version", "--port", "x"], ["-V"]]) {
    assertEquals(commandOf({ args }), { type: "version" });
  }
  assertEquals(commandOf({ args: ["--config-schema"] }), { type: "config-schema" });
});

Deno.test("a configuration has no keys but the schema's", () => {
  const names = new Set(OPTIONS.map(({ path }) => path[0]));
  for (const key of Object.keys(configOf())) assertEquals(names.has(key), true);
});

/** Every flag in the help of `peer` 1.0.2, `simple_server.py` and gst-webrtc-signalling-server. */
const PEERSERVER =
  "--expire_timeout 5000 -t 5000 --concurrent_limit 5000 -c 5000 --alive_timeout 60000 --key k " +
  "-k k --sslkey k.pem --sslcert c.pem --host :: -H :: --port 9000 -p 9000 --path / " +
  "--allow_discovery --proxied --cors https://a";
const SIMPLE_SERVER = "--addr 0.0.0.0 --port 8443 --keepalive-timeout 30 --cert-path /certs " +
  "--disable-ssl --health /health --restart-on-cert-change";
const GST_SERVER = "--host 0.0.0.0 --port 8443 -p 8443";

for (
  const [name, line] of [
    ["PeerServer", PEERSERVER],
    ["simple_server.py", SIMPLE_SERVER],
    ["gst-webrtc-signalling-server", GST_SERVER],
  ] as const
) {
  Deno.test(`every flag that ${name} documents is accepted, one by one and together`, () => {
    configOf({ args: line.split(" ") });
    for (const one of line.split(/ (?=-)/)) configOf({ args: one.split(" ") });
  });
}
