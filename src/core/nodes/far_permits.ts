import type { Actor, Caller, SharedPermits } from "./backplane.ts";
import { covers } from "../patterns.ts";
import type { PresentPeer } from "../peer.ts";
import type { Permits } from "../session.ts";

/** A peer of this node as one that calls. */
export function callerOf(actor: Actor, peer: PresentPeer | undefined): Caller {
  const permits = peer?.receiver.permits;
  return { ...actor, permits: permits && { user: permits.user ?? null, granted: permits.granted } };
}

/** The permits of a peer of another node. */
export function permitsOf(shared: SharedPermits | undefined): Permits | undefined {
  if (shared === undefined) return undefined;
  const { user, granted } = shared;
  return {
    user: user ?? undefined,
    granted,
    grantsRoom: (room) => granted.every(({ rooms }) => covers(rooms, room)),
    grantsRole: (role) => granted.every(({ roles }) => roles.includes(role)),
  };
}
