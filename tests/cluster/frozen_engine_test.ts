import { assertEquals } from "@std/assert";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import { logIn } from "../helpers/cluster/owt_client.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openGst } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// A real engine that takes a call and does not answer it: the connection stays, as does the process.

const BOUNDED = ["--cluster-wait-ms", "5000"];
/** A newcomer is to be refused before its time for HELLO is over, on a loaded machine, too. */
const GSTREAMER = [...BOUNDED, "--gstreamer-identify-timeout-ms", "120000"];

/** The answer to a message, or "" where the connection ends. */
async function answer(client: WsClient, message: string): Promise<string> {
  client.send(message);
  return await client.nextText().catch(() => "");
}

clientTest({
  name: "cluster: a claim that a frozen engine took is refused in time, and its id is free later",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"], GSTREAMER);
    await nodes.engine.signal("SIGSTOP");
    await using newcomer = await WsClient.open(`${nodes.wsUrl(0)}/`);
    newcomer.send("HELLO x");
    assertEquals(await newcomer.nextText(), "ERROR server is not available");
    assertEquals((await within("the end", newcomer.closed)).code, 1013);
    await nodes.engine.signal("SIGCONT");
    // The engine carries the claim out first, and takes it back when the node reaches it again.
    await until("the id to be free", async () => {
      await using other = await WsClient.open(`${nodes.wsUrl(1)}/`);
      return await answer(other, "HELLO x") === "HELLO";
    });
  },
});

clientTest({
  name: "cluster: a call that a frozen engine took is refused in time, and nobody is busy later",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"], GSTREAMER);
    await using caller = await openGst(nodes.wsUrl(0), "caller");
    await using _callee = await openGst(nodes.wsUrl(1), "callee");
    await nodes.engine.signal("SIGSTOP");
    caller.send("SESSION callee");
    assertEquals(await caller.nextText(), "ERROR server is not available");
    await nodes.engine.signal("SIGCONT");
    // A call that was carried out ended at once with its caller, and so did the callee's connection.
    const free = ["SESSION_OK", "ERROR peer 'callee' not found"];
    await until("the callee to be free, or gone", async () => {
      await using other = await WsClient.open(`${nodes.wsUrl(1)}/`);
      if (await answer(other, "HELLO other") !== "HELLO") return false;
      return free.includes(await answer(other, "SESSION callee"));
    });
  },
});

clientTest({
  name: "cluster: a message that a frozen engine took is acknowledged as refused in time",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, ["owt"], BOUNDED);
    const [first, second] = nodes.nodes;
    using alice = await logIn(first?.url ?? "", "alice");
    using bob = await logIn(second?.url ?? "", "bob");
    assertEquals(await alice.send("bob", "before"), []);
    await nodes.engine.signal("SIGSTOP");
    assertEquals(await alice.send("bob", "meanwhile"), [2102]);
    await nodes.engine.signal("SIGCONT");
    let sent = 0;
    await until("a message to be acknowledged", async () => {
      const answer = await alice.send("bob", `after ${++sent}`);
      return answer.length === 0;
    });
    // The refused one may have come all the same, but none comes twice.
    const texts = bob.heard.map(([, message]) => (message as { data: string }).data);
    assertEquals([...new Set(texts)], texts);
    assertEquals(texts.includes(`after ${sent}`), true);
  },
});
