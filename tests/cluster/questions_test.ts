import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";

Deno.test("nodes ask each other, and get the answers of the right question", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 3, nodes: 3 });
  const [one, two, three] = cluster.nodes.map(({ node }) => node.questions);
  for (const [name, questions] of [["two", two], ["three", three]] as const) {
    questions?.answer("echo", (question) => Promise.resolve([name, question]));
  }
  const answers = await cluster.during(Promise.all([
    one?.ask("n2", "echo", { text: "a" }),
    one?.ask("n3", "echo", "b"),
    one?.ask("n2", "echo", undefined),
  ]));
  assertEquals(answers, [["two", { text: "a" }], ["three", "b"], ["two", null]]);
});

Deno.test("a question without an answer is over after a while", async () => {
  await using cluster = await MemoryCluster.form();
  const [one, two] = cluster.nodes.map(({ node }) => node.questions);
  two?.answer("slow", () => new Promise(() => {}));
  two?.answer("huge", () => Promise.resolve("x".repeat(1_400_000)));
  const asked = [
    one?.ask("n2", "slow", 1),
    one?.ask("n2", "huge", 1),
    one?.ask("n2", "unknown", 1),
    one?.ask("nobody", "slow", 1),
    one?.ask("n2", "slow", "x".repeat(1_400_000)),
  ];
  assertEquals(
    await cluster.during(Promise.all(asked)),
    [undefined, undefined, undefined, undefined, undefined],
  );
  const unknown = cluster.nodes[1]?.events.filter(({ type }) => type === "unknown").length;
  assertEquals(unknown, 1);
});

Deno.test("a node has a limited number of open questions, and no answer to one more", async () => {
  await using cluster = await MemoryCluster.form({ work: { maxQuestions: 20 } });
  const [one, two] = cluster.nodes.map(({ node }) => node.questions);
  two?.answer("echo", (question) => Promise.resolve(question));
  const asked = Array.from({ length: 21 }, (_, n) => one?.ask("n2", "echo", n));
  const answers = await cluster.during(Promise.all(asked));
  assertEquals(answers, [...Array(20).keys(), undefined]);
});

Deno.test("questions and answers that mean nothing are counted, and do no harm", async () => {
  await using cluster = await MemoryCluster.form();
  const [one, two] = cluster.nodes.map(({ node }) => node.questions);
  two?.answer("echo", (question) => Promise.resolve(question));
  const senseless = [null, 7, {}, [], ["1", "echo", 1], [1, "toString"], [[1], ["echo"]]];
  for (const item of senseless) {
    assertEquals([two?.asked("n1p0.1", item), two?.answered(item)], [
      false,
      item instanceof Array && item[0] === 1,
    ]);
  }
  assertEquals(await cluster.during(Promise.resolve(one?.ask("n2", "echo", "still"))), "still");
});
