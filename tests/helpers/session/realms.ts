/**
 * The realms of the benches in this process. "bridged": as with `--bridge all`, although no peer of
 * another dialect is there.
 */
export const realms: { mode: "own" | "bridged" } = { mode: "own" };
