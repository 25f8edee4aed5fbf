import { assertEquals } from "@std/assert";
import { RollCall } from "../../src/cluster/members/roll_call.ts";
import { MemoryCluster, type MemoryNode } from "../helpers/cluster/memory_cluster.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

// Operators act on a node from the moment at which it serves its first client.

function known({ node }: MemoryNode): string[] {
  return node.nodes.map(({ name }) => name);
}

Deno.test("a node that has just started can be asked before its first beat has told of it", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 3 });
  const first = cluster.at(0);
  const added = cluster.add("n3");
  added.node.questions.answer("echo", (question) => Promise.resolve(question));
  for (let ms = 0; ms < 1_000 && !added.node.isUp; ms++) await cluster.pass(1);
  assertEquals([added.node.isUp, known(first)], [true, ["n1", "n2"]]);

  const { questions } = first.node;
  assertEquals(await cluster.during(questions.ask("n3", "echo", "early")), undefined);
  await cluster.during(questions.meetAll());
  assertEquals(known(first), ["n1", "n2", "n3"]);
  assertEquals(await cluster.during(questions.ask("n3", "echo", "met")), "met");
});

Deno.test("nobody waits for the names of an engine that is away, nor long for one that is frozen", async () => {
  await using cluster = await MemoryCluster.form();
  const { questions } = cluster.at(0).node;
  cluster.engine.freeze();
  let isOver = false;
  const asked = questions.meetAll().then(() => isOver = true);
  await cluster.pass(1_000);
  assertEquals(isOver, false);
  await cluster.pass(1_500);
  assertEquals(isOver, true);
  await asked;
  cluster.engine.thaw();
  cluster.engine.kill();
  await cluster.pass(100);
  assertEquals(cluster.at(0).node.isUp, false);
  // No time passes meanwhile.
  await questions.meetAll();
  cluster.engine.start({ keeps: true });
  await cluster.pass(5_000);
});

Deno.test("a roll call does not end with an answer that was on its way when it began", async () => {
  let calls = 0;
  const rollCall = new RollCall(new FakeClock(), () => ++calls > 0);
  const ended: string[] = [];
  void rollCall.take(1_000).then(() => ended.push("first"));
  rollCall.named();
  await settle();
  assertEquals([ended, calls], [[], 2]);
  void rollCall.take(1_000).then(() => ended.push("second"));
  rollCall.named();
  await settle();
  assertEquals([ended, calls], [["first"], 4]);
  rollCall.named();
  await settle();
  // Nobody waits any more.
  assertEquals([ended, calls], [["first", "second"], 4]);
});
