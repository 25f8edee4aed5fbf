import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { makeCertificate } from "../../helpers/process/certificate.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { type MainOptions, type MainResult, runMain } from "../../helpers/process/main_process.ts";

// An impossible command ends at once: one clear line on standard error for each mistake, exit code
// 78, never a stack trace, never a process that serves nothing.

const EXIT_CONFIG = 78;
const LOCAL = ["--listen", "http://127.0.0.1:0"];

/** A start that has to fail, and what each of its lines says. */
interface Failure extends MainOptions {
  readonly name: string;
  readonly says: readonly RegExp[];
  readonly code?: number;
}

const FAILURES: readonly Failure[] = [
  {
    name: "an unknown option, of which the nearest known one is named",
    args: ["--prot", "9000"],
    says: [/--prot"?: did you mean "--port"/],
  },
  {
    name: "an unknown option of a dialect",
    args: ["--peerjs-alow-discovery"],
    says: [/did you mean "--peerjs-allow-discovery"/],
  },
  { name: "a port that is no number", args: ["--port", "http"], says: [/--port must be .*"http"/] },
  { name: "a port out of range", args: ["-p", "70000"], says: [/-p must be .*70000/] },
  { name: "an option without its value", args: ["--port"], says: [/--port/] },
  { name: "an invalid scheme", args: ["--listen", "ftp://localhost"], says: [/--listen must be /] },
  {
    name: "a word where there are few",
    args: ["--log-format", "xml"],
    says: [/--log-format must be .*xml/],
  },
  {
    name: "a limit of 0",
    args: ["--limits-max-rooms", "0"],
    says: [/--limits-max-rooms must be .*\(got 0\)/],
  },
  { name: "an argument that belongs nowhere", args: ["9000"], says: [/"9000"/] },
  { name: "a name that objects have", args: ["--constructor", "x"], says: [/"--constructor"/] },
  {
    name: "https without a certificate",
    args: ["--listen", "https://[::1]:0"],
    says: [/--tls-cert/],
  },
  { name: "a certificate without a key", args: ["--sslcert", "cert.pem"], says: [/--tls-key/] },
  {
    name: "a missing certificate",
    args: ["--listen", "https://127.0.0.1:0", "--tls-cert", "no.pem", "--tls-key", "no.pem"],
    says: [/certificate "no\.pem": no such file/],
  },
  {
    name: "a folder without a certificate",
    args: ["--cert-path", "no-folder"],
    says: [/no-folder/],
  },
  {
    name: "a file in place of the certificate's folder",
    args: [...LOCAL, "--cert-path", new URL("../../../main.ts", import.meta.url).pathname],
    says: [/"[^"]*main\.ts" is a file, where a folder is needed/],
  },
  { name: "a missing file", args: ["--config", "no.json"], says: [/"no\.json": no such file/] },
  { name: "a proxy that is no address", args: ["--trust-proxy", "proxy"], says: [/"proxy"/] },
  {
    name: "two things at one path",
    args: [...LOCAL, "--metrics", "/"],
    says: [/two things.*"\/"/],
  },
  {
    name: "two dialects at one path",
    args: [...LOCAL, "--gstreamer-paths", "/peerjs"],
    says: [/two things.*"\/peerjs"/],
  },
  { name: "no permission to listen", args: LOCAL, denoArgs: [], says: [/--allow-net/] },
  {
    name: "a bad value in a variable",
    env: { PORT: "http" },
    says: [/variable PORT must be .*"http"/],
  },
  {
    name: "several mistakes, each with its line",
    args: ["--prot", "1", "--port", "x", "--log-level", "loud"],
    env: { SIGNALBOX_HEALTH: "health" },
    says: [/--prot/, /--port/, /--log-level/, /SIGNALBOX_HEALTH/],
  },
];

// Two at a time: most of the time of a start is the runtime's own.
const HALF = Math.ceil(FAILURES.length / 2);

Deno.test("an impossible command ends with 78 and one line for each mistake", async () => {
  await Promise.all([FAILURES.slice(0, HALF), FAILURES.slice(HALF)].map(async (failures) => {
    for (const failure of failures) assertFailed(failure, await runMain(failure));
  }));
});

Deno.test("mistakes in the configuration file are named with the file", async () => {
  const folder = await Deno.makeTempDir({ prefix: "signalbox-cli-" });
  try {
    const contents: readonly [content: string, ...says: RegExp[]][] = [
      ['{"prot": 1}', /"prot" in .*: did you mean "port"/],
      ['{"peerjs": {"kex": "x"}}', /"peerjs\.kex" in .*: did you mean "peerjs\.key"/],
      ['{"port": "http", "__proto__": {"x": 1}}', /"port" in /, /"__proto__" in /],
      ["{port: 9000}", /at line 1, column 2, near \{port: 9000\}/],
      ["[]", /not a JSON object/],
      ["null", /not a JSON object/],
    ];
    for (const [content, ...says] of contents) {
      const file = `${folder}/config.json`;
      await Deno.writeTextFile(file, content);
      const name = `a file with ${content}`;
      assertFailed({ name, says }, await runMain({ args: [...LOCAL, "--config", file] }));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a configuration file is UTF-8, with or without a byte order mark", async () => {
  const file = await Deno.makeTempFile({ prefix: "signalbox-cli-" });
  try {
    const text = '{"prot": 1, "peerjs": {"key": "Zürich"}}';
    const utf16 = Uint16Array.from(`\uFEFF${text}`, (one) => one.charCodeAt(0));
    const cases: readonly [name: string, bytes: Uint8Array, ...says: RegExp[]][] = [
      [
        "a byte order mark",
        new TextEncoder().encode(`\uFEFF${text}`),
        /"prot" in .*: did you mean/,
      ],
      ["UTF-16", new Uint8Array(utf16.buffer), /: it is UTF-16: save it as UTF-8$/m],
      [
        "Latin-1",
        Uint8Array.from(text, (one) => one.charCodeAt(0)),
        /: it is not UTF-8 but probably Latin-1: save it as UTF-8$/m,
      ],
    ];
    for (const [name, bytes, ...says] of cases) {
      await Deno.writeFile(file, bytes);
      assertFailed({ name, says }, await runMain({ args: [...LOCAL, "--config", file] }));
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("an address that may be free later ends with 1 and one line, whichever listener needs it", async () => {
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${busy.addr.port}`;
  const cases: readonly [args: string[], says: RegExp][] = [
    [["--listen", url], /in use/],
    [[...LOCAL, "--listen", url], /in use/],
    [["--host", "127.0.0.1", "--port", `${busy.addr.port}`], /in use/],
    [["--host", "203.0.113.1"], /203\.0\.113\.1.*no such address/],
  ];
  for (const [args, says] of cases) {
    assertFailed({ name: args.join(" "), says: [says], code: 1 }, await runMain({ args }));
  }
});

clientTest({
  name: "invalid certificates, or those of another key, end with 78 and one line",
  needs: ["openssl"],
  fn: async () => {
    await using one = await makeCertificate();
    await using other = await makeCertificate();
    const cases = [
      { cert: one.keyFile, key: one.keyFile },
      { cert: one.certFile, key: one.certFile },
      { cert: one.certFile, key: other.keyFile },
    ];
    for (const { cert, key } of cases) {
      const args = ["--listen", "https://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key];
      const name = `a certificate of ${cert} with ${key}`;
      assertFailed({ name, says: [/./] }, await runMain({ args }));
    }
  },
});

Deno.test("--help and --version answer on standard output and end with 0", async () => {
  const help = await runMain({ args: ["--help"], denoArgs: [] });
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const word of ["--port", "--listen", "--peerjs-key", "--gstreamer-paths", "--config"]) {
    assert(help.stdout.includes(word), `--help does not know ${word}`);
  }
  const version = await runMain({ args: ["--version", "--prot"], denoArgs: [] });
  assertEquals([version.code, version.stderr], [0, ""]);
  assertMatch(version.stdout, /^signalbox \d+\.\d+\.\d+\n$/);
});

function assertFailed(
  { name, says, code: expected = EXIT_CONFIG }: Pick<Failure, "name" | "says" | "code">,
  { code, stdout, stderr }: MainResult,
): void {
  const lines = stderr.trimEnd().split("\n");
  assertEquals(code, expected, `${name}: ${stderr}`);
  assertEquals(stdout, "", name);
  assertNotMatch(stderr, /^\s+at |Uncaught|\.ts:\d/m, name);
  assertEquals(lines.length, says.length, `${name}: ${stderr}`);
  for (const line of lines) assertMatch(line, /^signalbox: \S/, name);
  for (const one of says) {
    assert(lines.some((line) => one.test(line)), `${name}: ${one} in ${stderr}`);
  }
}
