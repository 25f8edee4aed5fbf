import { assertEquals, assertRejects } from "@std/assert";
import { Directory } from "../../src/cluster/items/directory.ts";
import { type Engine, EngineError } from "../../src/cluster/engine/engine.ts";
import type { Answerer } from "../../src/cluster/items/questions.ts";

const PROOF = "- - {}";

/** An engine with these ids, by their dialects; each was registered after the one before. */
function engineOf(dialects: ReadonlyMap<string, string>): Engine {
  const fences = [...dialects].map(([id, dialect], index) => [
    id,
    `n1.1 ${1_000 + index} ${dialect} 0 2 ${PROOF}`,
  ]);
  const reply = ["0", fences.reverse().flat()];
  const command = () => Promise.resolve(reply);
  return {
    place: "redis://engine",
    connect: () => Promise.resolve({ isOpen: true, command, close: () => {} }),
  };
}

/** Two nodes: "near", which is asked for the list, and "far". A node that is away answers nothing. */
function directories(
  engine: Engine,
  { far, isAway = false }: { readonly far: readonly string[]; readonly isAway?: boolean },
): Directory {
  let answerer: Answerer = () => Promise.resolve(undefined);
  const nobody = {
    ask: () => Promise.resolve(undefined),
    answer: () => {},
    meetAll: () => Promise.resolve(),
  };
  const parts = { engine, prefix: "test:1:" };
  const other = new Directory({
    ...parts,
    questions: { ...nobody, answer: (_topic, answers) => answerer = answers },
    others: () => [],
  });
  other.attach((realm, dialect) => realm === "test" && dialect === "peerjs" ? far : []);
  const ask = (_node: string, _topic: string, question: unknown): Promise<unknown> =>
    isAway ? Promise.resolve(undefined) : answerer(question);
  const near = new Directory({
    ...parts,
    questions: { ...nobody, ask },
    others: () => ["far"],
  });
  near.attach(() => ["robot"]);
  return near;
}

Deno.test("a directory lists the peers of other dialects on all nodes, however many they are", async () => {
  const many = Array.from({ length: 2_500 }, (_, n) => `g${n * 7_919 % 2_500}`);
  const known = ["page", "robot", "in a room", ...many];
  const dialects = new Map(known.map((id) => [id, id === "page" ? "peerjs" : "gstreamer"]));
  const engine = engineOf(dialects.set("last", "peerjs"));
  // One that has left meanwhile is in no list of the engine.
  const directory = directories(engine, { far: [...many, "gone"] });
  assertEquals(await directory.ids("test", "peerjs", true), ["page", "robot", ...many, "last"]);
  assertEquals(await directory.ids("test", "peerjs", false), ["page", "last"]);
});

Deno.test("a directory rejects if a node does not answer, and asks none without bridging", async () => {
  const engine = engineOf(new Map([["page", "peerjs"]]));
  const directory = directories(engine, { far: [], isAway: true });
  await assertRejects(() => directory.ids("test", "peerjs", true), EngineError, "no answer of far");
  assertEquals(await directory.ids("test", "peerjs", false), ["page"]);
});
