/** The files and variables that a server still reads or writes after its start. */
export interface Belongings {
  /** The place of the store, in the form of `--store`. */
  readonly store: string;
  /** Whether certificates or keys may have to be read again. */
  readonly readsFiles: boolean;
}

/** All permissions that the runtime can revoke, except for the network. */
const NAMES = ["env", "read", "write", "sys", "run", "ffi"] as const;
type Name = typeof NAMES[number];

/**
 * Gives up for good what this process will not need any more. A permission goes as a whole or not at
 * all: to Deno "all files but these" cannot be said, nor can what was given be narrowed later.
 * @returns what it may still do anywhere, as the runtime says
 */
export function dropPermissions(belongings: Belongings): string[] {
  const needed = neededBy(belongings);
  for (const name of NAMES) if (!needed.has(name)) Deno.permissions.revokeSync({ name });
  return NAMES.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
}

function neededBy({ store, readsFiles }: Belongings): ReadonlySet<Name> {
  const needed = new Set<Name>(readsFiles ? ["read"] : []);
  if (store === "memory") return needed;
  // A store that fails is opened anew, a remote one with its token from the variable.
  const isRemote = /^kv:https?:/i.test(store);
  return needed.union(new Set<Name>(isRemote ? ["env"] : ["read", "write"]));
}
