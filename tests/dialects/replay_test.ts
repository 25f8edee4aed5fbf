import { assert, assertEquals } from "@std/assert";
import type { Frame } from "../../src/core/types.ts";
import { type Capture, capturesOf } from "../helpers/captures.ts";
import { DialectBench } from "../helpers/dialect.ts";
import type { TestClient } from "../helpers/hub.ts";
import { DRIVEN, type Driver } from "./drivers.ts";

/** Longest time that a reference server takes to say something by itself (an EXPIRE). */
const PATIENCE_MS = 10_000;

for (const { dialect, driver } of DRIVEN) {
  const captures = capturesOf(dialect.name);

  Deno.test(`${dialect.name}: there are captures of real clients`, () => {
    assert(captures.length > 0);
    for (const { head } of captures) assert(head.client.length > 0 && head.scene.length > 0);
  });

  for (const capture of captures) {
    const { file, head } = capture;
    Deno.test(`${dialect.name}: ${head.client} is told what the reference told it (${file})`, async () => {
      using bench = new DialectBench(dialect);
      await replay(capture, bench, driver);
      assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
    });
  }
}

/** One connection of a capture, from its opening to its end. */
interface Replayed {
  readonly client: TestClient;
  /** What the reference server sent it so far. */
  readonly expected: Frame[];
}

/** Says what the clients said, and compares what each connection was told when it ends. */
async function replay({ lines }: Capture, bench: DialectBench, driver: Driver): Promise<void> {
  const open = new Map<string, Replayed>();
  const connectionOf = (peer: string): Replayed => {
    const connection = open.get(peer);
    assert(connection !== undefined, `${peer} is not connected`);
    return connection;
  };
  for (const line of lines) {
    if (line.dir === "open") {
      open.set(line.peer, { client: await bench.connect(line.url), expected: [] });
      continue;
    }
    const { client, expected } = connectionOf(line.peer);
    if (line.dir === "in") {
      assert(client.isOpen, `${line.peer} was hung up on`);
      await client.say(line.frame);
    } else if (line.dir === "out") {
      expected.push(line.frame);
      await waitFor(bench, client, expected.length);
    } else {
      assertTold(client, expected, driver);
      await end(client, line.code);
      open.delete(line.peer);
    }
  }
  for (const { client, expected } of open.values()) {
    assertTold(client, expected, driver);
    await client.leave();
  }
}

/** Which of two senders was first is a matter of the network; of each the order is the server's. */
function assertTold(client: TestClient, expected: readonly Frame[], { about }: Driver): void {
  assertEquals(Map.groupBy(client.sent, about), Map.groupBy(expected, about));
}

/** Lets time pass until a client was told that much. */
async function waitFor(bench: DialectBench, client: TestClient, count: number): Promise<void> {
  for (let waitedMs = 0; client.sent.length < count && waitedMs < PATIENCE_MS; waitedMs += 100) {
    bench.clock.advance(100);
    await Promise.resolve();
  }
}

/** The connection ends: by the server with a code, or in a way that the code does not tell. */
async function end(client: TestClient, code: number | undefined): Promise<void> {
  if (code !== undefined) {
    const { closing } = client;
    assertEquals(closing === "bare" ? undefined : closing?.[0], code);
  }
  await client.leave();
}
