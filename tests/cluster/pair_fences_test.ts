import { assertEquals } from "@std/assert";
import { Registry } from "../../src/cluster/items/held.ts";
import type { SharedClaim } from "../../src/core/nodes/backplane.ts";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";

// A pair is one of two peers, not of two ids: what is said of an earlier holder of an id does not
// concern the next one.

/** Longer than a cluster forms, and shorter than a lease. */
const LATE_MS = 3_000;

Deno.test("a peer whose partner left is not missed for the next holder of its id", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 6 });
  const x = await admit(cluster, 0, "x", { isExclusive: true });
  const y = await admit(cluster, 1, "y", { isExclusive: true });
  await cluster.during(cluster.hub(0).pair(x.peer, "y"));
  await cluster.pass(100);
  cluster.at(0).link.cut();
  cluster.hub(1).release(y.peer, y);
  const next = await admit(cluster, 1, "y", { isExclusive: true });
  cluster.engine.kill();
  cluster.engine.start({ keeps: false });
  await cluster.pass(LATE_MS);
  cluster.at(0).link.heal();
  await cluster.pass(LATE_MS);
  assertEquals([x.link.isOpen, x.told()], [true, ["paired y as caller", "gone y"]]);
  const z = await admit(cluster, 0, "z", { isExclusive: true });
  await cluster.during(cluster.hub(0).pair(z.peer, "y"));
  await cluster.pass(100);
  assertEquals([z.told(), next.told()], [["paired y as caller"], ["paired z as callee"]]);
});

const CLAIM: SharedClaim = {
  realm: "test",
  id: "x",
  dialect: "test",
  policy: "proof",
  proof: undefined,
  isExclusive: false,
  bytes: 0,
  info: null,
  entry: undefined,
  terms: undefined,
};

/** A node with x, which has met y of the fence 7. */
function registryOfPair(): Registry {
  const registry = new Registry();
  registry.add(CLAIM, "3", "ticket", "");
  registry.paired("test", "x", "3", "y", { fence: "7", role: "met", permits: "" });
  return registry;
}

/** The steps that tell an engine of pairs. */
function pairsOf(registry: Registry): (readonly string[])[] {
  return [...registry.steps()].filter(([letter]) => letter === "V");
}

Deno.test("the end of an earlier holder of an id ends no pair with the present one", () => {
  const registry = registryOfPair();
  registry.unpair("test", { id: "y", fence: "5" });
  assertEquals(pairsOf(registry), [["V", "test", "x", "3", "y", "7", "met"]]);
  registry.unpair("test", { id: "y", fence: "7" });
  assertEquals(pairsOf(registry), []);
});

Deno.test("news of a pair's end count for its two peers, or for any where they have no fences", () => {
  for (
    const [own, other, isMeant] of [
      ["3", "5", false],
      ["2", "7", false],
      ["3", "7", true],
      ["", "", true],
    ] as const
  ) {
    for (const isTurned of [false, true]) {
      const registry = registryOfPair();
      const parties = [{ id: "x", fence: own }, { id: "y", fence: other }] as const;
      const [first, second] = isTurned ? parties.toReversed() : parties;
      if (first === undefined || second === undefined) throw new RangeError("Cannot part nobody");
      assertEquals(registry.part("test", first, second), isMeant, `fences ${own} and ${other}`);
      assertEquals(pairsOf(registry).length, isMeant ? 0 : 1);
    }
  }
});

Deno.test("a peer that parts names the one from which it does, until it has", () => {
  const registry = registryOfPair();
  const step = ["U", "test", "x", "3", "y", "7"];
  assertEquals(registry.parting("test", "x", "3", "y"), step);
  assertEquals([...registry.pairSteps([])], [step]);
  const next = { fence: "9", role: "met", permits: "" } as const;
  registry.paired("test", "x", "3", "y", next);
  registry.part("test", { id: "x", fence: "3" }, { id: "y", fence: "7" });
  assertEquals([...registry.pairSteps([])], [["agree", "test", "x", "3", "y", "9"]]);
});
