import { assertEquals, assertRejects } from "@std/assert";
import { EngineError } from "../../src/cluster/engine/engine.ts";
import { readPlace } from "../../src/cluster/engine/address.ts";
import { RedisEngine } from "../../src/cluster/engine/redis.ts";
import { systemClock } from "../../src/system/clock.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

Deno.test("an engine that answers nothing, and a host or socket that is not there, have their own words", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = silent.addr.transport === "tcp" ? silent.addr.port : 0;
  const places = [
    [`redis://127.0.0.1:${port}`, "timed out", { connectMs: 50 }],
    ["redis+unix:///nowhere/redis.sock", "no such socket", {}],
    // No name has so long a part: no server is asked for it.
    [`redis://${"x".repeat(64)}.test`, "no such host", {}],
  ] as const;
  for (const [url, words, limits] of places) {
    const engine = new RedisEngine({
      ...limits,
      place: readPlace(url),
      name: "a",
      clock: systemClock,
    });
    const { trouble, message } = await assertRejects(() => engine.connect("call"), EngineError);
    assertEquals([trouble, message], ["unreachable", words]);
  }
});

Deno.test("a certificate that cannot be read is a failure to connect like any other", async () => {
  const engine = new RedisEngine({
    place: readPlace("rediss://127.0.0.1:1"),
    name: "a",
    clock: new FakeClock(),
    tls: () => {
      throw new Error("Cannot read ca.pem: no such file");
    },
  });
  const failure = await assertRejects(() => engine.connect("call"), EngineError);
  assertEquals([failure.trouble, failure.message], [
    "unreachable",
    "TLS: Cannot read ca.pem: no such file",
  ]);
});
