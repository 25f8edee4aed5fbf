import { assertEquals, assertRejects } from "@std/assert";
import { EngineError, LATE } from "../../src/cluster/engine/engine.ts";
import { ClusterError, join } from "../../src/cluster/start.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

/** Joins a cluster whose engine answers connections with these messages; returns how many there were. */
async function connectionsOf(...answers: readonly string[]): Promise<[number, string]> {
  let made = 0;
  const engine = {
    place: "redis://engine",
    connect: () => Promise.reject(new EngineError("unreachable", answers[made++] ?? "asked again")),
  };
  const names = { prefix: "signalbox:", cluster: "c", name: "a", process: "p", settings: "" };
  const limits = { leaseMs: 2_000, maxNodes: 64 };
  const options = { ...names, ...limits, engine, clock: new FakeClock(), warn: () => {} };
  const { message } = await assertRejects(() => join(options), ClusterError);
  return [made, message.replace("Cannot reach the cluster at redis://engine: ", "")];
}

Deno.test("a start asks an engine again that answers too late, and no other", async () => {
  assertEquals(await connectionsOf(LATE, LATE, LATE), [3, LATE]);
  assertEquals(await connectionsOf(LATE, "connection refused"), [2, "connection refused"]);
  assertEquals(await connectionsOf("connection refused"), [1, "connection refused"]);
});
