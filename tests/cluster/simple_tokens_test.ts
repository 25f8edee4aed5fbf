import { assert, assertEquals } from "@std/assert";
import { type Judge, refused } from "../../src/auth/authenticator.ts";
import { ALL_GRANTS } from "../../src/auth/grants.ts";
import { overhear } from "../helpers/cluster/overhear.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { type NodeClient, SimpleStage } from "../helpers/cluster/simple_stage.ts";
import { stageOver } from "../helpers/cluster/stages.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";

// Tokens that are posted to one node for a connection of another one.

const LIFETIME_MS = 2_000;

interface Carriage extends AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly stage: SimpleStage;
  /** Tokens that were judged, on any node. */
  readonly judged: string[];
  /** Everything that the nodes have asked of the engine. */
  readonly texts: string[];
}

/** Tokens are a user and a number. The time of each begins when it is shown. */
async function begin(): Promise<Carriage> {
  const cluster = await MemoryCluster.form({ delayMs: 2 });
  const judged: string[] = [];
  const judge: Judge = {
    judge(token = ""): ReturnType<Judge["judge"]> {
      judged.push(token);
      const [, user] = /^(\w+)\/\d$/.exec(token) ?? [];
      if (user === undefined) return refused("malformed");
      const expiresAt = cluster.clock.now() + LIFETIME_MS;
      return { identity: { user, grants: ALL_GRANTS, expiresAt } };
    },
  };
  const stage = await SimpleStage.open(() => Promise.resolve(stageOver(cluster)), {}, judge);
  const texts = overhear(cluster);
  return {
    cluster,
    stage,
    judged,
    texts,
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}

/** A client of a node whose peer has its home, and another client, on the second. */
async function clientAt(stage: SimpleStage, at: 0 | 1): Promise<NodeClient> {
  const first = await stage.enter(1, { token: "fred/1" });
  if (at === 1) return first;
  const { p_id, p_secret } = first.credentials;
  return await stage.enter(0, { p_id, p_secret, token: "fred/2" });
}

function refreshOf({ credentials }: NodeClient, token: string): SimpleFrame {
  return { event: "refresh", token, ref: 7, ...credentials };
}

const WAYS = [
  ["its own node", 0, 0],
  ["its home", 0, 1],
  ["another node than its home", 1, 0],
] as const;

for (const [place, connected, posted] of WAYS) {
  Deno.test(`a token that is posted to ${place} renews a connection, and no other node sees it`, async () => {
    await using carriage = await begin();
    const { cluster, stage, judged, texts } = carriage;
    const client = await clientAt(stage, connected);
    await cluster.pass(LIFETIME_MS / 2);
    const outcome = await stage.post(posted, refreshOf(client, "fred/3"));
    assertEquals(outcome, [200, { event: "ok", ref: 7 }]);
    assertEquals(judged.filter((token) => token === "fred/3").length, 1);

    // The time of the first token is over.
    await cluster.pass(LIFETIME_MS / 2 + 200);
    client.client.pump.checkIdentified(cluster.clock.now());
    client.take();
    client.say({ event: "ping", ref: "here" });
    assertEquals(await client.next(1), [{ event: "pong", ref: "here" }]);
    assert(texts.some((text) => text.includes('"op":"renew')), "something crosses the engine");
    assertEquals(texts.filter((text) => text.includes("fred/3")), []);

    // So is that of the posted one.
    await cluster.pass(LIFETIME_MS / 2);
    client.client.pump.checkIdentified(cluster.clock.now());
    assertEquals(client.client.isOpen, false);
  });

  Deno.test(`a bad token that is posted to ${place} is refused, and changes nothing`, async () => {
    await using carriage = await begin();
    const { cluster, stage } = carriage;
    const client = await clientAt(stage, connected);
    const refusals = [["nonsense", 401, "unauthorized"], ["barney/1", 403, "forbidden"]] as const;
    for (const [token, status, code] of refusals) {
      const [got, answer] = await stage.post(posted, refreshOf(client, token));
      assertEquals([got, answer["code"], answer["ref"]], [status, code, 7]);
    }
    await cluster.pass(LIFETIME_MS);
    client.client.pump.checkIdentified(cluster.clock.now());
    assertEquals(client.client.isOpen, false);
  });
}

Deno.test("a posted token is judged only for an instance that its home takes posts for", async () => {
  await using carriage = await begin();
  const { stage, judged } = carriage;
  const client = await clientAt(stage, 1);
  const stranger = { ...refreshOf(client, "fred/3"), p_instance: 5 };
  const [status, answer] = await stage.post(0, stranger);
  assertEquals([status, answer["code"], answer["ref"]], [404, "unknown_instance", 7]);
  assertEquals(judged.includes("fred/3"), false);
  // One without a connection shows its token when it joins again.
  await client.client.lose();
  const [lost, refusal] = await stage.post(0, refreshOf(client, "fred/3"));
  assertEquals([lost, refusal["code"], refusal["ref"]], [404, "unknown_instance", 7]);
});
