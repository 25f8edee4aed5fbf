import { assertEquals } from "@std/assert";
import {
  type HeldMessage,
  Mailbox,
  type MailboxLimits,
} from "../../../src/dialects/peerjs/mailbox.ts";

/** The mailbox's charge for a message beyond its bytes. */
const OVERHEAD = 256;

const WIDE: MailboxLimits = {
  holdMs: 5_000,
  maxMessages: 100,
  maxBytes: 1_000_000,
  maxBytesPerReceiver: 1_000_000,
  maxBytesPerSender: 1_000_000,
  maxAttemptsPerSender: 100,
  maxTotalBytes: 1_000_000,
};

function newMailbox(limits: Partial<MailboxLimits> = {}): Mailbox {
  return new Mailbox({ ...WIDE, ...limits });
}

function message(
  from: string,
  to: string,
  payload: unknown,
  { attempt = "", bytes = 10 }: { attempt?: string; bytes?: number } = {},
): HeldMessage {
  return { from, to, attempt, bytes, payload };
}

function payloads(messages: readonly HeldMessage[]): unknown[] {
  return messages.map(({ payload }) => payload);
}

Deno.test("messages of all senders are handed out in order of arrival, and once", () => {
  const mailbox = newMailbox();
  for (const [nth, from] of ["a", "b", "a", "c", "b"].entries()) {
    assertEquals(mailbox.park(message(from, "x", nth, { attempt: from }), nth), "held");
  }
  assertEquals(payloads(mailbox.collect("x")), [0, 1, 2, 3, 4]);
  assertEquals(mailbox.collect("x"), []);
  assertEquals([mailbox.size, mailbox.totalBytes], [0, 0]);
});

Deno.test("messages for one peer reach no other", () => {
  const mailbox = newMailbox();
  mailbox.park(message("a", "x", 1), 0);
  mailbox.park(message("a", "y", 2), 0);
  assertEquals(mailbox.size, 2);
  assertEquals(mailbox.collect("nobody"), []);
  assertEquals(payloads(mailbox.collect("y")), [2]);
  assertEquals(payloads(mailbox.collect("x")), [1]);
});

Deno.test("messages outlive their sender: nothing but time or their receiver takes them", () => {
  const mailbox = newMailbox();
  mailbox.park(message("a", "x", 1), 0);
  assertEquals(mailbox.expire(4_999), []);
  assertEquals(payloads(mailbox.collect("x")), [1]);
});

Deno.test("an attempt expires the hold time after its first message, with all later ones", () => {
  const mailbox = newMailbox();
  mailbox.park(message("a", "x", "offer"), 1_000);
  mailbox.park(message("a", "x", "candidate"), 5_900);
  assertEquals(mailbox.expire(5_999), []);
  assertEquals(mailbox.expire(6_000), [{ from: "a", to: "x" }]);
  assertEquals(mailbox.expire(6_000), []);
  assertEquals([mailbox.collect("x"), mailbox.totalBytes, mailbox.size], [[], 0, 0]);
});

Deno.test("attempts of one pair expire one by one, and the rest keeps its order", () => {
  const mailbox = newMailbox();
  mailbox.park(message("a", "x", "first 1", { attempt: "first" }), 0);
  mailbox.park(message("a", "x", "second 1", { attempt: "second" }), 3_000);
  mailbox.park(message("a", "x", "first 2", { attempt: "first" }), 3_000);
  mailbox.park(message("b", "x", "third 1", { attempt: "first" }), 3_000);
  mailbox.park(message("a", "x", "second 2", { attempt: "second" }), 4_000);
  assertEquals(mailbox.expire(5_000), [{ from: "a", to: "x" }]);
  assertEquals(payloads(mailbox.collect("x")), ["second 1", "third 1", "second 2"]);
  assertEquals(mailbox.totalBytes, 0);
});

Deno.test("attempts of one pair that expire together are reported as one", () => {
  const mailbox = newMailbox();
  mailbox.park(message("a", "x", 1, { attempt: "first" }), 0);
  mailbox.park(message("a", "x", 2, { attempt: "second" }), 0);
  mailbox.park(message("a", "y", 3, { attempt: "first" }), 0);
  mailbox.park(message("b", "x", 4, { attempt: "first" }), 0);
  assertEquals(mailbox.expire(5_000), [
    { from: "a", to: "x" },
    { from: "b", to: "x" },
    { from: "a", to: "y" },
  ]);
});

Deno.test("pairs are compared as pairs: `a` to `b_c` is not `a_b` to `c`", () => {
  const mailbox = newMailbox();
  mailbox.park(message("a", "b_c", 1), 0);
  mailbox.park(message("a_b", "c", 2), 0);
  const expired = mailbox.expire(5_000);
  assertEquals(expired, [{ from: "a", to: "b_c" }, { from: "a_b", to: "c" }]);
});

Deno.test("names of every object's properties are plain names", () => {
  const mailbox = newMailbox();
  for (const name of ["__proto__", "constructor", "toString"]) {
    assertEquals(mailbox.park(message(name, name, name, { attempt: name }), 0), "held");
  }
  assertEquals(payloads(mailbox.collect("__proto__")), ["__proto__"]);
  assertEquals(mailbox.expire(5_000).length, 2);
});

// Each row: the limit, the messages that just fit below it, and one message too many.
const LIMITS: {
  name: string;
  limits: Partial<MailboxLimits>;
  fitting: HeldMessage[];
  excess: HeldMessage;
  /** Takes one message away, after which the excess fits. */
  relief: string;
}[] = [
  {
    name: "messages per pair",
    limits: { maxMessages: 2 },
    fitting: [message("a", "x", 1), message("a", "x", 2)],
    excess: message("a", "x", 3, { attempt: "next" }),
    relief: "x",
  },
  {
    name: "bytes per pair",
    limits: { maxBytes: 2 * OVERHEAD + 30 },
    fitting: [message("a", "x", 1, { bytes: 10 }), message("a", "x", 2, { bytes: 20 })],
    excess: message("a", "x", 3, { attempt: "next", bytes: 0 }),
    relief: "x",
  },
  {
    name: "bytes per sender",
    limits: { maxBytesPerSender: 2 * OVERHEAD + 30 },
    fitting: [message("a", "x", 1, { bytes: 10 }), message("a", "y", 2, { bytes: 20 })],
    excess: message("a", "z", 3, { bytes: 0 }),
    relief: "x",
  },
  {
    name: "bytes per receiver",
    limits: { maxBytesPerReceiver: 2 * OVERHEAD + 30 },
    fitting: [message("a", "x", 1, { bytes: 10 }), message("b", "x", 2, { bytes: 20 })],
    excess: message("c", "x", 3, { bytes: 0 }),
    relief: "x",
  },
  {
    name: "bytes in all",
    limits: { maxTotalBytes: 2 * OVERHEAD + 30 },
    fitting: [message("a", "x", 1, { bytes: 10 }), message("b", "y", 2, { bytes: 20 })],
    excess: message("c", "z", 3, { bytes: 0 }),
    relief: "x",
  },
  {
    name: "attempts per sender",
    limits: { maxAttemptsPerSender: 2 },
    fitting: [
      message("a", "x", 1, { attempt: "first" }),
      message("a", "x", 2, { attempt: "second" }),
    ],
    excess: message("a", "y", 3, { attempt: "third" }),
    relief: "x",
  },
];

for (const { name, limits, fitting, excess, relief } of LIMITS) {
  Deno.test(`the limit of ${name} is reached, and not passed`, () => {
    const mailbox = newMailbox(limits);
    for (const one of fitting) assertEquals(mailbox.park(one, 0), "held");
    assertEquals(mailbox.park(excess, 0), "refused");
    assertEquals(payloads(mailbox.collect(relief)).includes(3), false);
    assertEquals(mailbox.park({ ...excess, attempt: "another" }, 0), "held");
  });
}

Deno.test("one byte decides whether a message fits", () => {
  const limits = { maxBytes: OVERHEAD + 10 };
  assertEquals(newMailbox(limits).park(message("a", "x", 1, { bytes: 9 }), 0), "held");
  assertEquals(newMailbox(limits).park(message("a", "x", 1, { bytes: 10 }), 0), "held");
  assertEquals(newMailbox(limits).park(message("a", "x", 1, { bytes: 11 }), 0), "refused");
});

Deno.test("a limit drops the whole attempt, and only that one", () => {
  const mailbox = newMailbox({ maxMessages: 3 });
  mailbox.park(message("a", "x", "kept", { attempt: "other" }), 0);
  mailbox.park(message("a", "x", "offer", { attempt: "big" }), 0);
  mailbox.park(message("a", "x", "candidate", { attempt: "big" }), 0);
  assertEquals(mailbox.park(message("a", "x", "too many", { attempt: "big" }), 0), "refused");
  assertEquals(mailbox.totalBytes, OVERHEAD + 10);
  assertEquals(payloads(mailbox.collect("x")), ["kept"]);
});

Deno.test("messages after a dropped attempt are ignored, and its end is not reported again", () => {
  const mailbox = newMailbox({ maxBytes: OVERHEAD + 10 });
  assertEquals(mailbox.park(message("a", "x", "offer", { bytes: 11 }), 0), "refused");
  assertEquals(mailbox.park(message("a", "x", "candidate"), 1_000), "ignored");
  assertEquals(mailbox.expire(5_000), []);
  assertEquals([mailbox.size, mailbox.totalBytes], [0, 0]);
});

Deno.test("a dropped attempt and one that expires with it are reported once", () => {
  const mailbox = newMailbox({ maxMessages: 1 });
  mailbox.park(message("a", "x", 1, { attempt: "first" }), 0);
  assertEquals(mailbox.park(message("a", "x", 2, { attempt: "second" }), 0), "refused");
  assertEquals(mailbox.expire(5_000), [{ from: "a", to: "x" }]);
});

Deno.test("one attempt too many is refused once, and ignored from then on", () => {
  const mailbox = newMailbox({ maxAttemptsPerSender: 1 });
  mailbox.park(message("a", "x", 1, { attempt: "first" }), 0);
  assertEquals(mailbox.park(message("a", "x", "offer", { attempt: "second" }), 10), "refused");
  assertEquals(mailbox.park(message("a", "x", "candidate", { attempt: "second" }), 20), "ignored");
});

Deno.test("candidates of an attempt that was refused are not held when there is room again", () => {
  const mailbox = newMailbox({ maxAttemptsPerSender: 1 });
  mailbox.park(message("a", "x", 1, { attempt: "first" }), 0);
  assertEquals(mailbox.park(message("a", "y", "offer", { attempt: "second" }), 10), "refused");
  mailbox.expire(5_000);
  mailbox.park(message("a", "y", "candidate", { attempt: "second" }), 5_005);
  assertEquals(payloads(mailbox.collect("y")), []);
});

Deno.test("one sender at its limit leaves the others theirs", () => {
  const mailbox = newMailbox({ maxBytesPerSender: OVERHEAD + 10, maxAttemptsPerSender: 1 });
  for (const from of ["a", "b", "c"]) {
    assertEquals(mailbox.park(message(from, "x", from), 0), "held");
    assertEquals(mailbox.park(message(from, "y", from), 0), "refused");
  }
  assertEquals(payloads(mailbox.collect("x")), ["a", "b", "c"]);
});

Deno.test("restore() goes on where another mailbox was: order, times, bytes and what was dropped", () => {
  const old = newMailbox({ maxMessages: 2 });
  for (const [nth, from] of ["a", "b", "a"].entries()) old.park(message(from, "x", nth), nth);
  for (let nth = 0; nth < 3; nth++) old.park(message("c", "x", nth), 0);
  const held = [...old.attempts(1_000)];
  assertEquals(held.map(({ from, leftMs, isDropped }) => [from, leftMs, isDropped]), [
    ["a", 4_000, false],
    ["b", 4_001, false],
    ["c", 4_000, true],
  ]);
  const mailbox = newMailbox({ maxMessages: 3 });
  mailbox.restore(held, 100);
  assertEquals([mailbox.totalBytes, mailbox.size], [old.totalBytes, 1]);
  assertEquals(mailbox.park(message("c", "x", "late"), 100), "ignored");
  assertEquals(mailbox.park(message("a", "x", "late"), 100), "held");
  assertEquals(mailbox.expire(4_100), [{ from: "a", to: "x" }]);
  assertEquals(payloads(mailbox.collect("x")), [1]);
  assertEquals([mailbox.totalBytes, mailbox.size], [0, 0]);
});

Deno.test("restore() drops whole what is over a limit here, and reports it in its time", () => {
  const old = newMailbox();
  for (let nth = 0; nth < 3; nth++) old.park(message("a", "x", nth), 0);
  old.park(message("a", "y", "other", { attempt: "other" }), 0);
  const mailbox = newMailbox({ maxMessages: 2, maxAttemptsPerSender: 1, holdMs: 1_000 });
  mailbox.restore([...old.attempts(0)], 0);
  assertEquals(mailbox.totalBytes, 10 + OVERHEAD);
  assertEquals(mailbox.park(message("a", "x", "late"), 0), "ignored");
  // Nothing is held for longer than it would be here.
  assertEquals(mailbox.expire(999), []);
  assertEquals(mailbox.expire(1_000), [{ from: "a", to: "x" }, { from: "a", to: "y" }]);
});
