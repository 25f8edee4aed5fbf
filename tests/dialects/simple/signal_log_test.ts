import { assertEquals } from "@std/assert";
import { KeptTotal, SignalLog } from "../../../src/dialects/simple/signal_log.ts";

const HERE = { isGone: false };
const LIMITS = { maxKeptSignals: 100, maxKeptBytes: 1_000, maxKeptBytesTotal: 100 };

/** A log of signals that are their own frames, of ten bytes each. */
function newLog(total: KeptTotal): SignalLog<string> {
  return new SignalLog<string>(LIMITS, total, (_, text) => text.padEnd(10));
}

function fill(log: SignalLog<string>, ...texts: readonly string[]): void {
  for (const text of texts) log.append(HERE, text);
}

/** The kept signals, as a client that has received none would get them. */
function kept(log: SignalLog<string>): string[] {
  return log.resume(0).frames.map((frame) => frame.trim());
}

const FIVE = ["1", "2", "3", "4", "5"];

Deno.test("when all logs are full, connected instances give up their oldest for what must wait", () => {
  const total = new KeptTotal();
  const [one, other, lost] = [newLog(total), newLog(total), newLog(total)];
  fill(one, ...FIVE);
  fill(other, ...FIVE);
  lost.startQueueing();
  for (const text of FIVE) {
    assertEquals(lost.hasRoomFor(text), true);
    fill(lost, text);
  }
  assertEquals(total.bytes, 100);
  assertEquals([kept(one).length + kept(other).length, kept(one)[0], kept(other)[0]], [
    5,
    "4",
    "3",
  ]);
  assertEquals(kept(lost), FIVE);
});

Deno.test("signals for lost instances are never given up: the newest is refused", () => {
  const total = new KeptTotal();
  const [lost, other] = [newLog(total), newLog(total)];
  for (const log of [lost, other]) {
    log.startQueueing();
    fill(log, ...FIVE);
  }
  assertEquals(lost.hasRoomFor("6"), false);
  const connected = newLog(total);
  fill(connected, "1");
  assertEquals([total.bytes, kept(connected)], [100, []]);
  assertEquals([kept(lost), kept(other)], [FIVE, FIVE]);
});

Deno.test("signals sent to a connected instance are dropped the second time around", () => {
  const total = new KeptTotal();
  const log = newLog(total);
  fill(log, "1", "2");
  total.age();
  fill(log, "3");
  assertEquals(kept(log), ["1", "2", "3"]);
  total.age();
  assertEquals([kept(log), total.bytes], [["3"], 10]);
  total.age();
  assertEquals([kept(log), total.bytes, total.spare.size], [[], 0, 0]);
  fill(log, "4");
  assertEquals(log.resume(3), { recovered: true, seq: 3, frames: ["4".padEnd(10)] });
});

Deno.test("signals that a lost instance may have missed stay until it is back, and age from then on", () => {
  const total = new KeptTotal();
  const log = newLog(total);
  fill(log, "1");
  log.startQueueing();
  fill(log, "2");
  for (let round = 0; round < 3; round++) total.age();
  assertEquals(kept(log), ["1", "2"]);
  for (let round = 0; round < 2; round++) total.age();
  assertEquals([kept(log), total.bytes], [[], 0]);
});

Deno.test("signals that a client may have missed unnoticed do not age", () => {
  const total = new KeptTotal();
  const log = newLog(total);
  log.ages = false;
  fill(log, "1", "2");
  for (let round = 0; round < 3; round++) total.age();
  assertEquals(kept(log), ["1", "2"]);
  log.ages = true;
  for (let round = 0; round < 2; round++) total.age();
  assertEquals(kept(log), []);
});

Deno.test("a log that is cleared cannot be taken from", () => {
  const total = new KeptTotal();
  const log = newLog(total);
  fill(log, "1");
  log.clear();
  assertEquals([total.bytes, total.spare.size], [0, 0]);
});
