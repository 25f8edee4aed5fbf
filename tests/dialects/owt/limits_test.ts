import { assertEquals } from "@std/assert";
import { SignalError } from "../../../src/core/errors.ts";
import { settle } from "../../helpers/session/hub.ts";
import { visitOf } from "../../helpers/session/visit.ts";
import { NO_GREETING } from "../../helpers/session/namespace.ts";
import { authenticated, frameOf, newOwt, OwtClient } from "../../helpers/session/owt.ts";

Deno.test("OWT: an id of just the greatest length is admitted, a longer one is refused", async () => {
  using bench = newOwt({ options: { maxIdLength: 48 } });
  await OwtClient.login(bench, "x".repeat(48));
  const byEvent = await OwtClient.connect(bench);
  const token = "x".repeat(49);
  assertEquals(await byEvent.acked("authentication", { token }), [{ error: 2121 }]);
  assertEquals(byEvent.isOpen, false);
  const byQuery = await OwtClient.connect(bench, { token });
  assertEquals([byQuery.link.answer, byQuery.isOpen], [{ error: "2121" }, false]);
  // Ids that the server makes fit, whatever the limit.
  const nameless = await OwtClient.connect(bench, { token: "" });
  assertEquals([nameless.isOpen, bench.hub.peerCount], [true, 2]);
});

Deno.test("OWT: where there are enough peers, another one is refused as busy", async () => {
  using bench = newOwt({ limits: { maxPeers: 1 } });
  const alice = await OwtClient.login(bench, "alice");
  const byEvent = await OwtClient.connect(bench);
  assertEquals(await byEvent.acked("authentication", { token: "bob" }), [{ error: 2102 }]);
  assertEquals(byEvent.client.closing, "bare");
  const byQuery = await OwtClient.connect(bench, { token: "bob" });
  assertEquals([byQuery.link.answer, byQuery.isOpen], [{ error: "2102" }, false]);
  assertEquals(alice.isOpen, true);
  await alice.leave();
  await OwtClient.login(bench, "bob");
});

Deno.test("OWT: a client that is refused at the door gets the reason instead of a connection", () => {
  for (
    const [code, error] of [
      ["server_full", "2102"],
      ["address_full", "2102"],
      ["address_rate", "2102"],
      ["origin_forbidden", "2404"],
      ["address_banned", "2404"],
    ] as const
  ) {
    using bench = newOwt();
    const declined: string[] = [];
    const [namespace] = bench.open.namespaces ?? [];
    const link = {
      id: "1",
      address: "192.0.2.1",
      isOpen: true,
      send: (): void => {},
      close: (): void => {},
      fail: (): void => {},
      decline: (message: string): void => void declined.push(message),
    };
    const session = namespace?.connect(visitOf("/socket.io/?EIO=4"), link, NO_GREETING);
    session?.refuse(new SignalError(code));
    assertEquals(declined, [error]);
  }
});

Deno.test("OWT: a client that never logs in is closed in time, and one that does is not", async () => {
  using bench = newOwt({ options: { identifyTimeoutMs: 5_000 } });
  const silent = await OwtClient.connect(bench);
  const alice = await OwtClient.login(bench, "alice");
  const asking = await OwtClient.connect(bench, { clientVersion: "5.0" });
  const check = (): void => {
    for (const { client } of [silent, alice, asking]) {
      client.pump.checkIdentified(bench.clock.now());
    }
  };
  bench.clock.advance(4_999);
  check();
  assertEquals([silent.isOpen, asking.isOpen], [true, true]);
  await asking.ask("authentication", { token: "asking" });
  bench.clock.advance(1);
  check();
  assertEquals([silent.isOpen, silent.client.closing], [false, "bare"]);
  assertEquals([alice.isOpen, asking.isOpen], [true, true]);
});

Deno.test("OWT: a login by query that takes too long is declined, and its id stays free", async () => {
  const answer = Promise.withResolvers<boolean>();
  using bench = newOwt({ reserve: () => answer.promise });
  const client = await OwtClient.connect(bench, { token: "alice" });
  bench.clock.advance(60_000);
  client.client.pump.checkIdentified(bench.clock.now());
  assertEquals([client.link.answer, client.isOpen], [{ error: "2120" }, false]);
  answer.resolve(true);
  await settle();
  assertEquals([client.heard(), bench.hub.peerCount], [[], 0]);
});

Deno.test("OWT: a client that changes its name has no time limit for it anew", async () => {
  const answer = Promise.withResolvers<boolean>();
  using bench = newOwt({
    reserve: ({ id }) => id === "anna" ? answer.promise : Promise.resolve(true),
  });
  const client = await OwtClient.login(bench, "alice");
  await client.ask("authentication", { token: "anna" });
  bench.clock.advance(60_000);
  client.client.pump.checkIdentified(bench.clock.now());
  answer.resolve(true);
  await settle();
  assertEquals(client.heard()[0], authenticated("anna"));
});

Deno.test("OWT: every message that comes too fast is acknowledged as such, and not passed on", async () => {
  using bench = newOwt({ options: { framesPerSecond: 1, frameBurst: 3 } });
  const bob = await OwtClient.login(bench, "bob");
  const alice = await OwtClient.login(bench, "alice");
  const message = { to: "bob", data: "x" };
  await alice.client.say(
    ...[10, 11, 12, 13].map((ack) => frameOf(ack, "owt-message", message)),
    frameOf(undefined, "owt-message", message),
    frameOf(14, "authentication", { token: "anna" }),
  );
  assertEquals(alice.heard(), [
    ...["310[]", "311[]", "312[2102]", "313[2102]"],
    '314[{"error":2102}]',
  ]);
  assertEquals([bob.heard().length, alice.isOpen], [2, true]);
  bench.clock.advance(1_000);
  assertEquals(await alice.acked("owt-message", message), []);
});

Deno.test("OWT: a client that keeps sending too fast is closed, and loses its id", async () => {
  using bench = newOwt({ options: { framesPerSecond: 1, frameBurst: 1 } });
  const client = await OwtClient.login(bench, "alice");
  for (let tick = 0; tick < 25; tick++) {
    client.client.blurt(...Array(5).fill(frameOf(1, "owt-message", { to: "x" })));
    bench.clock.advance(500);
  }
  await settle();
  assertEquals([client.isOpen, client.client.closing], [false, "bare"]);
  assertEquals([client.client.refusals.at(-1), bench.hub.peerCount], ["flooding", 0]);
});

Deno.test("OWT: before a login by query is answered, nothing that comes too fast is", async () => {
  const answer = Promise.withResolvers<boolean>();
  using bench = newOwt({
    options: { framesPerSecond: 1, frameBurst: 1 },
    reserve: () => answer.promise,
  });
  const client = await OwtClient.connect(bench, { token: "alice" });
  await client.client.say(...[1, 2, 3].map((ack) => frameOf(ack, "owt-message", { to: "x" })));
  assertEquals([client.heard(), client.link.answer], [[], undefined]);
  answer.resolve(true);
  await settle();
  assertEquals(client.heard(), [authenticated("alice"), "31[2201]"]);
});

Deno.test("OWT: a message over the limit ends the connection, one at the limit passes", async () => {
  using bench = newOwt({ options: { maxFrameBytes: 1_024 } });
  const bob = await OwtClient.login(bench, "bob");
  const empty = frameOf(1, "owt-message", { to: "bob", data: "" });
  for (const [extra, isOpen] of [[0, true], [1, false]] as const) {
    const alice = await OwtClient.login(bench, "alice");
    const data = "x".repeat(1_024 - empty.length + extra);
    await alice.client.say(frameOf(1, "owt-message", { to: "bob", data }));
    assertEquals([alice.isOpen, bob.heard().length], [isOpen, isOpen ? 1 : 0]);
    assertEquals(bench.hub.has("owt", "alice"), isOpen);
    await alice.leave();
  }
});

Deno.test("OWT: a client that sends too much before it has its id is closed", async () => {
  const answer = Promise.withResolvers<boolean>();
  using bench = newOwt({ options: { maxHeldFrames: 2 }, reserve: () => answer.promise });
  const client = await OwtClient.connect(bench);
  await client.client.say(
    ...[0, 1, 2].map((ack) => frameOf(ack, "authentication", { token: "alice" })),
  );
  assertEquals(client.isOpen, true);
  await client.client.say(frameOf(3, "authentication", { token: "alice" }));
  answer.resolve(true);
  await settle();
  assertEquals([client.isOpen, client.heard(), bench.hub.peerCount], [false, [], 0]);
});
