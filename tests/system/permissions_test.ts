import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { type Belongings, dropPermissions } from "../../src/system/permissions.ts";

const MISSING = fileURLToPath(new URL("missing/file", import.meta.url));

/** The access that each permission allows; absent files do not matter. */
const ATTEMPTS: Readonly<Record<string, () => unknown>> = {
  env: () => Deno.env.get("DENO_KV_ACCESS_TOKEN"),
  read: () => Deno.readTextFileSync(MISSING),
  write: () => Deno.removeSync(MISSING),
  kv: () => Deno.openKv(MISSING),
  net: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
  sys: () => Deno.hostname(),
  run: () => new Deno.Command(MISSING).outputSync(),
};

/** Which of the attempts the runtime denies. */
async function denied(): Promise<string[]> {
  const names: string[] = [];
  for (const [name, attempt] of Object.entries(ATTEMPTS)) {
    try {
      await attempt();
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) names.push(name);
    }
  }
  return names;
}

const CASES: readonly [Belongings, kept: string[], denied: string[]][] = [
  [{ store: "memory", readsFiles: false }, [], ["env", "read", "write", "kv", "sys", "run"]],
  [{ store: "memory", readsFiles: true }, ["read"], ["env", "write", "kv", "sys", "run"]],
  [
    { store: "memory", readsFiles: false, usesSocket: true },
    ["read", "write"],
    ["env", "sys", "run"],
  ],
  [{ store: "kv:", readsFiles: false }, ["read", "write"], ["env", "sys", "run"]],
  [{ store: "kv:/data", readsFiles: true }, ["read", "write"], ["env", "sys", "run"]],
  [
    { store: "kv:https://kv.example", readsFiles: false },
    ["env"],
    ["read", "write", "kv", "sys", "run"],
  ],
];

for (const [belongings, kept, lost] of CASES) {
  const { store, readsFiles, usesSocket } = belongings;
  Deno.test({
    name: `store ${store}${readsFiles ? " and certificates" : ""}${
      usesSocket ? " and a socket" : ""
    }: ${lost.join(", ")} are over`,
    // The runtime gives the others theirs back when the test is over.
    permissions: { env: true, read: true, write: true, net: true, sys: true, run: true },
    fn: async () => {
      assertEquals(await denied(), []);
      assertEquals(dropPermissions(belongings), kept);
      assertEquals(await denied(), lost);
    },
  });
}
