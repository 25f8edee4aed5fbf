import { type Claim, type Peer, tell } from "./peer.ts";
import { refuseClaim } from "./refusals.ts";

/** Gives a held id to another connection of its client, or refuses the claim. */
export function takeOver(holder: Peer, claim: Claim): void {
  const { receiver, proof, dialect, policy, isExclusive = false } = claim;
  const isSameClient = proof !== undefined && holder.proof === proof;
  const mayHave = policy === "newest" || isSameClient;
  if (!mayHave || holder.dialect !== dialect) return refuseClaim(claim, "id_taken");
  const old = holder.receiver;
  Object.assign(holder, { proof, isExclusive });
  holder.carriedBy(receiver);
  try {
    // A claim of the holder itself is confirmed.
    if (old !== receiver) old.deliver({ type: "replaced" });
  } catch (error) {
    old.link.fail(error);
  }
  tell(holder, { type: "admitted", peer: holder.handle });
}
