import { assertEquals } from "@std/assert";
import type { Fleet } from "../../src/admin/fleet.ts";
import type { Log } from "../../src/observe/log.ts";
import { handOverTo } from "../../src/server/hand_over.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

// Items that a node hands over to the others at its end.

/** Characters of a question, as the cluster limits them. */
const MAX_LENGTH = 1_200_000;

Deno.test("an item that no question holds stays, and the items behind it are handed over", async () => {
  const taken: unknown[] = [];
  const fleet: Fleet = {
    cluster: "c",
    node: "ending",
    isUp: () => true,
    nodes: () => ["ending", "other"].map((name) => ({ name, sinceMs: 0 })),
    ask: (_node, _topic, question) => {
      if (JSON.stringify(question).length > MAX_LENGTH) return Promise.resolve(undefined);
      taken.push(...Object(question).items);
      return Promise.resolve(true);
    },
    answer: () => {},
  };
  const lines: unknown[] = [];
  const write: Log["write"] = (_level, _text, facts) => void lines.push(facts);
  const log: Pick<Log, "write"> = { write };
  // It writes, and nothing else.
  const handOver = handOverTo(fleet, { clock: new FakeClock(), log: log as Log });
  const [small, large, later] = ["small", "x".repeat(MAX_LENGTH), "later"];
  assertEquals(await handOver?.("peerjs", [small, large, later]), [large]);
  assertEquals(taken, [small, later]);
  assertEquals(lines, [{ dialect: "peerjs", items: 2 }]);
});
