import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import type { WsClient } from "../helpers/wire/ws_client.ts";

// Messages held for an absent peer, and the EXPIRE for those that were held in vain (PeerJS
// section 7, with section 9.6: an attempt lives and dies as a whole).

const EXPIRE_MS = 5_000;

Deno.test("PeerJS: held messages follow OPEN in order of arrival, once", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  const bob = await openPeerJs(server.wsUrl, "bob");
  alice.send(message("OFFER", "late", "a1"));
  await settled(alice, "alice");
  bob.send(message("OFFER", "late", "b1"));
  // Nothing is held for these two (section 5), and messages for others are not for this one.
  bob.send(message("LEAVE", "late", "never"));
  bob.send(message("EXPIRE", "late", "never"));
  bob.send(message("OFFER", "later", "never"));
  await settled(bob, "bob");
  alice.send(message("CANDIDATE", "late", "a2"));
  alice.send(message("ANSWER", "late", "a3"));
  await settled(alice, "alice");
  await bob.close(); // delivered even if the sender has left meanwhile

  const late = await openPeerJs(server.wsUrl, "late");
  assertEquals(await late.nextJson(), relayed("OFFER", "alice", "late", "a1"));
  assertEquals(await late.nextJson(), relayed("OFFER", "bob", "late", "b1"));
  assertEquals(await late.nextJson(), relayed("CANDIDATE", "alice", "late", "a2"));
  assertEquals(await late.nextJson(), relayed("ANSWER", "alice", "late", "a3"));
  await settled(late, "late");
  await late.close();

  await using again = await openPeerJs(server.wsUrl, "late");
  await settled(again, "late");
});

Deno.test("PeerJS: held messages go to the connection that takes the id", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  const ids = ["__proto__", "constructor", "b c", "grün"];
  for (const id of ids) alice.send(message("OFFER", id, id));
  await settled(alice, "alice");
  for (const id of ids) {
    await using client = await openPeerJs(server.wsUrl, id);
    assertEquals(await client.nextJson(), relayed("OFFER", "alice", id, id));
  }
});

Deno.test("PeerJS: one EXPIRE per sender and absent id in a sweep", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ clock });
  await using alice = await openPeerJs(server.wsUrl, "alice");
  await using bob = await openPeerJs(server.wsUrl, "bob");
  for (let at = 0; at < 5; at++) {
    alice.send(message("OFFER", "absent", { connectionId: `dc_${at}` }));
  }
  alice.send(message("OFFER", "missing", "x"));
  bob.send(message("OFFER", "absent", "x"));
  await settled(alice, "alice");
  await settled(bob, "bob");

  clock.advance(EXPIRE_MS - 1);
  await settled(alice, "alice"); // nothing yet
  clock.advance(1_001); // the sweep after that
  assertEquals([await alice.next(), await alice.next()], [
    expire("absent", "alice"),
    expire("missing", "alice"),
  ]);
  assertEquals(await bob.next(), expire("absent", "bob"));
  await settled(alice, "alice");
  await settled(bob, "bob");

  // Dropped: nothing is left for a later client.
  await using absent = await openPeerJs(server.wsUrl, "absent");
  await settled(absent, "absent");
  assertEquals(await server.gauge("signalbox_held_bytes"), 0);
});

Deno.test("PeerJS: the pair is compared, not a joined string", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ clock });
  await using first = await openPeerJs(server.wsUrl, "a");
  await using second = await openPeerJs(server.wsUrl, "a_b");
  first.send(message("OFFER", "b_c", 1));
  second.send(message("OFFER", "c", 2));
  await settled(first, "a");
  await settled(second, "a_b");
  clock.advance(EXPIRE_MS + 1_000);
  assertEquals(await first.next(), expire("b_c", "a"));
  assertEquals(await second.next(), expire("c", "a_b"));
});

Deno.test("PeerJS: an attempt is dropped whole, a later one lives on", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ clock });
  await using alice = await openPeerJs(server.wsUrl, "alice");
  const say = async (type: string, connectionId: string): Promise<void> => {
    alice.send(message(type, "absent", { connectionId }));
    await settled(alice, "alice");
  };
  await say("OFFER", "first");
  clock.advance(4_000);
  await say("CANDIDATE", "first");
  await say("OFFER", "second");
  clock.advance(2_000);
  // Its candidate came only 2 s ago, but its offer is too old.
  assertEquals(await alice.next(), expire("absent", "alice"));
  await say("CANDIDATE", "second");

  await using absent = await openPeerJs(server.wsUrl, "absent");
  const second = { connectionId: "second" };
  assertEquals(await absent.nextJson(), relayed("OFFER", "alice", "absent", second));
  assertEquals(await absent.nextJson(), relayed("CANDIDATE", "alice", "absent", second));
  await settled(absent, "absent");
});

Deno.test("PeerJS: EXPIRE goes to the current owner of the sender's id, or to nobody", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ clock });
  {
    const alice = await openPeerJs(server.wsUrl, "alice");
    const bob = await openPeerJs(server.wsUrl, "bob");
    for (const [client, id] of [[alice, "alice"], [bob, "bob"]] as const) {
      client.send(message("OFFER", "absent", 1));
      await settled(client, id);
      await client.close();
    }
    await using successor = await openPeerJs(server.wsUrl, "alice", { token: "another" });
    clock.advance(EXPIRE_MS + 1_000);
    assertEquals(await successor.next(), expire("absent", "alice"));
    await settled(successor, "alice");
  }
  await assertEmpty(server.url);
});

Deno.test("PeerJS: the reference's own flags set the times, on the machine's clock", async () => {
  const args = ["--expire_timeout", "200", "--cleanup_out_msgs", "50"];
  await using server = startTestServer({ args });
  await using alice = await openPeerJs(server.wsUrl, "alice");
  const start = performance.now();
  alice.send(message("OFFER", "absent", 1));
  assertEquals(await alice.next(), expire("absent", "alice"));
  assert(performance.now() - start >= 200, "it was not held long enough");
});

/** A limit of held messages, messages that keep it, and one more that does not. */
interface HeldLimit {
  readonly args: readonly string[];
  readonly within: readonly string[];
  readonly beyond: string;
}

const text = (bytes: number): string => "x".repeat(bytes);

const HELD_LIMITS: Readonly<Record<string, HeldLimit>> = {
  "per sender and absent peer": {
    args: ["--peerjs-max-held-messages", "3"],
    within: [attempt("absent", "1"), attempt("absent", "2"), attempt("absent", "2")],
    beyond: attempt("absent", "3"),
  },
  "in bytes per sender and absent peer": {
    args: ["--peerjs-max-held-bytes", "10000"],
    within: [attempt("absent", "1", text(4_000)), attempt("absent", "2", text(4_000))],
    beyond: attempt("absent", "3", text(4_000)),
  },
  "in bytes per sender": {
    args: ["--peerjs-max-held-bytes-per-sender", "10000"],
    within: [attempt("other", "1", text(4_000)), attempt("third", "2", text(4_000))],
    beyond: attempt("absent", "3", text(4_000)),
  },
  "in attempts of one sender": {
    args: ["--peerjs-max-held-attempts", "2"],
    within: [attempt("other", "1"), attempt("third", "1"), attempt("third", "1")],
    beyond: attempt("absent", "1"),
  },
  "in bytes of all senders": {
    args: ["--peerjs-max-held-bytes-total", "10000"],
    within: [attempt("other", "1", text(4_000)), attempt("third", "2", text(4_000))],
    beyond: attempt("absent", "3", text(4_000)),
  },
};

for (const [what, { args, within, beyond }] of Object.entries(HELD_LIMITS)) {
  Deno.test(`PeerJS: messages are held up to a limit ${what}; beyond it EXPIRE at once`, async () => {
    await using server = startTestServer({ args });
    await using alice = await openPeerJs(server.wsUrl, "alice");
    for (const held of within) {
      alice.send(held);
      await settled(alice, "alice");
    }
    const heldBytes = await server.gauge("signalbox_held_bytes");
    assert(heldBytes > 0);
    alice.send(beyond);
    assertEquals(await alice.next(), expire("absent", "alice"));
    // The refused attempt took nothing with it, and other ids are not concerned.
    assertEquals(await server.gauge("signalbox_held_bytes"), heldBytes);
    const sent = within.map((held): { dst: string; payload: unknown } => JSON.parse(held));
    for (const [dst, due] of Map.groupBy(sent, ({ dst }) => dst)) {
      await using receiver = await openPeerJs(server.wsUrl, dst);
      for (const { payload } of due) {
        assertEquals(await receiver.nextJson(), relayed("OFFER", "alice", dst, payload));
      }
    }
  });
}

Deno.test("PeerJS: a sender over its limit can hold again once its messages are collected", async () => {
  await using server = startTestServer({ args: ["--peerjs-max-held-messages", "1"] });
  await using alice = await openPeerJs(server.wsUrl, "alice");
  for (let round = 0; round < 3; round++) {
    alice.send(attempt("absent", `${round}`));
    await settled(alice, "alice");
    {
      await using absent = await openPeerJs(server.wsUrl, "absent");
      const { payload } = JSON.parse(attempt("absent", `${round}`));
      assertEquals(await absent.nextJson(), relayed("OFFER", "alice", "absent", payload));
    }
    const isGone = async () => await server.gauge("signalbox_peers") === 1;
    await until("the receiver to have gone", isGone);
  }
});

Deno.test("PeerJS: nothing is kept for a dst that no client could ever have", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ args: ["--peerjs-max-id-length", "100"], clock });
  await using alice = await openPeerJs(server.wsUrl, "alice");
  alice.send(message("OFFER", "x".repeat(101), 1));
  alice.send(message("ANSWER", "alice", "marker"));
  // Its sender may learn of it at once or never.
  const { type } = JSON.parse(await alice.nextText());
  if (type === "EXPIRE") await alice.next();
  assertEquals(await server.gauge("signalbox_held_bytes"), 0);
  clock.advance(EXPIRE_MS + 1_000);
  await settled(alice, "alice");
});

function message(type: string, dst: string, payload: unknown): string {
  return JSON.stringify({ type, dst, payload });
}

function attempt(dst: string, connectionId: string, metadata?: string): string {
  return message("OFFER", dst, { connectionId, metadata });
}

function relayed(type: string, src: string, dst: string, payload: unknown): unknown {
  return { type, src, dst, payload };
}

function expire(src: string, dst: string): string {
  return JSON.stringify({ type: "EXPIRE", src, dst });
}

/** The client's frames are handled without an answer: its message to itself comes next. */
async function settled(client: WsClient, id: string): Promise<void> {
  client.send(message("ANSWER", id, "marker"));
  assertEquals(await client.nextJson(), relayed("ANSWER", id, id, "marker"));
}
