import { assertEquals, assertRejects } from "@std/assert";
import { type Engine, EngineError, LATE, type Reply } from "../../src/cluster/engine/engine.ts";
import { HELLO } from "../../src/cluster/engine/scripts.ts";
import { ClusterError, join } from "../../src/cluster/start.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const NAMES = { prefix: "signalbox:", cluster: "c", name: "a", process: "p", settings: "" };
const LIMITS = { leaseMs: 2_000, maxNodes: 64 };

/** Joins a cluster whose engine answers connections with these messages; returns how many there were. */
async function connectionsOf(...answers: readonly string[]): Promise<[number, string]> {
  let made = 0;
  const engine = {
    place: "redis://engine",
    connect: () => Promise.reject(new EngineError("unreachable", answers[made++] ?? "asked again")),
  };
  const options = { ...NAMES, ...LIMITS, engine, clock: new FakeClock(), warn: () => {} };
  const { message } = await assertRejects(() => join(options), ClusterError);
  return [made, message.replace("Cannot reach the cluster at redis://engine: ", "")];
}

/** An engine that answers like this; its scripts find nothing to object to otherwise. */
function engineWith(facts: Readonly<Record<string, string>>, hello: readonly Reply[] = []): Engine {
  const info = Object.entries({ redis_version: "7.0.15", maxmemory: "0", ...facts });
  const text = info.map(([name, value]) => `${name}:${value}\r\n`).join("");
  const command = ([name, digest]: readonly string[]): Promise<Reply> => {
    if (name === "INFO") return Promise.resolve(text);
    if (name === "EVALSHA") return Promise.resolve(digest === HELLO.digest ? [...hello] : [""]);
    return Promise.resolve(null);
  };
  const connection = { isOpen: true, command, close: () => {} };
  return { place: "redis://engine", connect: () => Promise.resolve(connection) };
}

/** The end of a start, and whether another try may succeed. */
async function endOf(engine: Engine): Promise<[message: string, mayPass: boolean]> {
  const options = { ...NAMES, ...LIMITS, engine, clock: new FakeClock(), warn: () => {} };
  const { message, mayPass } = await assertRejects(() => join(options), ClusterError);
  return [message, mayPass];
}

Deno.test("a start names an engine that is too old, loading or a replica, and data of another version", async () => {
  const cases: readonly (readonly [engine: Engine, message: string, mayPass: boolean])[] = [
    [
      engineWith({ redis_version: "6.0.16" }),
      "redis://engine is version 6.0.16, 6.2 is needed",
      false,
    ],
    [engineWith({ loading: "1" }), "redis://engine is still loading its data", true],
    [
      engineWith({ role: "slave" }),
      "redis://engine is a replica: give the primary, or its Sentinels",
      true,
    ],
    [
      engineWith({}, ["format", "2"]),
      'The cluster "c" speaks format 2, this version 1',
      false,
    ],
  ];
  for (const [engine, ...expected] of cases) assertEquals(await endOf(engine), expected);
});

Deno.test("a start asks an engine again that answers too late, and no other", async () => {
  assertEquals(await connectionsOf(LATE, LATE, LATE), [3, LATE]);
  assertEquals(await connectionsOf(LATE, "connection refused"), [2, "connection refused"]);
  assertEquals(await connectionsOf("connection refused"), [1, "connection refused"]);
});
