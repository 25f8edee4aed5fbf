import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type HeldMessage,
  Mailbox,
  type MailboxLimits,
} from "../../../src/dialects/peerjs/mailbox.ts";

const OVERHEAD = 256;
const LIMITS: MailboxLimits = {
  holdMs: 50,
  maxMessages: 4,
  maxBytes: 4 * OVERHEAD,
  maxBytesPerReceiver: 1_000_000,
  maxBytesPerSender: 6 * OVERHEAD,
  maxAttemptsPerSender: 3,
  maxTotalBytes: 10 * OVERHEAD,
};

const name = fc.constantFrom("a", "b", "a_b", "b_a", "__proto__");
const park = fc.record({
  type: fc.constant("park" as const),
  from: name,
  to: name,
  attempt: fc.constantFrom("", "1", "2"),
  bytes: fc.nat(2 * OVERHEAD),
});
const collect = fc.record({ type: fc.constant("collect" as const), to: name });
const wait = fc.record({ type: fc.constant("wait" as const), ms: fc.nat(40) });
const steps = fc.array(fc.oneof({ weight: 4, arbitrary: park }, collect, wait), { maxLength: 80 });

function totalOf(held: readonly HeldMessage[]): number {
  return held.reduce((sum, { bytes }) => sum + bytes + OVERHEAD, 0);
}

function isSameAttempt(one: HeldMessage, other: HeldMessage): boolean {
  return one.from === other.from && one.to === other.to && one.attempt === other.attempt;
}

Deno.test("a mailbox hands out what it holds, in order, once, and ends up empty", () => {
  fc.assert(fc.property(steps, (steps) => {
    const mailbox = new Mailbox(LIMITS);
    let held: HeldMessage[] = [];
    let now = 0;
    for (const [nth, step] of steps.entries()) {
      if (step.type === "wait") {
        now += step.ms;
        const before = mailbox.totalBytes;
        const reported = mailbox.expire(now).map(({ from, to }) => JSON.stringify([from, to]));
        assertEquals(new Set(reported).size, reported.length);
        // Which attempts are over the next hand-out shows; here they may only have become fewer.
        assert(mailbox.totalBytes <= before);
        held = held.filter(({ payload }) => isAlive(payload, now));
      } else if (step.type === "collect") {
        const expected = held.filter(({ to }) => to === step.to);
        assertEquals(mailbox.collect(step.to), expected);
        held = held.filter(({ to }) => to !== step.to);
      } else {
        const { type: _, ...rest } = step;
        const first = held.find((one) => isSameAttempt(one, { ...rest, payload: undefined }));
        const since = first === undefined ? now : sinceOf(first.payload);
        const message = { ...rest, payload: { nth, since } };
        const outcome = mailbox.park(message, now);
        if (outcome === "held") held.push(message);
        else held = held.filter((one) => !isSameAttempt(one, message));
      }
      assertEquals(mailbox.totalBytes, totalOf(held));
      assertBounded(held);
    }
    mailbox.expire(now + LIMITS.holdMs);
    assertEquals([mailbox.totalBytes, mailbox.size], [0, 0]);
    // Every allowance is back: as much fits as into a new one.
    for (const from of ["a", "b"]) {
      const message = { from, to: "x", attempt: "", bytes: 3 * OVERHEAD, payload: from };
      assertEquals(mailbox.park(message, now), "held");
    }
  }));
});

function assertBounded(held: readonly HeldMessage[]): void {
  assert(totalOf(held) <= LIMITS.maxTotalBytes);
  for (const { from, to } of held) {
    const ofSender = held.filter((one) => one.from === from);
    const ofPair = ofSender.filter((one) => one.to === to);
    assert(totalOf(ofSender) <= LIMITS.maxBytesPerSender);
    assert(totalOf(ofPair) <= LIMITS.maxBytes && ofPair.length <= LIMITS.maxMessages);
    const attempts = new Set(ofSender.map(({ to, attempt }) => JSON.stringify([to, attempt])));
    assert(attempts.size <= LIMITS.maxAttemptsPerSender);
  }
}

// Payloads here are this test's own.
function sinceOf(payload: unknown): number {
  return (payload as { since: number }).since;
}

function isAlive(payload: unknown, now: number): boolean {
  return sinceOf(payload) + LIMITS.holdMs > now;
}
