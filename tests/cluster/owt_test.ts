import { assertEquals } from "@std/assert";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import { logIn } from "../helpers/cluster/owt_client.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// OWT on several real nodes, with a real client.

const needs = ["redis-server"] as const;

clientTest({
  name: "cluster, OWT: a message is acknowledged when the receiver's node has it",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["owt"]);
    const [first, second] = nodes.nodes;
    using alice = await logIn(first?.url ?? "", "alice");
    using bob = await logIn(second?.url ?? "", "bob");
    for (let n = 0; n < 10; n++) assertEquals(await alice.send("bob", `hello ${n}`), []);
    await until("ten messages", () => bob.heard.length === 10);
    assertEquals(bob.heard.map(([name, message]) => [name, message]), [
      ...Array.from(
        { length: 10 },
        (_, n) => ["owt-message", { from: "alice", data: `hello ${n}` }],
      ),
    ]);
    assertEquals(await alice.send("nobody", "?"), [2201]);
  },
});

clientTest({
  name: "cluster, OWT: the newest login wins, and the old client learns of it",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["owt"]);
    const [first, second] = nodes.nodes;
    using old = await logIn(first?.url ?? "", "alice");
    using fresh = await logIn(second?.url ?? "", "alice");
    assertEquals(await within("the old one's end", old.closed), "io server disconnect");
    assertEquals(old.heard, [["server-disconnect"]]);
    using bob = await logIn(first?.url ?? "", "bob");
    assertEquals(await bob.send("alice", "you?"), []);
    await until("the message", () => fresh.heard.length === 1);
  },
});
