import { assertEquals, assertStringIncludes } from "@std/assert";
import { runMain, startMain } from "../helpers/process/main_process.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// SIGHUP and exit codes of a server whose secrets are in files; tests/server tries every part.

const isWindows = Deno.build.os === "windows";

Deno.test({
  name: "SIGHUP takes up a fresh token from its file, and closes nobody",
  ignore: isWindows,
  async fn(): Promise<void> {
    const folder = await Deno.makeTempDir();
    try {
      const file = `${folder}/tokens`;
      await Deno.writeTextFile(file, "a-token-for-all-here\n");
      await using server = await startMain({
        args: ["--listen", "http://127.0.0.1:0", "--auth-mode=tokens"],
        env: { SIGNALBOX_AUTH_TOKENS_FILE: file },
      });
      const url = `${server.urls[0]?.replace(/^http/, "ws")}/peerjs?key=peerjs`;
      await using client = await WsClient.open(`${url}&id=a&token=a-token-for-all-here`);
      assertEquals(await client.nextJson(), { type: "OPEN" });
      await Deno.writeTextFile(file, "another-token-for-all\n");
      server.signal("SIGHUP");
      await until("the reload", () => server.stderr().includes("secrets and keys read again"));
      await using fresh = await WsClient.open(`${url}&id=b&token=another-token-for-all`);
      assertEquals(await fresh.nextJson(), { type: "OPEN" });
      fresh.send('{"type":"CANDIDATE","dst":"a","payload":{}}');
      assertEquals(await client.nextJson(), {
        type: "CANDIDATE",
        src: "b",
        dst: "a",
        payload: {},
      });
      assertEquals(/token-for-all/.test(server.stderr()), false);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "SIGHUP warns of a short token that comes by a file",
  ignore: isWindows,
  async fn(): Promise<void> {
    const folder = await Deno.makeTempDir();
    try {
      const file = `${folder}/tokens`;
      await Deno.writeTextFile(file, "a-token-for-the-metrics\n");
      await using server = await startMain({
        args: ["--listen", "http://127.0.0.1:0"],
        env: { SIGNALBOX_METRICS_TOKENS_FILE: file },
      });
      assertEquals(server.stderr().includes("tokens can be guessed"), false);
      await Deno.writeTextFile(file, "short\n");
      server.signal("SIGHUP");
      await until("the warning", () => server.stderr().includes("tokens can be guessed"));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("a secret given twice, or in a file that is missing, ends the start with code 78", async () => {
  const missing = await runMain({ args: ["--auth-tokens-file", "/nowhere/tokens"] });
  assertEquals(missing.code, 78);
  assertStringIncludes(missing.stderr, "Cannot use --auth-tokens-file");
  const twice = await runMain({
    args: ["--ice-secret-file", "LICENSE"],
    env: { SIGNALBOX_ICE_SECRET: "hidden-in-a-variable" },
  });
  assertEquals(twice.code, 78);
  const line = "signalbox: Cannot use variable SIGNALBOX_ICE_SECRET beside --ice-secret-file\n";
  assertEquals(twice.stderr, line);
});
