import { assertEquals, assertStringIncludes } from "@std/assert";
import { startNodesAt } from "../helpers/cluster/node_processes.ts";
import { type RedisServer, startRedis, startSentinels } from "../helpers/cluster/redis_server.ts";
import { makeAuthority } from "../helpers/process/certificate.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { runMain } from "../helpers/process/main_process.ts";
import { freePort } from "../helpers/process/ports.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { until } from "../helpers/wire/waiting.ts";

// A primary, a replica and three Sentinels that speak TLS to each other and to the nodes.

/** The files of a party, as Redis and its Sentinels take them. */
function tlsFiles(folder: string): readonly (readonly [string, string])[] {
  return [
    ["tls-ca-cert-file", `${folder}/ca.pem`],
    ["tls-cert-file", `${folder}/engine.test.pem`],
    ["tls-key-file", `${folder}/engine.test.key`],
    ["tls-auth-clients", "no"],
    ["tls-replication", "yes"],
  ];
}

async function startSecure(
  folder: string,
  ...settings: readonly string[]
): Promise<{ readonly server: RedisServer; readonly port: number }> {
  const port = freePort();
  const files = tlsFiles(folder).flatMap(([name, value]) => [`--${name}`, value]);
  const server = await startRedis("--tls-port", String(port), ...files, ...settings);
  return { server, port };
}

clientTest({
  name: "cluster: nodes find the primary by Sentinels over TLS, also after a failover",
  needs: ["redis-server", "openssl"],
  fn: async () => {
    await using folder = await TempFolder.make();
    const { path } = folder;
    await makeAuthority(path, ["engine.test"]);
    const first = await startSecure(path);
    await using primary = first.server;
    const copy = await startSecure(path, "--replicaof", "127.0.0.1", String(first.port));
    await using replica = copy.server;
    const replication = async (): Promise<string> => await replica.command("INFO", "replication");
    await until(
      "the replica to have its copy",
      async () => (await replication()).includes("master_link_status:up"),
    );
    const ports = [freePort(), freePort(), freePort()];
    await using sentinels = await startSentinels(
      first,
      ...tlsFiles(path).map((words) => words.join(" ")),
      ports.map((port) => `tls-port ${port}`),
    );
    await until("the Sentinels to know each other", () => sentinels.areReady());

    const url = `rediss+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(",")}/main`;
    const tls = ["--cluster-ca", `${path}/ca.pem`, "--cluster-tls-name", "engine.test"];
    await using nodes = await startNodesAt(url, 2, ["peerjs"], tls);
    await using a = await openPeerJs(nodes.wsUrl(0), "a");
    await using b = await openPeerJs(nodes.wsUrl(1), "b");
    const talk = async (payload: string): Promise<void> => {
      a.send({ type: "OFFER", dst: "b", payload });
      assertEquals(await b.nextJson(), { type: "OFFER", src: "a", dst: "b", payload });
    };
    await talk("before");
    await primary.signal("SIGKILL");
    await talk("meanwhile");
    assertStringIncludes(await replication(), "role:master");

    // Without the CA nobody trusts these Sentinels. Deno 2.6 does not give the reason.
    const { code, stderr } = await runMain({
      args: ["--listen", "http://127.0.0.1:0", "--dialects", "peerjs", "--cluster", url],
    });
    assertEquals(code, 1);
    assertStringIncludes(stderr, `Cannot reach the cluster at ${url}: `);
  },
});
