import type { Actor, Fence, PeerKey } from "./backplane.ts";
import type { PeerId } from "../events.ts";
import type { PresentPeer } from "../peer.ts";
import type { Untaken } from "../calls/signal.ts";

/** The hub of which the calls are part. */
export interface CallHub {
  /** A peer of this node, or one of another that is known here. */
  find(realm: string, id: PeerId): PresentPeer | undefined;
  /** A peer of this node, as the cluster knows it. */
  actorOf(key: PeerKey): Actor | undefined;
  /** The fence of a peer of another node. */
  fenceOf(key: PeerKey): Fence | undefined;
  /** True if the two met for a call. */
  haveMet(own: PeerKey, other: PeerKey): boolean;
  /** Gives a message that no client took back to its sender. */
  returned(from: PeerKey, to: PeerId, payload: unknown, reason: Untaken): void;
  /** Forgets that two peers have met. */
  part(realm: string, one: PeerId, other: PeerId): void;
}
