import { assertEquals } from "@std/assert";
import { EngineError, type EngineTrouble } from "../../src/cluster/engine/engine.ts";
import { clusterTrouble } from "../../src/server/cluster.ts";

/** A node whose engine has been away for so long. */
function awayFor(
  sinceMs: number,
  trouble?: EngineTrouble,
  isUp = false,
): Parameters<typeof clusterTrouble>[1] {
  const newest = trouble && new EngineError(trouble, "its own words");
  return { cluster: { node: { isUp, sinceMs, trouble: newest } } };
}

Deno.test("a node whose engine is away gives the reason for which it is not ready", () => {
  const cases: readonly (readonly [trouble: EngineTrouble | undefined, words: string])[] = [
    [undefined, "not reached for 12 s"],
    ["unreachable", "not reached for 12 s"],
    ["other", "not reached for 12 s"],
    ["loading", "starting"],
    ["memory", "out of memory"],
    ["replica", "read only"],
    ["unwritable", "read only"],
    ["type", "its own words"],
  ];
  for (const [trouble, words] of cases) {
    const reason = clusterTrouble({ clusterLoss: "refuse" }, awayFor(12_345, trouble));
    assertEquals(reason, `the cluster: ${words}`);
  }
});

Deno.test("a node is ready without its engine for five seconds, or as long as it accepts losses", () => {
  const refuse = { clusterLoss: "refuse" } as const;
  assertEquals(clusterTrouble(refuse, awayFor(4_999)), undefined);
  assertEquals(clusterTrouble(refuse, awayFor(5_000)), "the cluster: not reached for 5 s");
  assertEquals(clusterTrouble(refuse, awayFor(60_000, undefined, true)), undefined);
  assertEquals(clusterTrouble(refuse, undefined), undefined);
  assertEquals(clusterTrouble({ clusterLoss: "accept" }, awayFor(60_000)), undefined);
});
