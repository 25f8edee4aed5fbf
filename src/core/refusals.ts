import type { PeerId, Refused } from "./events.ts";
import type { Claim, Peer } from "./peer.ts";

type ReasonOf<Step extends Refused["step"]> = Extract<Refused, { step: Step }>["reason"];

/** Refuses a claim, unless its connection has ended meanwhile. */
export function refuseClaim({ id, room, receiver }: Claim, reason: ReasonOf<"claim">): void {
  if (!receiver.link.isOpen) return;
  receiver.deliver({ type: "refused", step: "claim", id, room: room?.room, reason });
}

export function refusePair({ receiver }: Peer, peer: PeerId, reason: ReasonOf<"pair">): void {
  receiver.deliver({ type: "refused", step: "pair", peer, reason });
}
