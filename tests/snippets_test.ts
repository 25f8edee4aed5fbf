import { assert, assertEquals, assertMatch } from "@std/assert";
import { clientTest, type Need, programOf } from "./helpers/process/clients.ts";
import { startTurnServer } from "./helpers/process/turn_server.ts";
import { allSnippets, heredocOf, type Snippet, snippetFrom } from "./helpers/process/snippets.ts";
import { configOf } from "./helpers/session/config.ts";
import { TempFolder } from "./helpers/store/engines.ts";

// Every block of code on a page is run by a test, checked here, or listed with the reason why not.

const OPERATING = "src/server/README.md";
/** Stands for what a shell puts together, and for the content of files with secrets. */
const SECRET = "0123456789abcdef0123456789abcdef";

/** Blocks that no test runs, by their beginnings. Those of a shell are checked for their syntax. */
const NOT_RUN: readonly [page: string, beginning: string, reason: string][] = [
  ["README.md", "git clone ADDRESS", "needs an address; the last line is every other start"],
  ["README.md", "deno test -A", "CI runs it"],
  ["scripts/README.md", "deno task compile", "CI compiles; Docker is absent there"],
  ["src/admin/README.md", "curl -H", "tests/admin sends such requests"],
  ["src/admin/README.md", "curl -X POST", "tests/admin sends such requests"],
  ["src/admin/README.md", "curl -X PUT", "tests/admin sends such requests"],
  ["src/admin/README.md", "curl -N", "tests/admin reads the events"],
  ["src/auth/README.md", '{\n  "type": "auth"', "shows a message; a test receives it"],
  ["src/auth/README.md", "import { readFileSync }", "tests/auth signs such tokens"],
  ["src/auth/README.md", '{ "allow": true', "shows messages; a test tries every answer"],
  ["src/cluster/README.md", 'Cluster "signalbox"', "shows a log line; tests/cluster starts nodes"],
  ["src/cluster/README.md", "ACL SETUSER", "tests/cluster starts a node with these rights"],
  ["src/dialects/gstreamer/README.md", "sudo apt install", "CI installs these packages"],
  ["src/dialects/gstreamer/README.md", "soup_websocket_connection", "a line for a C program"],
  ["src/dialects/owt/README.md", "const p2p = new Owt", "OWT's SDK is not on npm"],
  ["src/dialects/peerjs/README.md", 'const peer = new Peer("my-id"', "names a server of theirs"],
  ["src/dialects/simple/PROTOCOL.md", "{", "shows a message; replay and sessions test them"],
  ["src/dialects/simple/PROTOCOL.md", "F> ", "shows messages; sessions test them"],
  ["src/dialects/ssp/PROTOCOL.md", "A> ", "shows messages; sessions test them"],
  ["src/dialects/ssp/README.md", "npm install rtcpool", "tests bundle with Deno"],
  ["src/dialects/topics/README.md", 'new WebrtcProvider("my-room"', "a line of the page above it"],
  ["src/dialects/topics/README.md", "import { joinRoom }", "that strategy is not on npm"],
  ["src/dialects/webrtcsink/README.md", "git clone https://gitlab", "builds an hour of Rust"],
  ["src/dialects/webrtcsink/README.md", "gst-launch-1.0", "Debian 12 has no webrtcsink"],
  [OPERATING, "sha256sum", "needs a release; CI starts the executable"],
  [OPERATING, "sudo install signalbox", "needs systemd; the units are verified"],
  [OPERATING, "sudo cp -r", "needs systemd; the units are verified"],
  [OPERATING, "docker build", "Docker is absent; the Dockerfile is checked"],
  [OPERATING, "sudo cp /usr/local", "needs systemd; a test restarts with the store"],
  [OPERATING, "sudo install /usr/local", "needs systemd; a test restores a copy"],
  ["src/store/README.md", "sudo sh -c", "runs as the backup of the next block's test"],
  ["tests/README.md", "deno test", "runs these tests"],
];

/** Blocks that a test of this file runs. */
const RUN_HERE: readonly [page: string, beginning: string][] = [
  [OPERATING, "sudo install -m 600"],
  [OPERATING, "[Service]\nLoadCredential=tokens"],
  [OPERATING, "[Service]\nLoadCredential=cert.pem"],
  [OPERATING, 'echo "whsec_'],
  [OPERATING, "openssl req"],
  [OPERATING, "#!/bin/sh\nsystemctl"],
  [OPERATING, "defaults\n"],
  [OPERATING, "sudo sh -c 'umask"],
  [OPERATING, "groups:"],
  [OPERATING, "sudo apt install coturn"],
];

function isAt(
  snippet: Snippet,
  [page, beginning]: readonly [string, string, ...unknown[]],
): boolean {
  return snippet.page === page && snippet.text.startsWith(beginning);
}

/** The command lines that start signalbox, without their program. */
function startsIn(text: string): string[] {
  const lines = text.replaceAll(/\\\n\s*/g, "").replaceAll(/\$\([^)]*\)|\$[A-Z]+/g, SECRET).split(
    "\n",
  );
  return lines.flatMap((line) => {
    const start = /^(?:deno run -A main\.ts|signalbox)((?: .*)?)$/.exec(
      line.replace(/\s+# .*/, ""),
    );
    return start === null ? [] : [start[1] ?? ""];
  });
}

async function testTexts(): Promise<string> {
  const texts: string[] = [];
  for (
    const folder of [
      ...["e2e", "e2e/bridge", "e2e/gstreamer", "e2e/pages", "e2e/process"],
      ...["helpers/cluster", "helpers/process"],
      ...["server", "docs"],
    ]
  ) {
    const url = new URL(`./${folder}/`, import.meta.url);
    for await (const { name } of Deno.readDir(url)) {
      if (name.endsWith(".ts")) texts.push(await Deno.readTextFile(new URL(name, url)));
    }
  }
  return texts.join("\n");
}

Deno.test("every block of code is run by a test, or is listed with the reason why not", async () => {
  const tests = await testTexts();
  const isNamed = ({ name }: Snippet): boolean =>
    name !== undefined && tests.includes(JSON.stringify(name));
  const snippets = allSnippets();
  assert(snippets.length > 40);
  const unknown = snippets.filter((snippet) =>
    !isNamed(snippet) && startsIn(snippet.text).length === 0 &&
    ![...NOT_RUN, ...RUN_HERE].some((entry) => isAt(snippet, entry))
  );
  assertEquals(unknown.map(({ page, text }) => `${page}: ${text.slice(0, 60)}`), []);
});

Deno.test("the lists name no block that is gone", () => {
  const snippets = allSnippets();
  const pages = new Set(snippets.map(({ page }) => page));
  const stale = [...NOT_RUN, ...RUN_HERE].filter((entry) =>
    pages.has(entry[0]) && !snippets.some((snippet) => isAt(snippet, entry))
  );
  assertEquals(stale, []);
});

Deno.test("the command lines of the pages are configurations that can be used", () => {
  const starts = allSnippets().flatMap(({ text }) => startsIn(text));
  assert(starts.length > 5, starts.join("\n"));
  for (const start of starts) {
    const args = [...start.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
      .map(([, single, double, bare]) => single ?? double ?? bare ?? "");
    const files = {
      "/etc/signalbox-webhooks": `whsec_${btoa(SECRET)}`,
      "/etc/signalbox/admin": SECRET,
      "webhook-secret": `whsec_${btoa(SECRET)}`,
      "jwt-secret": SECRET,
      "tokens": "alice:a-token-of-alice\n",
    };
    configOf({ args, files });
  }
});

Deno.test({
  name: "the shell reads every block for it",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const { page, language, text } of allSnippets()) {
      if (language !== "sh") continue;
      const child = new Deno.Command("bash", { args: ["-n", "-c", text], stderr: "piped" });
      const { code, stderr } = await child.output();
      assertEquals([page, code, new TextDecoder().decode(stderr)], [page, 0, ""]);
    }
  },
});

Deno.test("the file of tokens, and the lines of systemd that hand it over, are as the server reads them", () => {
  const command = snippetFrom(OPERATING, "sudo install -m 600");
  const { ssp } = configOf({
    args: ["--ssp-tokens-file", "tokens"],
    files: { tokens: heredocOf(command) },
  });
  assertEquals(ssp.tokens.length, 2);
  const unit = snippetFrom(OPERATING, "[Service]\nLoadCredential=tokens");
  assertMatch(unit, /^Environment=SIGNALBOX_SSP_TOKENS_FILE=%d\/tokens$/m);
});

/** Runs a program and returns its output; fails unless it ends with 0. */
async function run(program: string, args: string[], cwd?: string): Promise<string> {
  const command = new Deno.Command(program, {
    args,
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals([program, code], [program, 0], output);
  return output;
}

/** Writes files into a folder of its own and works there. */
function inFolder(
  name: string,
  needs: readonly Need[],
  files: () => Readonly<Record<string, string>>,
  fn: (path: string) => Promise<void>,
): void {
  clientTest({
    name,
    needs,
    fn: async () => {
      await using folder = await TempFolder.make();
      for (const [file, text] of Object.entries(files())) {
        await Deno.writeTextFile(`${folder.path}/${file}`, text);
      }
      await fn(folder.path);
    },
  });
}

inFolder(
  "Prometheus takes the alerts of the guide",
  ["promtool"],
  () => ({ "rules.yml": snippetFrom(OPERATING, "groups:") }),
  async (path) => {
    const output = await run(programOf("promtool"), ["check", "rules", `${path}/rules.yml`]);
    assertMatch(output, /SUCCESS/);
  },
);

inFolder(
  "HAProxy takes the configuration of the guide, with the guide's certificate",
  ["haproxy", "openssl"],
  () => ({}),
  async (path) => {
    const [, ...args] = snippetFrom(OPERATING, "openssl req").trim().split(" ");
    await run(programOf("openssl"), args, path);
    const [cert, key] = ["cert.pem", "key.pem"].map((name) =>
      Deno.readTextFileSync(`${path}/${name}`)
    );
    await Deno.writeTextFile(`${path}/both.pem`, `${cert}${key}`);
    const config = snippetFrom(OPERATING, "defaults\n")
      .replace("/etc/haproxy/example.org.pem", `${path}/both.pem`);
    await Deno.writeTextFile(`${path}/haproxy.cfg`, config);
    await run(programOf("haproxy"), ["-c", "-f", `${path}/haproxy.cfg`]);
  },
);

for (const unit of ["signalbox", "signalbox-folder"]) {
  inFolder(`systemd takes ${unit}.service with the lines of the guide`, ["systemd"], () => ({
    [`${unit}.service`]: Deno.readTextFileSync(
      new URL(`../scripts/systemd/${unit}.service`, import.meta.url),
    ).replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"),
  }), async (path) => {
    await Deno.mkdir(`${path}/${unit}.service.d`);
    const parts = [
      "[Service]\nLoadCredential=tokens",
      "[Service]\nLoadCredential=cert.pem",
    ];
    for (const [nth, beginning] of parts.entries()) {
      const text = snippetFrom(OPERATING, beginning);
      await Deno.writeTextFile(`${path}/${unit}.service.d/${nth}.conf`, text);
    }
    // Its only fault on a machine without /opt/signalbox would be the folder.
    const output = await run(programOf("systemd"), ["verify", `${path}/${unit}.service`]);
    assertEquals(output.split("\n").filter((line) => line.includes(unit)), []);
  });
}

/** The lines that the guide's recipe adds to coturn's configuration, with this secret. */
function recipeOf(secret: string): string[] {
  const command = snippetFrom(OPERATING, "sudo apt install coturn");
  assertMatch(command, /openssl rand -hex 32 > \/root\/turn-secret/);
  return heredocOf(command).replace("$(sudo cat /root/turn-secret)", secret).trim().split("\n");
}

clientTest({
  name: "coturn starts from the guide's recipe and relays for a credential of its secret",
  needs: ["coturn"],
  fn: async () => {
    await using server = await startTurnServer([], recipeOf(SECRET));
    const [, port = ""] = /127\.0\.0\.1:(\d+)/.exec(server.url) ?? [];
    const args = ["-W", SECRET, "-y", "-m", "1", "-n", "1", "-p", port, "127.0.0.1"];
    const client = programOf("coturn").replace(/turnserver$/, "turnutils_uclient");
    const output = await run(client, args);
    assertMatch(output, /Total lost packets 0/);
  },
});
