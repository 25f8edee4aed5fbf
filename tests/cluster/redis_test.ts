import { assertEquals, assertRejects } from "@std/assert";
import { EngineError } from "../../src/cluster/engine/engine.ts";
import { readPlace } from "../../src/cluster/engine/address.ts";
import { RedisEngine } from "../../src/cluster/engine/redis.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

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
