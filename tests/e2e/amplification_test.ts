import { assert, assertEquals } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { gaugeOf } from "../helpers/wire/gauges.ts";
import { startMain } from "../helpers/process/main_process.ts";
import { RawSocket, requestText } from "../helpers/wire/raw_socket.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Small input of one client must not fill the memory by way of many that do not read: a socket
// keeps its frames, even when it is closed.

const MIB = 2 ** 20;
const SILENT = 80;
const BUDGET = 16 * MIB;
/** Each of them gets every instance with all that the peer has published: 26 MB in the end. */
const INSTANCES = 14;
/** The runtime takes a multiple of what it was handed; without a budget it is more than 500 MiB. */
const GROWTH = 250 * MIB;

for (const kind of ["sockets", "event streams"] as const) {
  Deno.test(`${SILENT} ${kind} that are not read cost no more than what may wait`, async () => {
    await using server = await startMain({
      args: ["--listen", "http://127.0.0.1:0", "--metrics", "/metrics"].concat(
        ["--limits-max-queued-bytes-per-address", `${BUDGET}`],
        ["--simple-max-description-bytes", `${4 * MIB}`],
      ),
    });
    const [url = ""] = server.urls;
    const wsUrl = url.replace(/^http/, "ws");
    await using bystanders = await Bystanders.join(wsUrl);
    using silent = new DisposableStack();
    for (let nth = 0; nth < SILENT; nth++) silent.use(await openSilent(kind, url));
    const before = residentBytes(server.pid);

    await using founder = await WsClient.open(`${wsUrl}/simple`);
    const sdp = "x".repeat(250_000);
    founder.send({ event: "join", room: "r", sdp });
    const { p_id } = await founder.nextJson() as { p_id: string };
    const { p_secret } = await founder.nextJson() as { p_secret: string };
    await using instances = new AsyncDisposableStack();
    for (let nth = 1; nth < INSTANCES; nth++) {
      const instance = instances.use(await WsClient.open(`${wsUrl}/simple`));
      instance.send({ event: "join", room: "r", p_id, p_secret, sdp });
      await instance.nextJson();
      const { p_instance } = await instance.nextJson() as { p_instance: number };
      assertEquals(p_instance, nth);
      // The newest message of each may be beyond it, for as long as it is being written.
      assert(await gaugeOf(url, "signalbox_queued_bytes") < BUDGET + SILENT * 65_536);
    }
    await bystanders.talk();
    const after = residentBytes(server.pid);
    if (before !== undefined && after !== undefined) {
      assert(after - before < GROWTH, `memory grew by ${(after - before) / MIB} MiB`);
    }
  });
}

/** A member of the room that reads nothing but the head of the answer. */
async function openSilent(kind: "sockets" | "event streams", url: string): Promise<RawSocket> {
  const target = "/simple?room=r";
  if (kind === "sockets") return await RawSocket.upgrade(`${url}${target}`);
  const socket = await RawSocket.connect(url);
  const headers = { Accept: "text/event-stream", Upgrade: undefined, Connection: undefined };
  await socket.write(requestText(`GET ${target} HTTP/1.1`, headers));
  assertEquals((await socket.head()).status, 200);
  return socket;
}

/** Undefined where the system does not say. */
function residentBytes(pid: number): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const [, kib] = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return Number(kib) * 1024;
}
