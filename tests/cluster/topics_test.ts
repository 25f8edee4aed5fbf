import { assertEquals } from "@std/assert";
import { type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { trystero, yjs } from "../helpers/session/topics.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Subscribers of topics on several real nodes.

const needs = ["redis-server"] as const;

function open(nodes: NodeProcesses, at: number): Promise<WsClient> {
  return WsClient.open(`${nodes.wsUrl(at)}/topics`);
}

/** Opens clients on two nodes that are subscribed to a Yjs topic, and waits until all are counted. */
async function openSubscribers(
  nodes: NodeProcesses,
  topic: string,
  at: readonly number[],
): Promise<WsClient[]> {
  const clients: WsClient[] = [];
  for (const one of at) clients.push(await open(nodes, one));
  for (const client of clients) client.send(yjs.subscribe(topic));
  for (const client of clients) await assertCounts(client, topic, at.length);
  // Every client has got the publications of all others: none is counted a second time below.
  for (const client of clients) client.send(yjs.publish(topic, "counted"));
  for (const client of clients) {
    for (let left = at.length; left > 0;) if ((await next(client)).data === "counted") left--;
  }
  return clients;
}

interface Delivered {
  readonly data: unknown;
  readonly clients: number;
}

async function next(client: WsClient): Promise<Delivered> {
  // The comparison checks the server's frames.
  return await client.nextJson() as Delivered;
}

/** Publishes until the delivered number of subscribers is this one. */
async function assertCounts(client: WsClient, topic: string, count: number): Promise<void> {
  const probe = crypto.randomUUID();
  await until(`${count} subscribers`, async () => {
    client.send(yjs.publish(topic, probe));
    for (;;) {
      const { data, clients } = await next(client);
      if (data === probe) return clients === count;
    }
  });
}

clientTest({
  name: "cluster, topics: subscribers of two nodes get a publication once, with their number",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["topics"]);
    const [a, b, c] = await openSubscribers(nodes, "room", [0, 1, 1]);
    await using stranger = await open(nodes, 0);
    const numbers = Array.from({ length: 10 }, (_, n) => n);
    for (const n of numbers) b?.send(yjs.publish("room", n));
    for (const client of [a, b, c]) {
      for (const n of numbers) {
        assertEquals(await client?.nextJson(), {
          type: "publish",
          topic: "room",
          data: n,
          clients: 3,
        });
      }
    }
    // Publishing needs no subscription, on whichever node.
    stranger.send(yjs.publish("room", "hello"));
    for (const client of [a, b, c]) {
      assertEquals(client && (await next(client)).data, "hello");
    }
    await c?.close();
    if (a !== undefined) await assertCounts(a, "room", 2);
    for (const client of [a, b]) await client?.close();
  },
});

clientTest({
  name: "cluster, topics: a signal goes to the node that heard its receiver's announcement",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["topics"]);
    const clients = await openSubscribers(nodes, "room", [0, 1, 1]);
    const [a, b] = clients;
    b?.send(yjs.announce("room", "bob"));
    for (const client of clients) {
      assertEquals((await next(client)).data, { type: "announce", from: "bob" });
    }
    a?.send(yjs.signal("room", "bob", "offer"));
    a?.send(yjs.signal("room", "nobody", "to all"));
    const [directed, toAll] = [
      { type: "signal", to: "bob", signal: "offer" },
      { type: "signal", to: "nobody", signal: "to all" },
    ];
    assertEquals(b && (await next(b)).data, directed);
    for (const client of clients) assertEquals((await next(client)).data, toAll);
    for (const client of clients) await client.close();
  },
});

clientTest({
  name: "cluster, topics: a Trystero page reaches another one on its own topic, on another node",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["topics"]);
    await using a = await open(nodes, 0);
    await using b = await open(nodes, 1);
    for (const [client, id] of [[a, "ann"], [b, "bob"]] as const) {
      client.send(trystero.subscribe(`self-of-${id}`));
      client.send(trystero.subscribe("root"));
    }
    const announced = { topic: "root", payload: JSON.stringify({ peerId: "bob" }) };
    await until("the announcement", () => {
      b.send(trystero.announce("root", "bob"));
      return Promise.resolve(a.unread.length > 0);
    });
    assertEquals(await a.nextJson(), announced);
    a.send(trystero.publish("self-of-bob", "offer"));
    for (let message = announced; message.topic === "root";) {
      message = await b.nextJson() as typeof announced;
      if (message.topic !== "root") {
        assertEquals(message, { topic: "self-of-bob", payload: "offer" });
      }
    }
  },
});

clientTest({
  name: "cluster, topics: a Trystero page whose node ends is subscribed again on another one",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["topics"]);
    // A cluster that forms has nodes wait with what they tell each other.
    for (const client of await openSubscribers(nodes, "formed", [0, 1])) await client.close();
    const lost = await open(nodes, 0);
    for (const topic of ["self-of-ann", "root"]) lost.send(trystero.subscribe(topic));
    lost.send(trystero.announce("root", "ann"));
    await lost.next();
    await nodes.nodes[0]?.stop("SIGTERM");
    await within("the end of the connection", lost.closed);
    await using back = await open(nodes, 1);
    // The note of the other node may come a moment later.
    await until("the subscription", () => {
      back.send(trystero.announce("root", "ann"));
      return Promise.resolve(back.unread.length > 0);
    });
    await using other = await open(nodes, 1);
    other.send(trystero.publish("self-of-ann", "offer"));
    for (;;) {
      const { topic, payload } = await back.nextJson() as { topic: string; payload: string };
      if (topic === "root") continue;
      assertEquals([topic, payload], ["self-of-ann", "offer"]);
      break;
    }
  },
});

clientTest({
  name: "cluster, topics: a killed node's subscribers are counted no more, and nobody else notices",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["topics"]);
    const [a, b] = await openSubscribers(nodes, "room", [0, 1]);
    await nodes.nodes[1]?.stop("SIGKILL");
    if (b !== undefined) await within("the end of the connection", b.closed);
    if (a !== undefined) await assertCounts(a, "room", 1);
    await nodes.add();
    await using c = await open(nodes, 2);
    c.send(yjs.subscribe("room"));
    await assertCounts(c, "room", 2);
    await a?.close();
  },
});
