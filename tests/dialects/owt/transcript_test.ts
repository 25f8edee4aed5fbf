import { assert, assertEquals } from "@std/assert";
import { type Capture, capturesOf } from "../../helpers/captures.ts";
import { newOwt, OwtClient } from "../../helpers/owt.ts";

for (const capture of capturesOf("owt")) {
  Deno.test(`OWT: the transcript "${capture.head.scene}" happens as it stands`, async () => {
    await replay(capture);
  });
}

async function replay({ lines }: Capture): Promise<void> {
  using bench = newOwt();
  const clients = new Map<string, OwtClient>();
  const expected = new Map<string, string[]>();
  const compare = (): void => {
    for (const [peer, client] of clients) {
      assertEquals(client.heard(), expected.get(peer) ?? [], peer);
    }
    expected.clear();
  };
  for (const line of lines) {
    if (line.dir === "out") {
      expected.set(line.peer, [...expected.get(line.peer) ?? [], line.frame]);
      continue;
    }
    compare();
    if (line.dir === "open") {
      const { searchParams } = new URL(line.url, "http://signalbox.test");
      clients.set(line.peer, await OwtClient.connect(bench, Object.fromEntries(searchParams)));
      continue;
    }
    const client = clients.get(line.peer);
    assert(client !== undefined, `${line.peer} is not connected`);
    if (line.dir === "in") await client.client.say(line.frame);
    else await client.leave();
  }
  compare();
  for (const { client } of clients.values()) {
    assertEquals([client.refusals.filter((code) => code !== "peer_unknown"), client.link.faults], [
      [],
      [],
    ]);
    await client.leave();
  }
  assertEquals(bench.hub.peerCount, 0);
}
