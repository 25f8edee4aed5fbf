import { assert, assertEquals } from "@std/assert";
import { DialectBench } from "../helpers/session/dialect.ts";
import {
  enter,
  newSignalling,
  peerMessage,
  SinkClient,
  start,
} from "../helpers/session/webrtcsink.ts";
import { type Driver, greet, heardBy, type Way } from "./driver.ts";
import { DRIVERS } from "./drivers.ts";

// One host and its viewers: it calls all of them at once, an offer and 25 candidates each. The clock
// stands still, so that no allowance grows meanwhile.

const VIEWERS = 200;
const MESSAGES = 26;
/** 200 times 26 of these are 4 MiB. */
const TEXT = "x".repeat(806);

for (const driver of DRIVERS) {
  const { dialect } = driver;
  const way = wayOfMany(driver);

  Deno.test(`${dialect.name}: a host calls 200 viewers at once, and nothing is lost`, async () => {
    using bench = new DialectBench(dialect);
    const host = await greet(way, bench, "host");
    const talks = [];
    for (let nth = 0; nth < VIEWERS; nth++) {
      const viewer = await greet(way, bench, `viewer-${nth}`);
      talks.push({ viewer, talk: await way.meet(host, viewer) });
    }
    for (const { viewer } of talks) viewer.client.heard();

    for (let message = 0; message < MESSAGES; message++) {
      host.client.blurt(...talks.map(({ viewer, talk }) => talk.say(viewer.id, TEXT + message)));
    }
    await host.client.say();
    assertEquals([host.client.refusals, host.client.isOpen], [[], true]);
    for (const { viewer, talk } of talks) {
      const expected = Array.from(
        { length: MESSAGES },
        (_, message) => talk.heard(host.id, viewer.id, TEXT + message),
      );
      assertEquals(heardBy(viewer, driver), expected);
    }
  });

  Deno.test(`${dialect.name}: a flood is refused, and fits into the queue of a reader`, async () => {
    using bench = new DialectBench(dialect);
    const [sender, receiver] = [await greet(way, bench, "one"), await greet(way, bench, "two")];
    const talk = await way.meet(sender, receiver);
    receiver.client.heard();
    const message = talk.say(receiver.id, TEXT);
    for (let count = 0; count < 4 * VIEWERS * MESSAGES; count++) sender.client.blurt(message);
    await sender.client.say();
    assert(sender.client.refusals.includes("rate_limited"));
    const bytes = receiver.client.heard().reduce((sum, { length }) => sum + length, 0);
    for (const { limits } of bench.openings) assert(bytes < limits.maxQueuedBytes);
  });
}

Deno.test("webrtcsink: a wall of 100 sessions of one consumer is set up at once", async () => {
  using bench = newSignalling();
  const wall = await SinkClient.connect(bench);
  await wall.say({ type: "list" });
  wall.heard();
  const producers = [];
  for (let nth = 0; nth < 100; nth++) {
    const producer = await enter(bench, ["producer"]);
    producers.push({ producer, sessionId: await start(wall, producer) });
  }
  for (const { sessionId } of producers) {
    const answer = peerMessage(sessionId, { sdp: { type: "answer", sdp: TEXT } });
    const candidate = peerMessage(sessionId, { ice: { candidate: TEXT, sdpMLineIndex: 0 } });
    await wall.say(answer, ...Array(MESSAGES - 1).fill(candidate));
  }
  assertEquals([wall.heard(), wall.client.refusals], [[], []]);
  for (const { producer } of producers) assertEquals(producer.heard().length, MESSAGES);
});

/** In a session of GStreamer's there are only two. */
function wayOfMany({ ways }: Driver): Way {
  return ways.find(({ voice }) => voice !== undefined) ?? ways[0];
}
