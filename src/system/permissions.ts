/** The files and variables that a server still reads or writes after its start. */
export interface Belongings {
  /** The place of the store, in the form of `--store`. */
  readonly store: string;
  /** True if certificates or keys may be read again. */
  readonly readsFiles: boolean;
  /** True if it connects to a unix socket, which the runtime counts as reading and writing. */
  readonly usesSocket?: boolean;
}

/** All permissions that the runtime can revoke, except for the network. */
const NAMES = ["env", "read", "write", "sys", "run", "ffi"] as const;
type Name = typeof NAMES[number];

/**
 * Revokes the permissions that this process no longer needs. Deno can revoke only a whole permission,
 * and not narrow one to some files.
 * @returns the permissions that remain unrestricted
 */
export function dropPermissions(belongings: Belongings): string[] {
  const needed = neededBy(belongings);
  for (const name of NAMES) if (!needed.has(name)) Deno.permissions.revokeSync({ name });
  return NAMES.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
}

function neededBy({ store, readsFiles, usesSocket = false }: Belongings): ReadonlySet<Name> {
  const needed = new Set<Name>(usesSocket ? ["read", "write"] : readsFiles ? ["read"] : []);
  if (store === "memory") return needed;
  // A failed store is reopened, a remote one with its token from the variable.
  const isRemote = /^kv:https?:/i.test(store);
  return needed.union(new Set<Name>(isRemote ? ["env"] : ["read", "write"]));
}
