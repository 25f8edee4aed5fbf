import { assertEquals } from "@std/assert";
import { TempFolder } from "../../helpers/store/engines.ts";
import { type MainOptions, startMain } from "../../helpers/process/main_process.ts";
import { openGst, openPeerJs } from "../../helpers/wire/peers.ts";
import { systemTest } from "../../helpers/process/systems.ts";
import { until, within } from "../../helpers/wire/waiting.ts";

// The program as it is started on a command line: the flags of the reference servers, where a value
// comes from, and the permissions that are enough (issue 2, points 1 and 2).

Deno.test("the reference PeerServer's own flags work, long and short", async () => {
  const long = ["--port", "0", "--host", "127.0.0.1", "--key", "mine", "--path", "/my/app"];
  long.push("--expire_timeout", "100", "--cleanup_out_msgs", "50", "--alive_timeout", "20000");
  long.push("--concurrent_limit", "2", "--allow_discovery", "--cors", "https://a.example");
  const short = ["-p", "0", "-H", "127.0.0.1", "-k", "mine", "-t", "100", "-c", "2"];
  const cases: readonly MainOptions[] = [
    { args: long },
    { args: long.map((flag, at) => at === 4 ? "--key=mine" : flag).toSpliced(5, 1) },
    {
      args: [...short, ...long.slice(6)],
      env: { PORT: "1", PEERSERVER_PATH: "/elsewhere" }, // a flag wins
    },
    {
      args: [...long.slice(2, 6), ...long.slice(8)],
      env: { PORT: "0", PEERSERVER_PATH: "my/app/" },
    },
  ];
  for (const options of cases) {
    await using server = await startMain(options);
    const [url = ""] = server.urls;
    const base = `${url.replace(/^http/, "ws")}/my/app`;
    await using alice = await openPeerJs(base, "alice", { key: "mine" });
    alice.send({ type: "OFFER", dst: "bob" });
    assertEquals(await alice.nextJson(), { type: "EXPIRE", src: "bob", dst: "alice" });
    await using _bob = await openPeerJs(base, "bob", { key: "mine" });

    const headers = { origin: "https://a.example" };
    const listed = await fetch(`${url}/my/app/mine/peers`, { headers });
    assertEquals(listed.headers.get("access-control-allow-origin"), headers.origin);
    assertEquals(await listed.json(), ["alice", "bob"]);
    const other = await fetch(`${url}/my/app/mine/id`, {
      headers: { origin: "https://b.example" },
    });
    assertEquals(other.headers.get("access-control-allow-origin"), null);
    await other.body?.cancel();
  }
});

Deno.test("the reference GStreamer server's own flags work", async () => {
  const args = [
    "--addr",
    "127.0.0.1",
    "--port",
    "0",
    "--health",
    "/up",
    "--keepalive-timeout",
    "5",
  ];
  await using server = await startMain({ args: [...args, "--disable-ssl"] });
  const [url = ""] = server.urls;
  assertEquals(new URL(url).protocol, "http:");
  const health = await fetch(`${url}/up`);
  assertEquals([health.status, await health.text()], [200, "OK\n"]);
  const usual = await fetch(`${url}/health`);
  await usual.body?.cancel();
  assertEquals(usual.status, 404);
  await using _alice = await openGst(url.replace(/^http/, "ws"), "alice");
});

Deno.test("flags win over variables, variables over the file, the file over defaults", async () => {
  const folder = await Deno.makeTempDir({ prefix: "signalbox-start-" });
  try {
    const file = `${folder}/config.json`;
    await Deno.writeTextFile(
      file,
      JSON.stringify({
        listen: ["http://127.0.0.1:0"],
        health: "/file",
        metrics: "/file-metrics",
        peerjs: { key: "from-file", allowDiscovery: true },
        gstreamer: { paths: ["/from-file"] },
      }),
    );
    await using server = await startMain({
      args: ["--health", "/flag"],
      env: {
        SIGNALBOX_CONFIG: file,
        SIGNALBOX_HEALTH: "/variable",
        SIGNALBOX_METRICS: "/variable-metrics",
        SIGNALBOX_GSTREAMER_PATHS: "/a, /b",
      },
    });
    const [url = ""] = server.urls;
    const wsUrl = url.replace(/^http/, "ws");
    const statuses: Record<string, number> = {};
    const paths = ["/flag", "/variable", "/file", "/variable-metrics", "/file-metrics"];
    for (const path of [...paths, "/from-file/peers", "/a", "/b", "/from-file"]) {
      const response = await fetch(`${url}${path}`);
      await response.body?.cancel();
      statuses[path] = response.status;
    }
    assertEquals(statuses, {
      "/flag": 200,
      "/variable": 404,
      "/file": 404,
      "/variable-metrics": 200,
      "/file-metrics": 404,
      "/from-file/peers": 200,
      "/a": 426,
      "/b": 426,
      "/from-file": 404,
    });
    await using _alice = await openPeerJs(wsUrl, "alice", { key: "from-file" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("once it listens, it may do anywhere no more than its store needs", async () => {
  await using folder = await TempFolder.make();
  const cases = [["memory", ""], [`kv:${folder.path}`, "read,write"]] as const;
  for (const [store, kept] of cases) {
    const args = ["--listen", "http://127.0.0.1:0", "--store", store, "--log-level", "debug"];
    await using server = await startMain({ args });
    const told = new RegExp(`permissions kept names="${kept}"`);
    await until("the line in the log", () => told.test(server.stderr()));
    await using _alice = await openPeerJs((server.urls[0] ?? "").replace(/^http/, "ws"), "alice");
  }
});

/** Deno's flags that are enough, as README gives them. */
const PERMISSIONS: readonly (readonly string[])[] = [
  ["--allow-net"],
  ["--allow-net", "--allow-env=SIGNALBOX_*,PORT,PEERSERVER_PATH"],
  ["--allow-net=127.0.0.1"],
];

for (const denoArgs of PERMISSIONS) {
  systemTest({
    name: `${denoArgs.join(" ")} is enough to serve both dialects and to stop`,
    needs: "signals",
    fn: async () => {
      const mayRead = denoArgs.some((flag) => flag.startsWith("--allow-env"));
      await using server = await startMain({
        args: ["--host", "127.0.0.1", ...mayRead ? [] : ["--port", "0"]],
        env: { PORT: "0", SIGNALBOX_PEERJS_KEY: "secret" },
        denoArgs,
      });
      const wsUrl = (server.urls[0] ?? "").replace(/^http/, "ws");
      await using alice = await openPeerJs(wsUrl, "alice", mayRead ? { key: "secret" } : {});
      await using gst = await openGst(wsUrl, "alice");
      server.signal("SIGTERM");
      for (const client of [alice, gst]) assertEquals((await client.closed).code, 1001);
      const { code, stdout, stderr } = await within("the end", server.ended);
      assertEquals(code, 0);
      // Nobody was asked for a permission.
      assertEquals(/permission|prompt|Grant|NotCapable/i.exec(stdout + stderr), null);
    },
  });
}
