import { assertEquals } from "@std/assert";
import type { Fleet } from "../../src/admin/fleet.ts";
import { type Handed, Spread } from "../../src/admin/spread.ts";

// Requests of operators on their way to other nodes.

const ACTOR = { name: "ann", role: "full" } as const;

/** A node that does not know the other one, "new", before it has met all. */
function fleetWith(answer: (question: Handed) => Response): Fleet {
  let hasMet = false;
  const names = (): string[] => hasMet ? ["own", "new"] : ["own"];
  return {
    cluster: "c",
    node: "own",
    address: "own-1",
    isUp: () => true,
    nodes: () => names().map((name) => ({ name, sinceMs: 0 })),
    meetAll: () => {
      hasMet = true;
      return Promise.resolve();
    },
    ask: async (_node, _topic, question) => {
      // The node itself made it.
      const response = answer(question as Handed);
      const text = await response.text();
      const places = response.status === 200 ? [["x"]] : [];
      return { status: response.status, type: "application/json", text, places };
    },
    answer: () => {},
    take: () => Promise.resolve("unavailable"),
  };
}

/** Has a request answered where this node has nothing of it. */
async function ask(
  reach: "home" | "list",
  method: string,
  answer: () => Response,
): Promise<[status: number, body: unknown]> {
  const asked: string[] = [];
  const fleet = fleetWith(({ path }) => {
    asked.push(path);
    return answer();
  });
  const empty = { items: [], next: null, total: 0 };
  const own = (): Response =>
    reach === "list" ? Response.json(empty) : new Response("{}", { status: 404 });
  const spread = new Spread({ fleet, carryOut: () => Promise.resolve(own()) });
  const request = { method, path: "/admin/v1/peers", body: "", actor: ACTOR };
  const response = await spread.answer(reach, request);
  assertEquals(asked, ["/admin/v1/peers"]);
  return [response.status, await response.json()];
}

Deno.test("an operator's change reaches a node that has just started", async () => {
  const kicked = { outcome: "kicked" };
  assertEquals(await ask("home", "POST", () => Response.json(kicked)), [200, kicked]);
});

Deno.test("an operator's request finds the object of a node that has just started", async () => {
  const peer = { id: "x" };
  assertEquals(await ask("home", "GET", () => Response.json(peer)), [200, peer]);
});

Deno.test("an operator's list has the items of a node that has just started", async () => {
  const page = { items: [{ id: "x" }], next: null, total: 1 };
  assertEquals(await ask("list", "GET", () => Response.json(page)), [200, page]);
});
