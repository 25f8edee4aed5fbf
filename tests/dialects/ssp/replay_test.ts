import { assert, assertEquals } from "@std/assert";
import { type Capture, capturesOf } from "../../helpers/captures.ts";
import type { TestClient } from "../../helpers/hub.ts";
import { newPools, type SspEvent } from "../../helpers/ssp.ts";

/** The ids of a capture and those of its replay, either way: the server makes new ones each time. */
class Ids {
  readonly #pairs: [recorded: string, replayed: string][] = [];

  learn(recorded: unknown, replayed: unknown): void {
    this.#pairs.push([String(recorded), String(replayed)]);
  }

  toReplayed(frame: string): string {
    return this.#pairs.reduce((text, [from, to]) => text.replaceAll(from, to), frame);
  }

  toRecorded(frame: string): string {
    return this.#pairs.reduce((text, [to, from]) => text.replaceAll(from, to), frame);
  }
}

/** One connection of a capture. */
interface Replayed {
  readonly client: TestClient;
  readonly expected: string[];
}

const captures = capturesOf("ssp");

Deno.test("ssp: there are captures of both versions", () => {
  const urls = captures.flatMap(({ lines }) =>
    lines.flatMap((line) => line.dir === "open" ? [new URL(line.url, "http://x").pathname] : [])
  );
  for (const path of ["/ssp", "/ssp/v1", "/ssp/auto"]) assert(urls.includes(path), path);
});

for (const capture of captures) {
  const { file, head } = capture;
  Deno.test(`ssp: ${head.client} is told what was recorded of "${head.scene}" (${file})`, async () => {
    using bench = newPools();
    const ids = new Ids();
    const connections = new Map<string, Replayed>();
    for (const line of capture.lines) await replay(line);
    for (const { client, expected } of connections.values()) {
      assertEquals(client.refusals, []);
      const sent = client.sent.map((frame) => ids.toRecorded(String(frame)));
      assertEquals(Map.groupBy(sent, about), Map.groupBy(expected, about));
    }
    assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);

    async function replay(line: Capture["lines"][number]): Promise<void> {
      if (line.dir === "open") {
        return void connections.set(line.peer, {
          client: await bench.connect(line.url),
          expected: [],
        });
      }
      const connection = connections.get(line.peer);
      assert(connection !== undefined, `${line.peer} is not connected`);
      const { client, expected } = connection;
      if (line.dir === "in") return await client.say(ids.toReplayed(line.frame));
      if (line.dir === "close") return await client.leave();
      if (expected.length === 0) ids.learn(clientId(line.frame), clientId(String(client.sent[0])));
      expected.push(line.frame);
    }
  });
}

function clientId(joined: string): unknown {
  return (JSON.parse(joined) as SspEvent).data["client_id"];
}

/** Which of two members was first is a matter of the network; of each the order is the server's. */
function about(frame: string): unknown {
  const { data } = JSON.parse(frame) as SspEvent;
  return data["peer"] ?? data["from"] ?? data["for"] ?? data["uid"] ?? data["id"];
}
