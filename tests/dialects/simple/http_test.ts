import { assertEquals } from "@std/assert";
import type { Posted } from "../../../src/http/route.ts";
import { refusalResponse } from "../../../src/dialects/simple/wire.ts";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import {
  enter,
  newRooms,
  type SimpleClient,
  type SimpleFrame,
} from "../../helpers/session/simple.ts";
import { visitOf } from "../../helpers/session/visit.ts";

/** Posts a text, or a frame as JSON. */
function post(bench: DialectBench, frame: string | SimpleFrame): Promise<Posted> {
  const route = bench.routes.find((route) => route.kind === "stream");
  if (route?.kind !== "stream") throw new RangeError("Cannot post: the dialect has no route");
  const body = typeof frame === "string" ? frame : JSON.stringify(frame);
  return route.post(visitOf("/simple"), { method: "POST", body, lastEventId: undefined });
}

/** The answer to the client. */
function responseOf(posted: Posted): Response {
  return "response" in posted ? posted.response : refusalResponse(posted.refusal);
}

/** Posts and returns the status, the code of the error, and whether it was known whose it is. */
async function answer(
  bench: DialectBench,
  frame: string | SimpleFrame,
): Promise<readonly [number, unknown, boolean]> {
  const posted = await post(bench, frame);
  const response = responseOf(posted);
  return [response.status, (await response.json())["code"], posted.isProven];
}

function ping(client: SimpleClient, more: SimpleFrame = {}): SimpleFrame {
  return { event: "ping", ...client.credentials, ...more };
}

Deno.test("Simple POST: the sender of a frame is checked before its content", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const sibling = await enter(bench, {
    p_id: fred.id,
    p_secret: fred.credentials.p_secret,
  });
  const nonsense = { event: "nonsense", ref: 1 };
  const cases: [frame: string | SimpleFrame, status: number, code: string, isProven: boolean][] = [
    ["hello", 400, "bad_json", false],
    [nonsense, 403, "bad_secret", false],
    [{ ...ping(fred), p_secret: undefined }, 403, "bad_secret", false],
    [{ ...ping(fred), p_id: undefined }, 403, "bad_secret", false],
    [{ ...nonsense, ...fred.credentials, p_secret: "x" }, 403, "bad_secret", false],
    [{ ...nonsense, ...fred.credentials, p_id: "x" }, 403, "bad_secret", false],
    [{ ...nonsense, ...fred.credentials }, 400, "bad_frame", true],
    [ping(fred, { p_secret: sibling.credentials.p_secret }), 404, "unknown_instance", true],
    [ping(fred, { p_instance: 9 }), 404, "unknown_instance", true],
  ];
  for (const [frame, ...expected] of cases) {
    assertEquals(await answer(bench, frame), expected, JSON.stringify(frame));
  }
  for (
    const [more, words] of [
      [{ p_id: "x" }, "p_id and p_secret are needed"],
      [{ ...fred.credentials, p_secret: 1 }, "p_secret: expected string, received number"],
      [{ ...fred.credentials, p_instance: "0" }, "p_instance: expected number, received string"],
      [{ event: "join", room: "r" }, "a join has to accept text/event-stream"],
    ] as const
  ) {
    const posted = await post(bench, { ...nonsense, ...more });
    const { message, ref } = await responseOf(posted).json();
    assertEquals([message, ref], [words, 1]);
  }
});

Deno.test("Simple POST: a connection and the posts of its instance share one allowance", async () => {
  using bench = newRooms({ options: { frameBurst: 10, framesPerSecond: 1 } });
  const fred = await enter(bench); // the first of ten
  await fred.say(...Array(4).fill({ event: "ping" }));
  for (let sent = 0; sent < 5; sent++) {
    assertEquals(await answer(bench, ping(fred)), [200, undefined, true]);
  }
  assertEquals(await answer(bench, ping(fred)), [429, "rate_limited", true]);
  fred.heard();
  assertEquals(await fred.refusal({ event: "ping" }), "rate_limited");
  bench.clock.advance(1_000);
  assertEquals(await answer(bench, ping(fred)), [200, undefined, true]);
});

Deno.test("Simple POST: bytes count too, and also while the instance has no connection", async () => {
  const options = { byteBurst: 2_000, bytesPerSecond: 1_024, frameBurst: 3 };
  for (const isLost of [false, true]) {
    using bench = newRooms({ options });
    const fred = await enter(bench);
    if (isLost) await fred.lose();
    const big = ping(fred, { padding: "x".repeat(2_000) });
    assertEquals((await answer(bench, big))[0], 200, `lost: ${isLost}`);
    assertEquals(await answer(bench, ping(fred)), [429, "rate_limited", true], `lost: ${isLost}`);
    bench.clock.advance(1_000);
    assertEquals((await answer(bench, ping(fred)))[0], 200, `lost: ${isLost}`);
  }
  using bench = newRooms({ options: { frameBurst: 2, framesPerSecond: 1 } });
  const fred = await enter(bench);
  await fred.lose();
  const statuses = [];
  for (let sent = 0; sent < 3; sent++) statuses.push((await answer(bench, ping(fred)))[0]);
  assertEquals(statuses, [200, 200, 429]);
});
