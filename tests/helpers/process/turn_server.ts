import { programOf } from "./clients.ts";
import { freePort } from "./ports.ts";
import { until } from "../wire/waiting.ts";

/** A coturn on loopback that relays between addresses of this machine. */
export interface TurnServer extends AsyncDisposable {
  /** Such as `turn:127.0.0.1:40123?transport=udp`. */
  readonly url: string;
}

/**
 * Starts Debian's coturn with ephemeral credentials.
 * @param secrets all that it accepts
 * @param recipe lines of a configuration, in place of those about realm and secrets
 */
export async function startTurnServer(
  secrets: readonly string[],
  recipe?: readonly string[],
): Promise<TurnServer> {
  const folder = await Deno.makeTempDir({ prefix: "signalbox-coturn-" });
  const port = freePort();
  const config = [
    "listening-ip=127.0.0.1",
    "relay-ip=127.0.0.1",
    `listening-port=${port}`,
    "min-port=49152",
    "max-port=65535",
    ...recipe ?? [
      "realm=signalbox.test",
      "use-auth-secret",
      ...secrets.map((secret) => `static-auth-secret=${secret}`),
    ],
    // Both pages are on this machine.
    "allow-loopback-peers",
    "no-tls",
    "no-dtls",
    "no-cli",
    "no-multicast-peers",
    `log-file=${folder}/turnserver.log`,
    "simple-log",
    `pidfile=${folder}/turnserver.pid`,
    `userdb=${folder}/users.db`,
  ];
  await Deno.writeTextFile(`${folder}/turnserver.conf`, `${config.join("\n")}\n`);
  const child = new Deno.Command(programOf("coturn"), {
    args: ["-c", `${folder}/turnserver.conf`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async (): Promise<void> => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has gone by itself.
    }
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    // Its output waits in a buffer, but it takes TCP on the same port.
    await until("coturn to listen", () => isListening(port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `turn:127.0.0.1:${port}?transport=udp`, [Symbol.asyncDispose]: stop };
}

async function isListening(port: number): Promise<boolean> {
  try {
    using _ = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch {
    return false;
  }
}
