import { PATIENT } from "../helpers/cluster/node_processes.ts";
import { startRedis } from "../helpers/cluster/redis_server.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { until } from "../helpers/wire/waiting.ts";

clientTest({
  name: "cluster: SIGHUP takes up the engine's new password, and names files that need a restart",
  needs: ["redis-server"],
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const write = (name: string, text: string): Promise<void> =>
      Deno.writeTextFile(`${folder}/${name}`, `${text}\n`);
    try {
      await using engine = await startRedis("--requirepass", "first");
      const as = (password: string, ...command: readonly string[]): Promise<string> =>
        engine.command("--no-auth-warning", "-a", password, ...command);
      await write("password", "first");
      await write("secret", "the first secret of all the nodes");
      await using server = await startServerProcess([
        ...["--dialects", "peerjs", ...PATIENT, "--cluster", engine.url],
        ...["--cluster-password-file", `${folder}/password`],
        ...["--cluster-secret-file", `${folder}/secret`],
      ]);
      await as("first", "CONFIG", "SET", "requirepass", "second");
      await write("password", "second");
      await write("secret", "the second secret of all the nodes");
      Deno.kill(server.pid, "SIGHUP");
      const warning = "a changed file needs a restart option=--cluster-secret-file";
      await until("the reload", () => server.stderr().includes(warning));
      let old: string[] = [];
      await until("the node's connections", async () => {
        old = idsIn(await as("second", "CLIENT", "LIST"));
        return old.length > 0;
      });
      await as("second", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await until("the node to connect again", async () => {
        const fresh = idsIn(await as("second", "CLIENT", "LIST"));
        return fresh.length > 0 && fresh.every((id) => !old.includes(id));
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** The ids of the node's connections in the engine's list of clients; each has logged in. */
function idsIn(list: string): string[] {
  return list.split("\n").filter((line) => line.includes("name=signalbox:"))
    .map((line) => /\bid=(\d+)/.exec(line)?.[1] ?? "");
}
