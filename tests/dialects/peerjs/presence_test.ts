import { assert, assertEquals } from "@std/assert";
import { peerjs } from "../../../src/dialects/peerjs/mod.ts";
import { DialectBench, type DialectTestOptions } from "../../helpers/session/dialect.ts";
import { settle, type TestClient } from "../../helpers/session/hub.ts";

// Connections, take-overs and held messages: sections 6, 7 and 9 of protocols/peerjs.md.

const OPEN = { type: "OPEN" };

function newBench(test?: DialectTestOptions): DialectBench {
  return new DialectBench(peerjs, test);
}

function connect(bench: DialectBench, id: string, token = "t"): Promise<TestClient> {
  return bench.connect(`/peerjs?key=peerjs&id=${id}&token=${token}`);
}

/** A client that is registered and has read its OPEN. */
async function register(bench: DialectBench, id: string, token?: string): Promise<TestClient> {
  const client = await connect(bench, id, token);
  assertEquals(client.heardJson(), [OPEN]);
  return client;
}

function offer(dst: string, payload: unknown, type = "OFFER"): string {
  return JSON.stringify({ type, dst, payload });
}

function relayed(src: string, dst: string, payload: unknown, type = "OFFER"): unknown {
  return { type, src, dst, payload };
}

function expire(src: string, dst: string): unknown {
  return { type: "EXPIRE", src, dst };
}

Deno.test("§6: a disconnect is silent, and the id is free for any token at once", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  await alice.say(offer("bob", 1));
  bob.heard();
  await alice.leave();
  assertEquals([bob.heard(), bob.isOpen], [[], true]);
  await register(bench, "alice", "another token");
});

Deno.test("§9.1, §9.2: a take-over gets OPEN, and the old socket is closed", async () => {
  using bench = newBench();
  const old = await register(bench, "alice");
  const bob = await register(bench, "bob");
  const fresh = await register(bench, "alice");
  assertEquals(old.closing, [1000, "replaced by a newer connection"]);
  assertEquals(old.heard(), []);

  await bob.say(offer("alice", 1));
  assertEquals([old.heard(), fresh.heardJson()], [[], [relayed("bob", "alice", 1)]]);
  // Frames on the old path are not relayed, and its end changes nothing.
  await old.say(offer("bob", "ghost"));
  await old.leave();
  assertEquals([bob.heard(), bench.hub.has("peerjs", "alice")], [[], true]);
  await fresh.say(offer("bob", 2));
  assertEquals(bob.heardJson(), [relayed("alice", "bob", 2)]);
  await fresh.leave();
  assertEquals(bench.hub.has("peerjs", "alice"), false);
});

Deno.test("§6: an id can be taken over again and again", async () => {
  using bench = newBench();
  const clients: TestClient[] = [];
  for (let nth = 0; nth < 5; nth++) clients.push(await register(bench, "alice"));
  assertEquals(clients.map(({ isOpen }) => isOpen), [false, false, false, false, true]);
  assertEquals(bench.hub.peerCount, 1);
});

Deno.test("§6: a message to a connection that is being closed is held, not lost", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  bob.link.close(1008);
  alice.blurt(offer("bob", 1));
  await settle();
  const resumed = await connect(bench, "bob");
  assertEquals(resumed.heardJson(), [OPEN, relayed("alice", "bob", 1)]);
  assertEquals(alice.heard(), []);
});

Deno.test("§6: messages held while nobody was there go to the resumed connection", async () => {
  using bench = newBench();
  const bob = await register(bench, "bob");
  await bob.say(offer("alice", 1));
  const alice = await connect(bench, "alice");
  assertEquals(alice.heardJson(), [OPEN, relayed("bob", "alice", 1)]);
});

Deno.test("§7: OFFER, ANSWER and CANDIDATE wait for an absent peer, in order, after OPEN", async () => {
  using bench = newBench();
  const bob = await register(bench, "bob");
  const carol = await register(bench, "carol");
  await bob.say(offer("alice", 1), offer("alice", 2, "CANDIDATE"));
  await carol.say(offer("alice", 3, "ANSWER"));
  await bob.say(offer("alice", 4, "CANDIDATE"));
  await bob.leave();
  const alice = await connect(bench, "alice");
  assertEquals(alice.heardJson(), [
    OPEN,
    relayed("bob", "alice", 1),
    relayed("bob", "alice", 2, "CANDIDATE"),
    relayed("carol", "alice", 3, "ANSWER"),
    relayed("bob", "alice", 4, "CANDIDATE"),
  ]);
  // Once only.
  await alice.leave();
  await register(bench, "alice");
});

for (const type of ["LEAVE", "EXPIRE"]) {
  Deno.test(`§5: ${type} does not wait for an absent peer`, async () => {
    using bench = newBench();
    const bob = await register(bench, "bob");
    await bob.say(offer("alice", 1, type));
    await register(bench, "alice");
    bench.clock.advance(60_000);
    assertEquals([bob.heard(), bob.isOpen], [[], true]);
  });
}

Deno.test("§7: EXPIRE comes with the first sweep after the hold time, and once", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  bench.clock.advance(500);
  await alice.say(...Array.from({ length: 5 }, (_, nth) => offer("nobody", nth)));
  bench.clock.advance(5_499);
  assertEquals(alice.heard(), []);
  bench.clock.advance(1);
  assertEquals(alice.heard(), ['{"type":"EXPIRE","src":"nobody","dst":"alice"}']);
  bench.clock.advance(60_000);
  assertEquals([alice.heard(), alice.isOpen], [[], true]);
  await register(bench, "nobody");
});

Deno.test("§7: hold time and sweep are options", async () => {
  using bench = newBench({ options: { expireTimeoutMs: 100, cleanupIntervalMs: 30 } });
  const alice = await register(bench, "alice");
  await alice.say(offer("nobody", 1));
  bench.clock.advance(119);
  assertEquals(alice.heard(), []);
  bench.clock.advance(1);
  assertEquals(alice.heardJson(), [expire("nobody", "alice")]);
});

Deno.test("§7: each absent peer and each sender has an EXPIRE of its own", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  await alice.say(offer("x", 1), offer("y", 2));
  await bob.say(offer("x", 3));
  bench.clock.advance(6_000);
  assertEquals(alice.heardJson(), [expire("x", "alice"), expire("y", "alice")]);
  assertEquals(bob.heardJson(), [expire("x", "bob")]);
});

Deno.test("§7: EXPIRE goes to the current owner of the sender's id, if there is one", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  await alice.say(offer("x", 1));
  await bob.say(offer("x", 1));
  await alice.leave();
  await bob.leave();
  const next = await register(bench, "alice", "another token");
  bench.clock.advance(6_000);
  assertEquals(next.heardJson(), [expire("x", "alice")]);
});

Deno.test("§9.6: attempts expire one by one, by connectionId", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const payload = (connectionId: string, nth: number): unknown => ({ connectionId, nth });
  await alice.say(offer("bob", payload("dc_1", 1)));
  bench.clock.advance(4_000);
  await alice.say(offer("bob", payload("dc_2", 2)));
  await alice.say(offer("bob", payload("dc_1", 3), "CANDIDATE"));
  await alice.say(offer("bob", payload("dc_2", 4), "CANDIDATE"));
  bench.clock.advance(1_000);
  assertEquals(alice.heardJson(), [expire("bob", "alice")]);
  const bob = await connect(bench, "bob");
  assertEquals(bob.heardJson(), [
    OPEN,
    relayed("alice", "bob", payload("dc_2", 2)),
    relayed("alice", "bob", payload("dc_2", 4), "CANDIDATE"),
  ]);
});

Deno.test("§9.6: the pair counts: `a` to `b_c` and `a_b` to `c` expire both", async () => {
  using bench = newBench();
  const one = await register(bench, "a");
  const other = await register(bench, "a_b");
  await one.say(offer("b_c", 1));
  await other.say(offer("c", 1));
  bench.clock.advance(6_000);
  assertEquals(one.heardJson(), [expire("b_c", "a")]);
  assertEquals(other.heardJson(), [expire("c", "a_b")]);
});

Deno.test("§7: 64 messages and 1 MiB are held at least, by default", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const payload = "x".repeat(16 * 1024);
  for (let nth = 0; nth < 64; nth++) await alice.say(offer("bob", payload));
  assertEquals(alice.heard(), []);
  const bob = await connect(bench, "bob");
  assertEquals(bob.heard().length, 65);
});

// Each row: options, and how many messages from how many senders to how many peers are held.
for (
  const [option, value, senders, peers, held] of [
    ["maxHeldMessages", 3, 1, 1, 3],
    ["maxHeldBytes", 3 * (1_000 + 256), 1, 1, 3],
    ["maxHeldBytesPerSender", 3 * (1_000 + 256), 1, 4, 3],
    ["maxHeldBytesTotal", 3 * (1_000 + 256), 2, 2, 3],
    ["maxHeldAttempts", 3, 1, 4, 3],
  ] as const
) {
  Deno.test(`${option} bounds what is held; the excess is answered with EXPIRE at once`, async () => {
    using bench = newBench({ options: { [option]: value } });
    const clients: TestClient[] = [];
    for (let nth = 0; nth < senders; nth++) clients.push(await register(bench, `sender${nth}`));
    const frame = (nth: number): string => {
      const dst = `peer${nth % peers}`;
      const payload = { connectionId: `dc_${nth}`, fill: "" };
      const room = 1_000 - offer(dst, payload).length;
      return offer(dst, { ...payload, fill: "x".repeat(room) });
    };
    const sent = held + 1;
    for (let nth = 0; nth < sent; nth++) await clients[nth % senders]?.say(frame(nth));
    const last = clients[(sent - 1) % senders];
    assertEquals(last?.heardJson(), [expire(`peer${(sent - 1) % peers}`, idOf(sent - 1, senders))]);
    let count = 0;
    for (let nth = 0; nth < peers; nth++) {
      count += (await connect(bench, `peer${nth}`)).heard().length - 1;
    }
    assertEquals(count, held);
  });
}

function idOf(nth: number, senders: number): string {
  return `sender${nth % senders}`;
}

Deno.test("held messages of all senders to one peer fit into its output queue", async () => {
  using bench = newBench();
  const frame = offer("alice", "x".repeat(1_000_000));
  for (let nth = 0; nth < 12; nth++) {
    const sender = await register(bench, `sender${nth}`);
    await sender.say(frame, frame);
  }
  // All of it is written at once: even a client that reads is over its limit if it is too much.
  const alice = await connect(bench, "alice");
  const bytes = alice.sent.reduce((sum, one) => sum + one.length, 0);
  const { maxQueuedBytes } = peerjs.options.parse({});
  assert(bytes > 1_000_000 && bytes <= Number(maxQueuedBytes), `${bytes} bytes`);
});

Deno.test("held messages can be watched, and are zero in the end", async () => {
  using bench = newBench();
  const [gauge] = bench.open.gauges ?? [];
  assertEquals(gauge?.name, "held_bytes");
  const alice = await register(bench, "alice");
  await alice.say(offer("bob", 1));
  assertEquals((gauge?.read() ?? 0) > 0, true);
  bench.clock.advance(6_000);
  assertEquals(gauge?.read(), 0);
});

Deno.test("the bytes of a held message are those of its UTF-8", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const frame = offer("bob", "語語語");
  await alice.say(frame);
  assertEquals(
    bench.open.gauges?.[0]?.read(),
    new TextEncoder().encode(frame).length + 256,
  );
});

Deno.test("a client that floods gets one error, and is closed if it continues", async () => {
  using bench = newBench({ options: { framesPerSecond: 10, frameBurst: 2 } });
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  const flood = (): Promise<void> => alice.say(...Array(30).fill(offer("bob", 1)));
  await flood();
  const msg = "Too many messages";
  assertEquals(alice.heardJson(), [{ type: "ERROR", payload: { msg } }]);
  assertEquals(bob.heard().length, 2);
  for (let second = 0; second < 11; second++) {
    bench.clock.advance(1_000);
    await flood();
  }
  assertEquals(alice.closing, [1008, "too many messages"]);
  await settle();
  assertEquals([bench.hub.has("peerjs", "alice"), bob.isOpen], [false, true]);
});

Deno.test("closing the dialect ends its sweep", () => {
  const bench = newBench();
  assertEquals(bench.clock.timers, 1);
  bench[Symbol.dispose]();
  assertEquals(bench.clock.timers, 0);
});
