import { assert, assertEquals } from "@std/assert";
import type { Failed } from "../../src/core/nodes/backplane.ts";
import type { Homes } from "../../src/core/nodes/elsewhere.ts";
import { FarJoins } from "../../src/dialects/simple/far_joins.ts";
import type { FarClient, Line } from "../../src/dialects/simple/other_nodes.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { SimpleStage } from "../helpers/cluster/simple_stage.ts";
import { stageOver } from "../helpers/cluster/stages.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { FakeLink } from "../helpers/session/fake_link.ts";

// The ends of carried connections while the engine is away.

Deno.test("a client that leaves during an outage leaves the room of its home afterwards", async () => {
  const cluster = await MemoryCluster.form({ delayMs: 2, waitMs: 1_000 });
  await using stage = await SimpleStage.open(() => Promise.resolve(stageOver(cluster)));
  const fred = await stage.enter(1);
  const barney = await stage.enter(1);
  await fred.next(1);
  const { p_id, p_secret } = barney.credentials;
  const carried = await stage.connect(0);
  await carried.join({ p_id, p_secret });
  await fred.next(1);
  cluster.engine.kill();
  await cluster.pass(10);
  await carried.client.leave();
  // The nodes give up every step that waits for longer.
  await cluster.pass(2_500);
  cluster.engine.start({ keeps: true });
  const [leave] = await fred.next(1);
  assertEquals(
    [leave?.["event"], leave?.["peer_id"], leave?.["peer_instance"], leave?.["reason"]],
    [
      "leave",
      p_id,
      1,
      "left",
    ],
  );
});

Deno.test("without the engine a join or a post is refused for the moment, with the time to wait", async () => {
  const cluster = await MemoryCluster.form({ delayMs: 2, waitMs: 1_000 });
  await using stage = await SimpleStage.open(() => Promise.resolve(stageOver(cluster)));
  const fred = await stage.enter(1);
  const newcomer = await stage.connect(0);
  const carried = await stage.connect(0);
  cluster.engine.kill();
  await cluster.pass(10);
  const { p_id, p_secret } = fred.credentials;
  newcomer.say({ event: "join", room: "r", ref: 1 });
  carried.say({ event: "join", room: "r", ref: 1, p_id, p_secret });
  const [status, answer] = await stage.post(0, { event: "ping", ref: 1, ...fred.credentials });
  const [[first], [second]] = [await newcomer.next(1), await carried.next(1)];
  for (const refusal of [first, second, answer]) {
    const { code, retry_ms: retryMs, ref } = refusal ?? {};
    assertEquals([code, retryMs, ref], ["unavailable", 1_000, 1]);
  }
  assertEquals(status, 503);
  cluster.engine.start({ keeps: true });
  await cluster.pass(3_000);
  await newcomer.join();
  await carried.join({ p_id, p_secret });
});

/** A home's way to a client, as its messages show it. */
interface Way {
  readonly line: Line;
  readonly clock: FakeClock;
  readonly sent: { readonly op: unknown; readonly failed: (failed: Failed) => void }[];
  readonly joins: FarJoins;
}

async function carry(): Promise<Way> {
  const clock = new FakeClock();
  const sent: Way["sent"] = [];
  const send: Homes["send"] = (_realm, _to, payload, failed) => {
    const { op } = Object(payload);
    sent.push({ op, failed });
  };
  // It sends, and nothing else.
  const homes = { send, waitMs: 5_000 } as unknown as Homes;
  const joins = new FarJoins({ realm: "simple", clock, iceServers: () => [] }, homes);
  const lines: Line[] = [];
  const link = new FakeLink();
  const client: FarClient = {
    link,
    pass: undefined,
    departure: undefined,
    stream: undefined,
    carried: (line) => void lines.push(line),
    uncarried: () => {},
  };
  const joining = joins.join("p", { event: "join", room: "r" }, client);
  joins.told("home", { op: "joined", connection: `${link.id}.1`, peerId: "p" });
  assertEquals(await joining, "joined");
  const [line] = lines;
  assert(line !== undefined);
  sent.splice(0);
  return { line, clock, sent, joins };
}

const ENDS: readonly (readonly [op: string, end: (line: Line) => void])[] = [
  ["closed", (line) => line.closed("left")],
  ["expelled", (line) => line.expel("kicked")],
];

for (const [op, end] of ENDS) {
  Deno.test(`a home that cannot be reached gets "${op}" once it can`, async () => {
    const { line, clock, sent, joins } = await carry();
    end(line);
    for (const round of [1, 2, 3]) {
      assertEquals(sent.map((one) => one.op), [op], `round ${round}`);
      sent.shift()?.failed("unavailable");
      assertEquals(sent, []);
      clock.advance(1_000);
    }
    // A home that is gone, or has another peer, needs it no more.
    sent.shift()?.failed("gone");
    clock.advance(10_000);
    assertEquals(sent, []);
    joins[Symbol.dispose]();
  });
}
