import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { makeCertificate } from "../helpers/process/certificate.ts";
import { clientTest, programOf } from "../helpers/process/clients.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { program } from "../helpers/process/program.ts";
import { within } from "../helpers/wire/waiting.ts";

// The image's health check: it finds the server wherever that listens, in a network of their own as
// in a container.

const HEALTH = fileURLToPath(new URL("../../scripts/docker/health.sh", import.meta.url));

/** Starts what the arguments say, and checks once that has said that it listens, or has ended. */
const CONTAINER = `
ip link set lo up
health=$1
shift
exec {output}< <(exec "$@" 2>&1)
while read -r line <&$output && [[ $line != *" listening "* ]]; do :; done
bash "$health"
code=$?
kill -KILL $!
exit $code
`;

interface Run {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

async function isHealthy(
  { args = [], env = {} }: Run,
  run: readonly string[] = program(),
): Promise<boolean> {
  const child = new Deno.Command(programOf("unshare"), {
    args: ["-rn", "bash", "-c", CONTAINER, "bash", HEALTH, ...run, ...args],
    env: { PORT: "", ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const { code } = await within("the health check", child.status);
  return code === 0;
}

clientTest({
  name: "the image's health check finds a server that is configured in any way",
  needs: ["unshare"],
  fn: async () => {
    await using folder = await TempFolder.make();
    const config = `${folder.path}/config.json`;
    await Deno.writeTextFile(config, '{ "port": 9001 }');
    const runs: readonly Run[] = [
      {},
      { env: { PORT: "9000" } },
      { env: { PORT: "9000", SIGNALBOX_PORT: "9001" } },
      { env: { SIGNALBOX_LISTEN: "http://127.0.0.2:0, http://[::1]:0" } },
      { env: { SIGNALBOX_CONFIG: config } },
      { args: ["--port", "9001", "--host", "0.0.0.0", "--health", "/up"] },
    ];
    for (const run of runs) assertEquals(await isHealthy(run), true, JSON.stringify(run));
  },
});

clientTest({
  name: "the image's health check finds a server with TLS, alone or beside one without",
  needs: ["unshare", "openssl"],
  fn: async () => {
    await using certificate = await makeCertificate();
    const tls = ["--tls-cert", certificate.certFile, "--tls-key", certificate.keyFile];
    for (const listen of [["https://[::]:8443"], ["https://[::]:8443", "http://[::]:8080"]]) {
      assertEquals(await isHealthy({ args: ["--listen", ...listen, ...tls] }), true);
    }
  },
});

clientTest({
  name: "the image's health check fails without a server, and for one that cannot answer",
  needs: ["unshare"],
  fn: async () => {
    assertEquals(await isHealthy({ args: ["--version"] }), false);
    const broken = `
      const options = { hostname: "127.0.0.1", port: 8080, onListen: () => console.log("INF listening url") };
      Deno.serve(options, () => new Response("broken", { status: 500 }));
    `;
    assertEquals(await isHealthy({}, [Deno.execPath(), "eval", broken]), false);
  },
});
