import { assertEquals } from "@std/assert";
import { newMemoryStore } from "../../helpers/store/store.ts";

// Times, limits and texts: see the store's contract.

Deno.test("changes that a role does not allow have a tenth of the log, and push out only each other", () => {
  let now = 1_000_000;
  const { operatorLog: log } = newMemoryStore({
    wallNow: () => now++,
    limits: { maxOperatorLog: 20 },
  });
  const write = (action: string, outcome: string): void =>
    log.write({ actor: "ann", action, subject: [], outcome });
  for (let nth = 0; nth < 18; nth++) write(`done ${nth}`, "kept");
  for (let nth = 0; nth < 50; nth++) write(`refused ${nth}`, "forbidden");
  const actions = (): string[] => log.list().map(({ action }) => action);
  const done = Array.from({ length: 18 }, (_, nth) => `done ${17 - nth}`);
  assertEquals(actions(), ["refused 49", "refused 48", ...done]);
  // A full log has room for what is done, refused changes among the oldest.
  write("done 18", "kept");
  assertEquals(actions(), ["done 18", "refused 49", "refused 48", ...done.slice(0, -1)]);
});
