import { assertEquals, assertStringIncludes } from "@std/assert";
import { PATIENT } from "../helpers/cluster/node_processes.ts";
import { startRedis } from "../helpers/cluster/redis_server.ts";
import { makeAuthority } from "../helpers/process/certificate.ts";
import { freePort } from "../helpers/process/ports.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { type MainProcess, runMain, startMain } from "../helpers/process/main_process.ts";
import { EXECUTABLE } from "../helpers/process/program.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { until } from "../helpers/wire/waiting.ts";

// The ways to an engine beside plain TCP: TLS with a CA of one's own, and a unix socket. The sources
// run with no other permissions than those of the cluster page.

const SERVED = ["--listen", "http://127.0.0.1:0", "--dialects", "peerjs", ...PATIENT];

function wsUrl({ urls }: MainProcess): string {
  return (urls[0] ?? "").replace(/^http/, "ws");
}

/** Deno's flags for the sources; the executable has its own. */
function permissions(...flags: readonly string[]): { readonly denoArgs?: readonly string[] } {
  return EXECUTABLE === undefined ? { denoArgs: flags } : {};
}

/** The flags that the sources need for a server on loopback and an engine's socket. */
function socketPermissions(socket: string): { readonly denoArgs: readonly string[] } {
  const net = `--allow-net=127.0.0.1,unix:${socket}`;
  return { denoArgs: [net, `--allow-read=${socket}`, `--allow-write=${socket}`] };
}

async function talk(from: MainProcess, to: MainProcess, word: string): Promise<void> {
  await using a = await openPeerJs(wsUrl(from), `a-${word}`);
  await using b = await openPeerJs(wsUrl(to), `b-${word}`);
  a.send({ type: "OFFER", dst: `b-${word}`, payload: word });
  const offer = { type: "OFFER", src: `a-${word}`, dst: `b-${word}`, payload: word };
  assertEquals(await b.nextJson(), offer);
}

clientTest({
  name: "cluster: nodes reach an engine by TLS, with a CA and certificates of one's own",
  needs: ["redis-server", "openssl"],
  fn: async () => {
    await using folder = await TempFolder.make();
    const { path } = folder;
    await makeAuthority(path, ["engine.test", "node.test"]);
    const port = freePort();
    await using _engine = await startRedis(
      ...["--tls-port", String(port), "--tls-ca-cert-file", `${path}/ca.pem`],
      ...["--tls-cert-file", `${path}/engine.test.pem`],
      ...["--tls-key-file", `${path}/engine.test.key`],
    );
    const at = `rediss://127.0.0.1:${port}`;
    const cluster = ["--cluster", at, "--cluster-ca", `${path}/ca.pem`];
    const named = [...cluster, "--cluster-tls-name", "engine.test"];
    const shown = [
      ...["--cluster-cert", `${path}/node.test.pem`],
      ...["--cluster-key", `${path}/node.test.key`],
    ];
    const options = {
      args: [...SERVED, ...named, ...shown],
      ...permissions("--allow-net=127.0.0.1", `--allow-read=${path}`),
    };
    await using first = await startMain(options);
    await using second = await startMain(options);
    await until("both nodes", () => second.stderr().includes("2 nodes"));
    await talk(first, second, "first");

    const failure = async (args: readonly string[]): Promise<string> => {
      const { code, stderr } = await runMain({ args: [...SERVED, ...args] });
      assertEquals(code, 1);
      return stderr;
    };
    const reason = `Cannot reach the cluster at ${at}: TLS: `;
    assertStringIncludes(await failure(["--cluster", at]), reason);
    assertStringIncludes(await failure([...cluster, ...shown]), reason);
    assertStringIncludes(await failure(named), `Cannot reach the cluster at ${at}: `);
  },
});

clientTest({
  name: "cluster: a unix socket needs three permissions, and a start without one names it",
  needs: ["redis-server"],
  fn: async () => {
    await using folder = await TempFolder.make();
    const socket = `${folder.path}/redis.sock`;
    await using engine = await startRedis("--unixsocket", socket);
    const args = [...SERVED, "--cluster", `redis+unix://${socket}`];
    const needed = { net: `unix:${socket}`, read: socket, write: socket };
    for (const missing of ["net", "read", "write"] as const) {
      const denoArgs = Object.entries(needed).filter(([name]) => name !== missing)
        .map(([name, value]) => `--allow-${name}=${value}`);
      denoArgs.push("--allow-net=127.0.0.1");
      const { code, stderr } = await runMain({ args, denoArgs });
      const reason = `Requires ${missing} access to "${needed[missing]}"`;
      const line = `signalbox: Cannot reach the cluster at redis+unix://${socket}: ${reason}`;
      assertEquals([code, stderr.split(",")[0]], [78, line]);
      assertStringIncludes(stderr, `--allow-${missing}`);
    }
    assertEquals(await engine.command("EXISTS", "{signalbox}:1:nodes"), "0");
  },
});

for (const how of ["no other permission", "all permissions"] as const) {
  clientTest({
    name:
      `cluster: a node with ${how} reconnects to a unix socket after its connections were killed`,
    needs: ["redis-server"],
    fn: async () => {
      await using folder = await TempFolder.make();
      const socket = `${folder.path}/redis.sock`;
      await using engine = await startRedis("--unixsocket", socket);
      const { denoArgs } = socketPermissions(socket);
      const args = [...SERVED, "--cluster", `redis+unix://${socket}`, "--log-level", "debug"];
      await using node = await startMain({
        args,
        denoArgs: how === "all permissions" ? ["-A"] : denoArgs,
      });
      // It has given up what it needs no longer.
      const kept = how === "all permissions" ? "read,write" : "";
      await until("the end of the start", () => node.stderr().includes("permissions kept"));
      assertStringIncludes(node.stderr(), `permissions kept names="${kept}"`);
      const connections = async (): Promise<string[]> => {
        const list = await engine.command("CLIENT", "LIST");
        return [...list.matchAll(/^id=(\d+) .* name=signalbox:/gm)].map(([, id = ""]) => id);
      };
      await until("both connections", async () => (await connections()).length === 2);
      const before = await connections();
      for (const id of before) await engine.command("CLIENT", "KILL", "ID", id);
      await until("new connections", async () => {
        const now = await connections();
        return now.length === 2 && now.every((id) => !before.includes(id));
      });
      await talk(node, node, "again");
      assertEquals(node.stderr().includes("cluster fault"), false);
    },
  });
}

clientTest({
  name: "cluster: nodes reach an engine by its unix socket, also after it was started again",
  needs: ["redis-server"],
  fn: async () => {
    await using folder = await TempFolder.make();
    const socket = `${folder.path}/redis.sock`;
    await using engine = await startRedis("--unixsocket", socket);
    const options = {
      args: [...SERVED, "--cluster", `redis+unix://${socket}`],
      ...EXECUTABLE === undefined ? socketPermissions(socket) : {},
    };
    await using first = await startMain(options);
    await using second = await startMain(options);
    await until("both nodes", () => second.stderr().includes("2 nodes"));
    await talk(first, second, "before");
    await engine.signal("SIGKILL");
    await engine.restart();
    const isBack = ({ stderr }: MainProcess): boolean =>
      stderr().split("cluster reached").length > 2;
    await until("both nodes to be back", () => isBack(first) && isBack(second));
    await talk(second, first, "after");
  },
});
