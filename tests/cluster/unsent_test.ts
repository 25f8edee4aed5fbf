import { assertEquals } from "@std/assert";
import { gstreamer } from "../../src/dialects/gstreamer/mod.ts";
import { ssp } from "../../src/dialects/ssp/mod.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import { event, frameOf, type SspEvent } from "../helpers/session/ssp.ts";

// Clients learn of each message to another node that their node refuses.

const WAIT_MS = 1_000;
/** Longer than a client's step waits, or a cluster forms. */
const CALM_MS = 5_000;

/** Two clients of one dialect, each on a node of its own. */
interface Pair extends AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly one: TestClient;
  readonly other: TestClient;
  /** Lets a client send frames, and everything come of them. */
  say(client: TestClient, ...frames: readonly string[]): Promise<void>;
}

async function pairOf(dialect: Dialect, path: string): Promise<Pair> {
  await using undo = new AsyncDisposableStack();
  const cluster = undo.use(await MemoryCluster.form({ waitMs: WAIT_MS }));
  const connect = async (at: number): Promise<TestClient> => {
    const [hub, { clock }, realm] = [cluster.hub(at), cluster, dialect.name];
    return await undo.use(new DialectBench(dialect, { bridge: { hub, clock, realm } })).connect(
      path,
    );
  };
  const [one, other] = [await connect(0), await connect(1)];
  const parts = undo.move();
  return {
    cluster,
    one,
    other,
    async say(client, ...frames): Promise<void> {
      await cluster.during(client.say(...frames));
      await cluster.pass(100);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Has a client send something while there is no engine, and starts one afterwards. */
async function sayInVain({ cluster, say }: Pair, client: TestClient, text: string): Promise<void> {
  cluster.engine.kill();
  await say(client, text);
  await cluster.pass(CALM_MS);
  cluster.engine.start({ keeps: false });
  await cluster.pass(CALM_MS);
}

Deno.test("GStreamer: a message of a session that no engine takes is refused, and the session stays", async () => {
  await using pair = await pairOf(gstreamer, "/");
  const { one, other, say } = pair;
  await say(one, "HELLO a");
  await say(other, "HELLO b");
  await say(one, "SESSION b");
  assertEquals([one.heard(), other.heard()], [["HELLO", "SESSION_OK"], ["HELLO"]]);
  await sayInVain(pair, one, "offer");
  assertEquals([one.heard(), other.heard()], [["ERROR peer 'b' cannot be reached now"], []]);
  await say(one, "again");
  assertEquals([one.heard(), other.heard()], [[], ["again"]]);
});

Deno.test("GStreamer: a message to a member that no engine takes is refused", async () => {
  await using pair = await pairOf(gstreamer, "/");
  const { one, other, say } = pair;
  await say(one, "HELLO a", "ROOM r");
  await say(other, "HELLO b", "ROOM r");
  one.heard();
  other.heard();
  await sayInVain(pair, one, "ROOM_PEER_MSG b offer");
  assertEquals([one.heard(), other.heard()], [["ERROR peer 'b' cannot be reached now"], []]);
});

Deno.test("ssp: a description that no engine takes is refused", async () => {
  await using pair = await pairOf(ssp, "/ssp");
  const { one, other, say } = pair;
  await say(one, frameOf("rtc:join", { pool: "p" }));
  await say(other, frameOf("rtc:join", { pool: "p" }));
  // The comparison checks the server's frames.
  const [, newcomer] = one.heardJson() as SspEvent[];
  other.heard();
  assertEquals(newcomer?.type, "rtc:peer");
  const description = { type: "offer", sdp: "v=0" };
  await sayInVain(pair, one, frameOf("rtc:sdp", { to: newcomer?.data["id"], description }));
  const message = "The other nodes cannot be reached";
  assertEquals(one.heardJson(), [event("rtc:error", { message, reason: "unavailable" })]);
  assertEquals(other.heard(), []);
});
