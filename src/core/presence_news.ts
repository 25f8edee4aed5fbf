import type { LeaveReason } from "./expulsion.ts";
import type { Happenings, PeerFacts, RoomStep } from "./happenings.ts";
import type { Peer, Room } from "./peer.ts";

// Each function costs one look at a flag unless an operator listens. Peers of other nodes are those
// nodes' news.

export function reportPeerJoined(happenings: Happenings, peer: Peer): void {
  if (!happenings.isHeard || peer.receiver.isElsewhere) return;
  happenings.emit({ type: "peer.joined", data: peerFacts(peer) });
}

export function reportPeerLeft(happenings: Happenings, peer: Peer, reason: LeaveReason): void {
  if (!happenings.isHeard || peer.receiver.isElsewhere) return;
  const durationSeconds = happenings.secondsSince(peer.joinedAt);
  const data = { ...peerFacts(peer), reason, durationSeconds };
  happenings.emit({ type: "peer.left", data });
}

export function reportRoomJoined(happenings: Happenings, room: Room, peer: Peer): void {
  if (!happenings.isHeard || room.kind === "list") return;
  const { dialect, id, members } = room;
  if (members.size === 1) happenings.emit({ type: "room.started", data: { dialect, room: id } });
  if (peer.receiver.isElsewhere) return;
  happenings.emit({ type: "room.joined", data: stepFacts(room, peer) });
}

export function reportRoomLeft(happenings: Happenings, room: Room, peer: Peer): void {
  if (!happenings.isHeard || room.kind === "list") return;
  if (!peer.receiver.isElsewhere) {
    happenings.emit({ type: "room.left", data: stepFacts(room, peer) });
  }
  if (room.members.size > 0) return;
  const durationSeconds = happenings.secondsSince(room.startedAt);
  const data = { dialect: room.dialect, room: room.id, durationSeconds };
  happenings.emit({ type: "room.ended", data });
}

function peerFacts({ dialect, id, user, address, connection }: Peer): PeerFacts {
  return { dialect, id, user: user ?? null, address, connection };
}

function stepFacts({ id: room, members }: Room, { dialect, id, user }: Peer): RoomStep {
  return { dialect, room, id, user: user ?? null, members: members.size };
}
