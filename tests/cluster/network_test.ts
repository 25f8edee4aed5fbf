import { assertEquals } from "@std/assert";
import { makeNetwork, networkObjection } from "../helpers/cluster/network.ts";
import { missesEngine, PATIENT } from "../helpers/cluster/node_processes.ts";
import { startRedis } from "../helpers/cluster/redis_server.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startMain } from "../helpers/process/main_process.ts";
import { openInRoom, openPeerJs } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// A node whose packets to the engine vanish: no connection ends, as with a broken cable.

const objection = Deno.env.get("SIGNALBOX_HIDE_CLIENTS") === "1"
  ? "hidden by SIGNALBOX_HIDE_CLIENTS"
  : networkObjection();
const NAME =
  "cluster: a node whose network loses the engine is dead for the others, and comes back";

if (objection !== undefined) {
  Deno.test({ name: `${NAME} (skipped: ${objection})`, ignore: true, fn: () => {} });
} else {
  clientTest({ name: NAME, needs: ["redis-server"], fn: loseNetwork });
}

async function loseNetwork(): Promise<void> {
  await using network = makeNetwork();
  await using engine = await startRedis("--bind", "0.0.0.0", "--protected-mode", "no");
  const served = ["--dialects", "gstreamer", "--dialects", "peerjs"];
  const node = (name: string, host: string, listen: string): string[] => [
    ...["--cluster", `redis://${host}:${engine.port}`, "--cluster-node", name, ...served],
    ...["--listen", `http://${listen}:0`, ...PATIENT],
    ...["--peerjs-expire-timeout-ms", "300000"],
  ];
  await using first = await startMain({ args: node("a", "127.0.0.1", "127.0.0.1") });
  const { runner, nodeAddress, engineAddress } = network;
  await using lost = await startMain({ args: node("b", engineAddress, nodeAddress), runner });
  const [nearUrl = "", farUrl = ""] = [first, lost].map(({ urls }) => urls[0]);
  const [near, far] = [nearUrl, farUrl].map((url) => url.replace("http", "ws")) as [string, string];
  await using a = await openInRoom(near, "a", "r");
  assertEquals(await a.nextText(), "ROOM_OK ");
  await using b = await openInRoom(far, "b", "r");
  assertEquals(await b.nextText(), "ROOM_OK a");
  assertEquals(await a.nextText(), "ROOM_PEER_JOINED b");
  await using alone = await openPeerJs(far, "alone");

  network.cut();
  assertEquals(await a.nextText(), "ROOM_PEER_LEFT b");
  await until("the node to miss its engine", () => missesEngine(farUrl));
  assertEquals(b.unread, []);
  alone.send({ type: "OFFER", dst: "alone", payload: "within the node" });
  assertEquals((await alone.nextJson() as { src: string }).src, "alone");

  network.heal();
  assertEquals((await within("the end of the announced member", b.closed)).code, 1001);
  await until("the node to have its engine", async () => !await missesEngine(farUrl));
  await using other = await openPeerJs(near, "other");
  other.send({ type: "OFFER", dst: "alone", payload: "from afar" });
  assertEquals((await alone.nextJson() as { src: string }).src, "other");
}
