import type { PeerEvent, PeerId, RoomEvent, RoomId } from "../../core/events.ts";
import type { Sent } from "../../core/hub.ts";
import type { PresentPeer } from "../../core/peer.ts";
import type { Seat } from "../kit/seat.ts";
import type { FarMates } from "./far_mates.ts";
import type { Instance } from "./instance.ts";
import { GONE, type Speaker } from "./kept_signals.ts";
import type { SentSignal } from "./messages.ts";
import { OUTCOME_MS } from "./posts.ts";
import { UNSENT, untaken } from "./refusals.ts";
import type { Settled } from "./settled.ts";
import type { SimpleServer } from "./server.ts";
import { isAwaited, ONE, outcomeFor, settledOf, targetsOf } from "./targets.ts";

/** A peer that exchanges signals with others. */
interface Exchanging {
  readonly id: PeerId;
  readonly room: RoomId;
  readonly seat: Pick<Seat, "peer">;
  /** The instances by number; undefined for a free one. */
  readonly slots: readonly (Instance | undefined)[];
  readonly far: FarMates;
}

/**
 * Sends a signal to one instance of a peer, or to all of them or none (§6).
 * @param isMate the receiver is in the room; otherwise it is in a call with the peer
 */
export function sendSignal(
  server: SimpleServer,
  peer: Exchanging,
  signal: SentSignal,
  to: PresentPeer,
  isMate: boolean,
): void {
  const { hub, dialect, nodes } = server;
  const { seat: { peer: handle }, room } = peer;
  if (handle === undefined) throw untaken("peer_unknown");
  if (to.dialect === dialect) {
    const isNew = nodes?.isNew(to) === true;
    const isFar = (isNew || to.receiver.isElsewhere === true) && isAwaited(signal);
    const ticket = isFar ? nodes?.await(peer, signal) : undefined;
    const whole = isFar ? { ...signal, ticket } : signal;
    if (isNew) return nodes.relay(handle, to.handle, whole);
    const sent = hub.send(handle, to.handle, whole);
    if (sent === "sent") return;
    if (ticket !== undefined) peer.far.settle(ticket);
    throw untaken(UNSENT[sent]);
  }
  const answer = (sent: Sent): void => {
    const outcome = sent === "sent" ? ONE : { refused: UNSENT[sent] };
    settleSignal(server, peer, settledOf(signal, outcome));
  };
  if (hub.elsewhere === undefined) return answer(hub.send(handle, to.handle, signal));
  hub.elsewhere.call(handle, to.id, signal, answer, isMate ? room : undefined);
}

/**
 * Gives a signal to all its targets or to none, and sends the receipt for which its sender waits.
 * @param sender undefined for a peer of another node
 */
export function takeSignal(
  server: SimpleServer,
  peer: Exchanging,
  signal: SentSignal,
  sender: Pick<Exchanging, "slots"> | undefined,
): void {
  const targets = targetsOf(peer.slots, signal);
  const outcome = outcomeFor(targets, signal);
  const isTaken = !("refused" in outcome);
  if (isTaken) {
    const speaker = sender === undefined
      ? farSpeaker(server, peer, signal)
      : sender.slots[signal.peer_instance]?.speaker ?? GONE;
    for (const target of targets) target.take(speaker, signal);
  }
  if (isTaken && !isAwaited(signal)) return;
  const settled = settledOf(signal, outcome);
  // A receipt goes on also where this peer does not.
  if (sender === undefined) return server.nodes?.settle(signal.peer_id, settled, peer.id);
  const { peer: handle } = peer.seat;
  if (handle !== undefined) server.hub.send(handle, signal.peer_id, settled);
}

/** A signal of one of the peer's instances has its receipt. */
export function settleSignal(
  { posts }: Pick<SimpleServer, "posts">,
  { slots, far }: Pick<Exchanging, "slots" | "far">,
  settled: Settled,
): void {
  if (settled.ticket !== undefined && !far.settle(settled.ticket)) return;
  const carrier = slots[settled.instance]?.carrier;
  if (carrier?.link.id === settled.via) carrier?.settled(settled);
  else posts.settle(settled);
}

/** No node took a signal. */
export function returnSignal(
  server: Pick<SimpleServer, "posts">,
  peer: Pick<Exchanging, "slots" | "far">,
  { returned }: Extract<PeerEvent, { type: "undelivered" }>,
): void {
  // It is what the peer sent.
  const payload = returned?.payload as SentSignal | Settled | undefined;
  if (returned === undefined || payload === undefined || !("frame" in payload)) return;
  const { isUnavailable, refusal = isUnavailable ? "unavailable" : "unknown" } = returned;
  const refused = UNSENT[refusal];
  settleSignal(server, peer, settledOf(payload, { refused }));
}

/** News of a room-mate. Signals for one that has left get no other outcome. */
export function noteMate(
  server: Pick<SimpleServer, "posts">,
  peer: Pick<Exchanging, "slots" | "far">,
  event: RoomEvent,
): void {
  peer.far.note(event);
  if (event.type !== "left") return;
  for (const one of peer.far.unsettledFor(event.peer.id)) {
    settleSignal(server, peer, { ...one, outcome: { refused: "peer_unknown" } });
  }
}

/** Refuses signals whose receipt was lost. @returns true if others wait for theirs */
export function refuseLate(
  server: Pick<SimpleServer, "posts" | "clock">,
  peer: Pick<Exchanging, "slots" | "far">,
): boolean {
  for (const one of peer.far.unsettledSince(server.clock.now() - OUTCOME_MS)) {
    settleSignal(server, peer, { ...one, outcome: { refused: "unavailable" } });
  }
  return peer.far.hasUnsettled;
}

function farSpeaker(
  { hub, realm }: SimpleServer,
  { room, far }: Pick<Exchanging, "room" | "far">,
  { peer_id: id, peer_instance: instance }: SentSignal,
): Readonly<Speaker> {
  return hub.member(realm, room, id) === undefined ? GONE : far.of(id, instance);
}
