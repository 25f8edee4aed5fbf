import { assertEquals } from "@std/assert";
import { ssp } from "../../../src/dialects/ssp/mod.ts";
import {
  enter,
  enterAll,
  event,
  frameOf,
  newPools,
  PATHS,
  SspClient,
} from "../../helpers/session/ssp.ts";

/** The reason and the pool of the one error that came. */
async function refusedJoin(client: SspClient, pool: unknown): Promise<unknown[]> {
  await client.say(["rtc:join", { pool }]);
  const [error, ...more] = client.heard();
  assertEquals([error?.type, more], ["rtc:error", []]);
  return [error?.data["reason"], error?.data["pool"]];
}

/** A description whose JSON takes that many bytes. */
function descriptionOf(bytes: number, letter = "x"): Record<string, string> {
  const size = new TextEncoder().encode(letter).length;
  const rest = bytes - '{"a":""}'.length;
  return { a: letter.repeat(Math.floor(rest / size)) + "x".repeat(rest % size) };
}

Deno.test("maxMembers: the one above is refused, stays connected, and gets in when somebody leaves", async () => {
  using bench = newPools({ options: { maxMembers: 3 } });
  const [a, b, c] = await enterAll(bench, ["v2", "v1", "v2"]);
  const late = await SspClient.connect(bench);
  assertEquals(await refusedJoin(late, "p"), ["pool-full", "p"]);
  assertEquals([a.heard(), b.heard(), late.client.isOpen], [[], [], true]);
  assertEquals(bench.hub.peerCount, 3);
  await late.say(["rtc:candidate", { for: a.id }]);
  assertEquals(late.refusals(), ["not-joined"]);
  // Other pools have their own members.
  const other = await enter(bench, "v2", "q");
  await b.leave();
  assertEquals((await late.join("p"))["peers"], [a.id, c.id]);
  assertEquals(await refusedJoin(await SspClient.connect(bench, "v1"), "p"), ["pool-full", "p"]);
  assertEquals(other.heard(), []);
});

Deno.test("the server's own limits refuse joins too: members of a room, rooms, peers", async () => {
  for (const limits of [{ maxRoomMembers: 1 }, { maxPeers: 1 }]) {
    using bench = newPools({ limits });
    const first = await enter(bench);
    assertEquals(await refusedJoin(await SspClient.connect(bench), "p"), ["pool-full", "p"]);
    assertEquals([first.heard(), bench.hub.peerCount], [[], 1]);
  }
  using bench = newPools({ limits: { maxRooms: 1 } });
  await enter(bench);
  const second = await SspClient.connect(bench);
  assertEquals(await refusedJoin(second, "q"), ["pool-full", "q"]);
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [1, 1]);
  await second.join("p");
});

for (const letter of ["x", "é", "語"]) {
  Deno.test(`maxDescriptionBytes: counts bytes of the description's JSON (${letter})`, async () => {
    const limit = 1_000;
    using bench = newPools({ options: { maxDescriptionBytes: limit } });
    const [a, b] = await enterAll(bench, ["v2", "v1"]);
    for (const bytes of [limit - 1, limit]) {
      const description = descriptionOf(bytes, letter);
      await a.say(["describe", description]);
      assertEquals(b.heard(), [event("rtc:describe", { description, uid: a.id })]);
    }
    await a.say(["describe", descriptionOf(limit + 1, letter)]);
    assertEquals([a.refusals(), b.heard()], [["too-large"], []]);
    const late = await SspClient.connect(bench);
    const { descriptions } = await late.join();
    assertEquals((descriptions as Record<string, unknown>)[a.id], descriptionOf(limit, letter));
  });
}

Deno.test("maxDescriptionBytes is 64 KiB by default", async () => {
  using bench = newPools();
  const a = await enter(bench);
  await a.say(["describe", descriptionOf(64 * 1024)]);
  assertEquals(a.heard(), []);
  await a.say(["describe", descriptionOf(64 * 1024 + 1)]);
  assertEquals(a.refusals(), ["too-large"]);
});

Deno.test("limits.maxRoomInfoBytes bounds the sum of a pool, and gives back what is taken away", async () => {
  using bench = newPools({ limits: { maxRoomInfoBytes: 2_000 } });
  const [a, b] = await enterAll(bench, ["v2", "v2"]);
  const elsewhere = await enter(bench, "v2", "q");
  const describe = async (member: SspClient, bytes: number): Promise<boolean> => {
    await member.say(["describe", descriptionOf(bytes)]);
    return !member.heard().some(({ type, data }) =>
      type === "rtc:error" && data["reason"] === "too-large"
    );
  };
  assertEquals(await describe(a, 1_200), true);
  assertEquals(await describe(b, 801), false);
  assertEquals(await describe(elsewhere, 2_000), true);
  assertEquals(await describe(b, 800), true);
  // Full to the byte: joining is free, growing is not, shrinking is.
  const c = await enter(bench);
  assertEquals(await describe(c, 8), false);
  assertEquals(await describe(a, 1_201), false);
  assertEquals(await describe(a, 1_192), true);
  assertEquals(await describe(c, 8), true);
  await b.leave();
  assertEquals(await describe(c, 809), false);
  assertEquals(await describe(c, 808), true);
});

for (const [options, limit] of [[{}, 512], [{ maxPoolLength: 16 }, 16]] as const) {
  Deno.test(`maxPoolLength: a name of ${limit} UTF-16 units is valid, a longer one is not`, async () => {
    using bench = newPools({ options });
    for (const name of ["x".repeat(limit - 1), "x".repeat(limit), "😀".repeat(limit / 2)]) {
      assertEquals((await (await SspClient.connect(bench)).join(name))["pool"], name);
    }
    const client = await SspClient.connect(bench);
    for (const name of ["x".repeat(limit + 1), "😀".repeat(limit / 2) + "x"]) {
      assertEquals(await refusedJoin(client, name), ["invalid-pool", name]);
    }
    await client.join("p");
  });
}

Deno.test("private: only the configured pools exist, also while they are empty", async () => {
  using bench = newPools({ options: { private: true, pools: ["lobby", "5", "__proto__"] } });
  const client = await SspClient.connect(bench);
  for (const pool of ["p", "Lobby", "lobby ", "constructor", ""]) {
    const reason = pool === "" ? "missing-pool" : "no-such-pool";
    assertEquals(await refusedJoin(client, pool), [reason, pool]);
  }
  assertEquals(await refusedJoin(client, 6), ["no-such-pool", "6"]);
  assertEquals([client.client.isOpen, bench.hub.roomCount], [true, 0]);
  assertEquals((await client.join(5))["pool"], "5");
  for (const pool of ["lobby", "__proto__"]) await enter(bench, "v1", pool);
  await client.leave();
  assertEquals((await (await SspClient.connect(bench)).join("5"))["peers"], []);
});

Deno.test("private without pools admits nobody; pools without private is no restriction", async () => {
  using closed = newPools({ options: { private: true } });
  assertEquals(await refusedJoin(await SspClient.connect(closed), "p"), ["no-such-pool", "p"]);
  using open = newPools({ options: { pools: ["lobby"] } });
  await enter(open, "v2", "p");
});

Deno.test("descriptions=server: a client's describe is refused, the operator's is announced", async () => {
  using bench = newPools({ options: { descriptions: "server" } });
  const outsider = await SspClient.connect(bench);
  await outsider.say(["describe", { name: "Ann" }]);
  assertEquals(outsider.refusals(), ["not-joined"]);
  const [a, b] = await enterAll(bench, ["v1", "v2"]);
  await a.say(["describe", { name: "Ann" }]);
  assertEquals([a.refusals(), b.heard()], [["not-allowed"], []]);
  assertEquals(bench.open.operations?.describe("p", a.id, { name: "Bob" }), "described");
  const told = { description: { name: "Bob" }, uid: a.id, id: a.id };
  assertEquals([a.heard(), b.heard()], [[], [event("rtc:describe", told)]]);
});

for (const [version, path] of Object.entries(PATHS)) {
  Deno.test(`a burst of 6000 events passes, then there is an error, then the end (${version})`, async () => {
    using bench = newPools();
    const b = await enter(bench);
    const a = new SspClient(await bench.connect(path));
    await a.join();
    const candidate = frameOf("rtc:candidate", { for: b.id, candidate: null });
    await a.client.say(...Array<string>(5_999).fill(candidate));
    assertEquals([a.heard(), b.heard().length], [[], 6_000]);
    await a.client.say(candidate, candidate);
    assertEquals([a.refusals(), b.heard()], [["rate-limited"], []]);
    for (let second = 0; second < 11; second += 0.5) {
      await a.client.say(...Array<string>(60).fill(candidate));
      bench.clock.advance(500);
    }
    assertEquals(a.client.closing, [1008, "too many messages"]);
    assertEquals(b.heard().at(-1), event("rtc:close", { uid: a.id, id: a.id }));
  });

  Deno.test(`a message may be as large as the limit, and one byte more is the end (${version})`, async () => {
    const limit = 256 * 1024;
    using bench = newPools({ options: { maxFrameBytes: limit } });
    const client = new SspClient(await bench.connect(path));
    const frameSized = (bytes: number, letter: string): string => {
      const room = bytes - frameOf("app", { a: "" }).length;
      const text = letter === "x" ? "x".repeat(room) : "é".repeat(room >> 1) + "x".repeat(room & 1);
      return frameOf("app", { a: text });
    };
    for (const letter of ["x", "é"]) {
      await client.client.say(frameSized(limit - 1, letter), frameSized(limit, letter));
    }
    await client.join();
    await client.client.say(frameSized(limit + 1, "é"));
    assertEquals([client.client.closing, client.heard()], [[1009, "message too big"], []]);
  });

  Deno.test(`a client that joins nothing in a minute is closed; a former member stays (${version})`, async () => {
    using bench = newPools();
    const member = new SspClient(await bench.connect(path));
    await member.join();
    const idle = await bench.connect(path);
    for (const [byMs, isOpen] of [[59_999, true], [1, false]] as const) {
      bench.clock.advance(byMs);
      for (const client of [member.client, idle]) client.pump.checkIdentified(bench.clock.now());
      assertEquals(idle.isOpen, isOpen);
    }
    assertEquals([member.client.isOpen, idle.closing], [true, [1008, "no join in time"]]);
  });
}

Deno.test("maxHeldFrames: a client that says too much before its join is answered is hung up on", async () => {
  using bench = newPools({
    options: { maxHeldFrames: 3 },
    reserve: () => new Promise(() => {}),
  });
  const client = await SspClient.connect(bench);
  const candidate = frameOf("rtc:candidate", { for: "x" });
  await client.client.say(frameOf("rtc:join", { pool: "p" }), candidate, candidate, candidate);
  assertEquals([client.heard(), client.client.isOpen], [[], true]);
  await client.client.say(candidate);
  assertEquals([client.refusals(), client.client.isOpen], [["rate-limited"], false]);
});

Deno.test("the options have bounds that the contract asks for", () => {
  const isValid = (options: unknown): boolean => ssp.options.safeParse(options).success;
  assertEquals(isValid({ maxFrameBytes: 256 * 1024 }), true);
  assertEquals(isValid({ maxFrameBytes: 256 * 1024 - 1 }), false);
  assertEquals(isValid({ maxMembers: 0 }), false);
  assertEquals(isValid({ maxPoolLength: 15 }), false);
  assertEquals(isValid({ descriptions: "nobody" }), false);
  assertEquals(isValid({ pools: [""] }), false);
});

Deno.test("identifyTimeoutMs: a refused client may try again, but not wait for ever", async () => {
  using bench = newPools({
    options: { private: true, pools: ["lobby"], identifyTimeoutMs: 5_000 },
  });
  const [stranger, guest] = [await SspClient.connect(bench), await SspClient.connect(bench)];
  for (const client of [stranger, guest]) {
    assertEquals(await refusedJoin(client, "attic"), ["no-such-pool", "attic"]);
  }
  bench.clock.advance(4_999);
  await guest.join("lobby");
  bench.clock.advance(1);
  for (const { client } of [stranger, guest]) client.pump.checkIdentified(bench.clock.now());
  assertEquals(stranger.client.closing, [1008, "no join in time"]);
  assertEquals(guest.client.closing, undefined);
});
