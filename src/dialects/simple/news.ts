import type { PeerSummary, RoomEvent } from "../../core/events.ts";
import type { PeerDescription, PeerInstance, ProfileChange } from "./description.ts";
import type { Reason } from "./instance.ts";
import { encodeChange, encodeJoin, encodeLeave } from "./messages.ts";

/** A peer's change, which the hub passes on with its new description. */
export type News =
  | { readonly type: "join"; readonly instance: number }
  | { readonly type: "change"; readonly instance: number; readonly change: ProfileChange }
  | {
    readonly type: "leave";
    readonly instance: number;
    readonly instances: readonly PeerInstance[];
    readonly reason: Reason;
  };

/** An instance is gone; `instances` is what remains. */
export function leaveNews(
  instance: number,
  instances: readonly PeerInstance[],
  reason: Reason,
): News {
  return { type: "leave", instance, instances, reason };
}

/** A room's news as frames (§4), once for all members. */
export function encodeNews(event: RoomEvent, own: string): readonly string[] {
  const { type, peer } = event;
  // Peers of this dialect give the hub nothing else, and those of other dialects give it nothing.
  const news = event.news as News | undefined;
  if (type === "joined") return [encodeJoin(descriptionOf(peer, own), 0)];
  if (news === undefined) {
    if (type !== "left") return [];
    // A peer of this dialect without a word of its own: its node is gone.
    return [encodeLeave(peer.id, 0, [], peer.dialect === own ? "lost" : "left")];
  }
  switch (news.type) {
    case "join":
      return [encodeJoin(descriptionOf(peer, own), news.instance)];
    case "change":
      return [encodeChange(peer.id, news.instance, news.change)];
    case "leave":
      return [encodeLeave(peer.id, news.instance, news.instances, news.reason)];
  }
}

/**
 * A peer as this protocol shows it; one of another dialect has one instance and its name (§10).
 * @param own the name of this dialect
 */
export function descriptionOf({ id, dialect, info }: PeerSummary, own: string): PeerDescription {
  // `describe` made it.
  if (dialect === own) return info as PeerDescription;
  const foreign = { peer_id: id, peer_dialect: dialect };
  return { ...foreign, peer_instances: [{ sdp: "" }], peer_ice: [] };
}
