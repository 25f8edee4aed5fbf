import { assertEquals } from "@std/assert";
import type { OutgoingMessage, PassAnswer } from "../../src/core/nodes/backplane.ts";
import { newProcessName } from "../../src/cluster/names.ts";
import { packBody, packName } from "../../src/cluster/texts.ts";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { overhear } from "../helpers/cluster/overhear.ts";

// A node beside one of an earlier version, which writes and reads each part of a message by itself.

/** A process of such a node. */
const EARLIER = "0b0e8a52-3c8f-4a53-8f3e-2f5a7d1c9e10";
const INBOX = "test:1:in:";
/** Longer than the engine in memory gets no command: it looks for new items then. */
const BEAT_MS = 2_000;
const NAMES = [
  "plain",
  "a b",
  "line\nbreak",
  "\0zero",
  "\ud800",
  "ü€😀",
  '"quoted" \\", [',
  '\\"',
  "",
  "null",
];

/** A node, and one of an earlier version. */
async function mixed(): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.form({ nodes: 1 });
  cluster.add("earlier", EARLIER);
  await cluster.pass(500);
  return cluster;
}

/** The incarnation of a node. */
function incarnationOf({ engine }: MemoryCluster, process: string): string {
  const nodes = engine.data.call(["HGETALL", "test:1:nodes"]);
  if (!Array.isArray(nodes)) throw new TypeError("The engine has no list of nodes");
  return nodes.map(String).find((text) => text.startsWith(`${process}.`)) ?? "";
}

/** The parts of the messages that a node has not read. */
function messagesIn({ engine }: MemoryCluster, node: string): (readonly string[])[] {
  const items = engine.data.after(`${INBOX}${node}`, "0-0", 100)
    .map(({ fields }) => fields.filter((_, index) => index % 2 === 1));
  return items.filter(([kind]) => kind === "m").map((parts) => parts.slice(1));
}

Deno.test("no process has a name that stands for an earlier version", () => {
  assertEquals(newProcessName().includes("-"), false);
});

for (const name of NAMES) {
  const named = `with names like ${JSON.stringify(name)}`;

  Deno.test(`a node of an earlier version gets the parts of a message ${named}`, async () => {
    await using cluster = await mixed();
    const [{ node }, { clock }] = [cluster.at(0), cluster.at(1)];
    const [id, from] = [`${name} `, `from ${name}`];
    await admit(cluster, 1, id);
    const plain = { realm: "test", id, from, dialect: "test", room: undefined, fence: undefined };
    const messages: OutgoingMessage[] = [
      { ...plain, payload: { text: 'a\n"b"' } },
      { ...plain, payload: new Uint8Array([0, 10, 255]), room: name },
      { ...plain, payload: undefined, isCall: true },
      // It is sent again, which these versions do not know.
      { ...plain, payload: 4, firstNumber: 1 },
    ];
    clock.stop();
    const answers: PassAnswer[] = [];
    for (const message of messages) node.send(message, true, (answer) => answers.push(answer));
    await cluster.pass(20);
    const written = messagesIn(cluster, incarnationOf(cluster, EARLIER));
    const fence = written[0]?.[4] ?? "none";
    const json = (text: string): string => `\0${JSON.stringify(text)}`;
    assertEquals(
      // These versions use the first part up to its first dot alone.
      written.map(([text = "", ...parts]) => [text.split(".")[0], ...parts]),
      messages.map(({ payload }, index) => {
        const room = ["", `r${json(name)}`, "c", ""][index];
        const head = [node.address, String(index + 1), "test", packName(id), fence];
        return [...head, json(from), room, "1", packBody(payload)];
      }),
    );
    clock.resume();
    await cluster.pass(BEAT_MS);
    // The client is in no room, and this hub has no calls.
    assertEquals(answers, ["taken", "gone", "gone", "taken"]);
  });

  Deno.test(`a message of an earlier version arrives, and is confirmed, ${named}`, async () => {
    await using cluster = await mixed();
    const { node } = cluster.at(0);
    const to = await admit(cluster, 0, `${name} `);
    const sender = incarnationOf(cluster, EARLIER);
    const ids = [packName(`${name} `), "", packName(name)];
    const item = ["m", sender, "1", "test", ...ids, "", "", packBody("hello")];
    const inbox = `${INBOX}${incarnationOf(cluster, node.address)}`;
    const texts = overhear(cluster);
    cluster.engine.data.call(["XADD", inbox, "*", ...item.flatMap((part) => ["p", part])]);
    await cluster.pass(BEAT_MS);
    assertEquals(to.told(), [`relay ${name}: "hello"`]);
    const confirmedAt = texts.indexOf("c", texts.indexOf("T"));
    assertEquals(texts.slice(confirmedAt - 2, confirmedAt + 2), ["T", sender, "c", "1"]);
  });
}
