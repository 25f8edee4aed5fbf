import { assert, assertEquals } from "@std/assert";
import { type Capture, capturesOf } from "../../helpers/captures.ts";
import type { TestClient } from "../../helpers/hub.ts";
import { newSignalling, sessionsOf, type SinkMessage } from "../../helpers/webrtcsink.ts";

/** The ids of a capture and those of its replay, either way: the server makes new ones each time. */
class Ids {
  readonly #pairs = new Map<string, string>();

  learn(recorded: unknown, replayed: unknown): void {
    this.#pairs.set(String(recorded), String(replayed));
  }

  toReplayed(frame: string): string {
    let text = frame;
    for (const [from, to] of this.#pairs) text = text.replaceAll(from, to);
    return text;
  }

  toRecorded(frame: string): string {
    let text = frame;
    for (const [to, from] of this.#pairs) text = text.replaceAll(from, to);
    return text;
  }
}

/** One connection of a capture. */
interface Replayed {
  readonly client: TestClient;
  readonly expected: SinkMessage[];
}

/** Messages that name something for the first time, and the field that does. */
const NAMING = new Map([
  ["welcome", "peerId"],
  ["sessionStarted", "sessionId"],
  ["startSession", "sessionId"],
]);

const captures = capturesOf("webrtcsink");

Deno.test("webrtcsink: captures show all messages of the real client, and what it is told", () => {
  const types = (dir: "in" | "out") =>
    captures.flatMap(({ lines }) =>
      lines.flatMap((line) => line.dir === dir ? [read(line.frame)["type"]] : [])
    );
  const said = ["endSession", "list", "listConsumers", "peer", "setPeerStatus", "startSession"];
  assertEquals([...new Set(types("in"))].toSorted(), said);
  for (const type of ["error", "endSession", "peerStatusChanged", "sessionStarted", "welcome"]) {
    assert(types("out").includes(type), type);
  }
});

for (const capture of captures) {
  const { file, head } = capture;
  Deno.test(`webrtcsink: ${head.client} is told what was recorded of "${head.scene}" (${file})`, async () => {
    using bench = newSignalling();
    const ids = new Ids();
    const connections = new Map<string, Replayed>();
    for (const line of capture.lines) await replay(line);
    for (const { client, expected } of connections.values()) {
      const sent = client.sent.map((frame) => read(ids.toRecorded(String(frame))));
      assertEquals(Map.groupBy(sent, about), Map.groupBy(expected, about));
    }
    assertEquals([bench.hub.peerCount, bench.hub.roomCount, sessionsOf(bench)], [0, 0, 0]);

    async function replay(line: Capture["lines"][number]): Promise<void> {
      if (line.dir === "open") {
        const client = await bench.connect(line.url);
        return void connections.set(line.peer, { client, expected: [] });
      }
      const connection = connections.get(line.peer);
      assert(connection !== undefined, `${line.peer} is not connected`);
      const { client, expected } = connection;
      if (line.dir === "in") return await client.say(ids.toReplayed(line.frame));
      if (line.dir === "close") return await client.leave();
      const message = read(line.frame);
      expected.push(message);
      const field = NAMING.get(String(message["type"]));
      if (field === undefined) return;
      // The nth such message of the recording is the nth of the replay.
      const isAlike = ({ type }: SinkMessage) => type === message["type"];
      const nth = expected.filter(isAlike).length - 1;
      const replayed = client.sent.map((frame) => read(String(frame))).filter(isAlike)[nth];
      ids.learn(message[field], replayed?.[field]);
    }
  });
}

function read(frame: string): SinkMessage {
  return JSON.parse(frame);
}

/** What came of two others at once is in any order; of each of them the order is the server's. */
function about({ sessionId, peerId, type }: SinkMessage): unknown {
  return sessionId ?? peerId ?? type;
}
