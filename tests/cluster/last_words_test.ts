import { assertEquals } from "@std/assert";
import type { HomePart, Homes } from "../../src/core/nodes/elsewhere.ts";
import { MemoryCluster, type MemoryNode } from "../helpers/cluster/memory_cluster.ts";

// The last words of a node that ends count, also where its end is known before they are read.

const REALM = "test";
/** Longer than nodes may take to come back to an engine that began anew. */
const SETTLED_MS = 10_000;

/** A dialect's part that keeps its news. */
class Part implements HomePart {
  readonly dialect = "test";
  readonly heard: string[] = [];

  told(_from: string, payload: unknown): boolean {
    this.heard.push(`told ${payload}`);
    return true;
  }
  arriving(): void {}
  untaken(): void {}
  nodeGone(): void {
    this.heard.push("nodeGone");
  }
  severed(): void {}
}

function attend({ hub }: MemoryNode, part: HomePart): Homes {
  const homes = hub.elsewhere.homes;
  homes.attend(REALM, part);
  return homes;
}

/** Holds back what a node reads of its inbox. @returns a function that lets it through */
async function holdBack(cluster: MemoryCluster, { link }: MemoryNode): Promise<() => void> {
  const gate = Promise.withResolvers<void>();
  const connect = link.connect.bind(link);
  link.connect = async (purpose) => {
    const connection = await connect(purpose);
    return {
      get isOpen(): boolean {
        return connection.isOpen;
      },
      command: async (args, limitMs) => {
        if (args[0] === "XREAD") await gate.promise;
        return await connection.command(args, limitMs);
      },
      close: () => connection.close(),
    };
  };
  link.cut();
  link.heal();
  await cluster.pass(100);
  return gate.resolve;
}

Deno.test("a message that a node took before it ended is not reported as lost", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2 });
  const parts = [new Part(), new Part()] as const;
  const homes = [attend(cluster.at(0), parts[0]), attend(cluster.at(1), parts[1])] as const;
  await cluster.pass(SETTLED_MS);
  const release = await holdBack(cluster, cluster.at(0));
  const outcomes: string[] = [];
  homes[0].entrust(REALM, homes[1].address, "state", (outcome) => outcomes.push(outcome));
  await cluster.pass(50);
  assertEquals(parts[1].heard, ["told state"]);
  homes[1].sendNode(REALM, homes[0].address, "last words", () => {});
  await cluster.pass(50);
  await cluster.during(cluster.at(1).node.stop());
  for (let ms = 0; ms < 20_000 && cluster.at(0).node.nodes.length > 1; ms += 10) {
    await cluster.pass(10);
  }
  // The engine names the node no longer.
  await cluster.pass(5_000);
  assertEquals([outcomes, parts[0].heard], [[], []]);
  release();
  await cluster.pass(1_000);
  assertEquals(outcomes, ["taken"]);
  assertEquals(parts[0].heard.slice(0, 2), ["told last words", "nodeGone"]);
});

Deno.test("a process that an emptied engine does not know is given up after a while", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2 });
  const parts = [new Part(), new Part()] as const;
  const homes = [attend(cluster.at(0), parts[0]), attend(cluster.at(1), parts[1])] as const;
  const outcomes: string[] = [];
  cluster.at(1).link.cut();
  homes[0].entrust(REALM, homes[1].address, "state", (outcome) => outcomes.push(outcome));
  await cluster.pass(100);
  for (let time = 0; time < 2; time++) {
    cluster.engine.kill();
    cluster.engine.start({ keeps: false });
    await cluster.pass(3_000);
  }
  assertEquals([outcomes, parts[0].heard], [[], []]);
  await cluster.pass(SETTLED_MS);
  assertEquals(outcomes, ["gone"]);
  assertEquals(parts[0].heard, ["nodeGone"]);
  cluster.at(1).link.heal();
});
