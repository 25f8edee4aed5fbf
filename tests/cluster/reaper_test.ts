import { assertEquals } from "@std/assert";
import type { KnownNode } from "../../src/cluster/members/known_nodes.ts";
import { Reaper } from "../../src/cluster/members/reaper.ts";

const [DEAD, FIRST, SECOND] = ["a", "b", "c"].map((id): KnownNode => ({
  id,
  name: id,
  sinceMs: 0,
  isAlive: id !== "a",
}));
const NODES = [DEAD, FIRST, SECOND].filter((node) => node !== undefined);

/** A node's reaper, and the steps that it has asked for. */
function reaperOf(): { readonly reaper: Reaper; readonly steps: string[] } {
  const steps: string[] = [];
  return { reaper: new Reaper((node) => steps.push(node)), steps };
}

Deno.test("the first of the living nodes reaps a dead one, step by step", () => {
  const { reaper, steps } = reaperOf();
  reaper.look(NODES, "b", 0);
  reaper.look(NODES, "b", 1);
  assertEquals(steps, ["a"]);
  reaper.done("a");
  reaper.look(NODES, "b", 2);
  assertEquals(steps, ["a", "a"]);
});

Deno.test("another node reaps a dead one that is still there after two seconds", () => {
  const { reaper, steps } = reaperOf();
  reaper.look(NODES, "c", 0);
  reaper.look(NODES, "c", 1_999);
  assertEquals(steps, []);
  // It was back meanwhile, and died again.
  reaper.look(NODES.slice(1), "c", 2_000);
  reaper.look(NODES, "c", 3_000);
  reaper.look(NODES, "c", 4_999);
  assertEquals(steps, []);
  reaper.look(NODES, "c", 5_000);
  assertEquals(steps, ["a"]);
});
