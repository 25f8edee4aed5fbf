import { assertEquals, assertMatch } from "@std/assert";
import { TempFolder } from "../../helpers/store/engines.ts";
import { type MainOptions, runMain, startMain } from "../../helpers/process/main_process.ts";
import { Ledger, RestartedClient } from "../../helpers/process/restart_load.ts";
import { systemTest } from "../../helpers/process/systems.ts";
import { within } from "../../helpers/wire/waiting.ts";

// A planned restart whose start fails, once the store is open, costs nobody anything: the start
// that succeeds in the end is the one that has what was sealed.

const LOCAL = ["--listen", "http://127.0.0.1:0"];

interface FailedStart extends MainOptions {
  readonly name: string;
  readonly code: number;
}

function failuresWith(folder: string, busyPort: number): FailedStart[] {
  const busy = `http://127.0.0.1:${busyPort}`;
  const none = `${folder}/none.pem`;
  const secure = ["--listen", "https://127.0.0.1:0", "--tls-key", none, "--tls-cert"];
  const files = [`--allow-read=${folder}`, `--allow-write=${folder}`];
  return [
    { name: "a port that is taken", args: ["--listen", busy], code: 1 },
    { name: "the second of two ports", args: [...LOCAL, "--listen", busy], code: 1 },
    { name: "another machine's address", args: ["--listen", "http://203.0.113.1:0"], code: 1 },
    { name: "no certificate", args: ["--cert-path", `${folder}/nowhere`], code: 78 },
    { name: "no certificate in its file", args: [...secure, none], code: 78 },
    { name: "two dialects at one path", args: [...LOCAL, "--simple-path=/webrtcsink"], code: 78 },
    { name: "an invalid proxy", args: [...LOCAL, "--trust-proxy", "proxy"], code: 78 },
    { name: "no permission to listen", args: LOCAL, denoArgs: files, code: 78 },
  ];
}

systemTest({
  name: "sealed state outlives starts that fail, and is recovered by the one that does not",
  needs: "signals",
  fn: async () => {
    await using temp = await TempFolder.make();
    await Deno.writeTextFile(`${temp.path}/none.pem`, "none");
    using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const store = ["--store", `kv:${temp.path}/store`, "--simple-resume-ms", "60000"];
    const [one, other] = [new RestartedClient(new Ledger()), new RestartedClient(new Ledger())];
    const run = async (marker: string, recovers: boolean): Promise<void> => {
      await using server = await startMain({ args: [...LOCAL, ...store] });
      for (const client of [one, other]) await client.enter(server.urls[0] ?? "", recovers);
      await one.mark(other.id, marker);
      await other.heard(one.id, marker);
      server.signal("SIGTERM");
      assertEquals((await within("the end of the server", server.ended)).code, 0);
      for (const client of [one, other]) await client.ended();
    };
    await run("nothing", false);
    for (const { name, code, args = [], ...how } of failuresWith(temp.path, busy.addr.port)) {
      const failed = await runMain({ ...how, args: [...args, ...store] });
      assertEquals([failed.code, failed.stdout], [code, ""], `${name}: ${failed.stderr}`);
      assertMatch(failed.stderr, /^signalbox: .*\n$/, name);
      await run(name, true);
    }
  },
});
