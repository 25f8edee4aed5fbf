import { assert, assertEquals } from "@std/assert";
import { overhear } from "../helpers/cluster/overhear.ts";
import { MemoryCluster, type MemoryClusterOptions } from "../helpers/cluster/memory_cluster.ts";
import { type NodeClient, SimpleStage } from "../helpers/cluster/simple_stage.ts";
import { stageOver } from "../helpers/cluster/stages.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";

// Clients whose peers have their home on the other node: the parts of their own node.

interface Carriage extends AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly stage: SimpleStage;
}

async function begin(
  options: MemoryClusterOptions = {},
  more: Readonly<Record<string, unknown>> = {},
): Promise<Carriage> {
  const cluster = await MemoryCluster.form({ delayMs: 2, ...options });
  const stage = await SimpleStage.open(() => Promise.resolve(stageOver(cluster)), more);
  return { cluster, stage, [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose]() };
}

/** A client of the first node whose peer has its home, and another client, on the second. */
async function carry(stage: SimpleStage, more: SimpleFrame = {}): Promise<NodeClient> {
  const { credentials: { p_id, p_secret } } = await stage.enter(1, more);
  return await stage.enter(0, { p_id, p_secret, ...more });
}

/** Frames of one size. */
function frames(event: SimpleFrame, count: number): SimpleFrame[] {
  return Array.from({ length: count }, (_, n) => ({ ...event, pad: "x".repeat(400), ref: n + 1 }));
}

/** How many frames were answered, and how many refused for want of room. */
function outcomes(answers: readonly SimpleFrame[], answer: string): [number, number] {
  const refused = answers.filter(({ code }) => code === "unavailable");
  const answered = answers.filter(({ event }) => event === answer);
  assertEquals(refused.length + answered.length, answers.length, JSON.stringify(answers));
  return [answered.length, refused.length];
}

Deno.test("a carried connection that joins again is refused by its own node, which keeps the token", async () => {
  await using carriage = await begin({}, {
    tokens: ["a-token-for-the-room", "a-token-not-to-leave"],
  });
  const { cluster, stage } = carriage;
  const carried = await carry(stage, { token: "a-token-for-the-room" });
  const texts = overhear(cluster);
  carried.say({ event: "join", room: "r", token: "a-token-not-to-leave", ref: 1 });
  const [refusal] = await carried.next(1);
  assertEquals([refusal?.["code"], refusal?.["ref"]], ["already_joined", 1]);
  carried.say({ event: "ping", ref: "the-marker" });
  assertEquals(await carried.next(1), [{ event: "pong", ref: "the-marker" }]);
  assert(texts.some((text) => text.includes("the-marker")));
  assertEquals(texts.filter((text) => text.includes("a-token-not-to-leave")), []);
});

Deno.test("a carried client fills its own share of the bytes on their way, and no other's", async () => {
  await using carriage = await begin({ maxUnconfirmedBytesPerSender: 4_000 });
  const { cluster, stage } = carriage;
  const busy = await carry(stage);
  const quiet = await carry(stage);
  await cluster.pass(100);
  busy.take();
  busy.say(...frames({ event: "ping" }, 30));
  quiet.say(...frames({ event: "ping" }, 2));
  assertEquals(outcomes(await quiet.next(2), "pong"), [2, 0]);
  const [answered, refused] = outcomes(await busy.next(30), "pong");
  assert(answered > 0 && refused > 0, `${answered} answered, ${refused} refused`);
  // Its share is free again once the home has confirmed the frames.
  await cluster.pass(2_500);
  busy.say({ event: "ping", ref: "later" });
  assertEquals(await busy.next(1), [{ event: "pong", ref: "later" }]);
});

Deno.test("posted frames for a peer of another node fill the peer's share, and no other's", async () => {
  await using carriage = await begin({ maxUnconfirmedBytesPerSender: 4_000 });
  const { cluster, stage } = carriage;
  const [busy, quiet] = [await stage.enter(1), await stage.enter(1)];
  await cluster.pass(100);
  const [busyPosts, quietPosts] = [busy, quiet].map(({ credentials }, n) =>
    frames({ event: "ping", ...credentials }, n === 0 ? 30 : 2)
  );
  const posts = [...busyPosts ?? [], ...quietPosts ?? []].map((frame) => stage.post(0, frame));
  const statuses = (await Promise.all(posts)).map(([status]) => status);
  assertEquals(statuses.slice(30), [200, 200]);
  const taken = statuses.filter((status) => status === 200).length;
  const refused = statuses.filter((status) => status === 503).length;
  assert(taken > 2 && refused > 0, `${taken} taken, ${refused} refused`);
  assertEquals(taken + refused, 32);
  await cluster.pass(2_500);
  assertEquals((await stage.post(0, { event: "ping", ...busy.credentials }))[0], 200);
});
