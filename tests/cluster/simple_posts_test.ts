import { assert, assertEquals } from "@std/assert";
import { type Couple, enterCouple } from "../helpers/cluster/simple_stage.ts";

// Posts for a peer whose home stands still: the answer is true, whenever that begins.

/** Posts a signal for the first client as the second one, while a node stands still from some moment on. */
async function postThen(
  { cluster, stage, fred, barney }: Couple,
  at: 0 | 1,
  still: { readonly node: 0 | 1; readonly afterMs: number; readonly forMs: number },
): Promise<{ answers: unknown[]; signals: number; ms: number }> {
  const answers: unknown[] = [];
  const begunAt = cluster.clock.now();
  let ms = NaN;
  const signal = { event: "signal", type: "data", data: "hello", peer_id: fred.id, ref: 1 };
  void stage.posting(at, { ...signal, ...barney.credentials }).then(([status, { code }]) => {
    answers.push(status, code);
    ms = cluster.clock.now() - begunAt;
  });
  await cluster.pass(still.afterMs);
  const { clock } = cluster.at(still.node);
  clock.stop();
  await cluster.pass(still.forMs);
  clock.resume();
  await cluster.pass(500);
  return { answers, signals: fred.take().filter(({ event }) => event === "signal").length, ms };
}

Deno.test("a post that is refused while a home stands still is not carried out later", async () => {
  await using posting = await enterCouple(1);
  const [refused, answered] = [[503, "unavailable"], [200, undefined]];
  const seen = { refused: 0, late: 0 };
  for (let afterMs = 0; afterMs < 14; afterMs++) {
    const still = { node: 1, afterMs, forMs: 3_000 } as const;
    const { answers, signals, ms } = await postThen(posting, 0, still);
    const words = `a home that stands still ${afterMs} ms after the post`;
    assertEquals([answers, signals], signals === 0 ? [refused, 0] : [answered, 1], words);
    if (signals === 0) assert(ms <= 2_000, words);
    if (signals === 0) seen.refused++;
    else if (ms > 2_000) seen.late++;
  }
  assert(seen.refused > 0 && seen.late > 0, JSON.stringify(seen));
});

Deno.test("a post whose home has died with its outcome names an instance that is no more", async () => {
  await using posting = await enterCouple(1);
  const still = { node: 1, afterMs: 6, forMs: 12_000 } as const;
  const { answers, signals } = await postThen(posting, 0, still);
  assertEquals([answers, signals], [[404, "unknown_instance"], 1]);
});

Deno.test("a posted signal for a peer whose home stands still has the answer of that home", async () => {
  await using posting = await enterCouple(1);
  const still = { node: 0, afterMs: 0, forMs: 3_000 } as const;
  const { answers, signals } = await postThen(posting, 1, still);
  assertEquals([answers, signals], [[200, undefined], 1]);
});

Deno.test("the answer to a post that finds no way is sent again", async () => {
  await using posting = await enterCouple(1);
  const { cluster, stage, barney } = posting;
  const { node } = cluster.at(1);
  const send = node.send.bind(node);
  let answers = 0;
  node.send = (message, isConfirmed, answer) => {
    const isAnswer = JSON.stringify(message.payload).includes("posted");
    // The first one answers the ping before the frame.
    if (!isAnswer || ++answers !== 2) send(message, isConfirmed, answer);
    else answer("unavailable");
  };
  const [status] = await stage.post(0, { event: "ping", ...barney.credentials });
  assertEquals([status, answers], [200, 3]);
});
