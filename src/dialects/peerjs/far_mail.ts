import { Buffer } from "node:buffer";
import type { Correspondent } from "../../core/nodes/elsewhere.ts";
import type { Place } from "../kit/seat.ts";
import type { RelayedMessage } from "./messages.ts";
import { type HeldRelay, SealedAttempt, type WaitingRoom } from "./waiting_room.ts";

// Held messages where peers are on several nodes of a cluster.

interface FarMail extends Place {
  readonly waitingRoom: WaitingRoom;
}

/** The dialect's part in what returns from other nodes, and in what appears there. */
export function correspondentOf(mail: FarMail): Correspondent {
  const { dialect, waitingRoom } = mail;
  return {
    dialect,
    appeared(id): void {
      sendOn(mail, id);
      waitingRoom.tellReturned(id);
    },
    awaited: () => waitingRoom.awaited(),
    lifetimeMs: waitingRoom.longestMs,
    returned(from, to, payload, firstNumber): void {
      // Nothing but what a session has sent.
      const message = payload as RelayedMessage;
      if (isHeld(message)) park(mail, to, { from, message, firstNumber });
    },
  };
}

/** Tells a sender on any node that what it said to an absent peer was dropped. */
export function reportExpired(
  { hub, realm, dialect }: Place,
  sender: string,
  absent: string,
): boolean | Promise<boolean> {
  if (hub.reportUndelivered(realm, sender, absent)) return true;
  if (hub.elsewhere === undefined) return false;
  const expire = { type: "EXPIRE", dst: sender };
  const passed = hub.elsewhere.pass({ realm, id: absent, dialect }, sender, expire);
  return passed.then((outcome) => outcome === "sent");
}

/** Takes over what another node held when it ended. */
export function adopt(
  { hub, realm, dialect, waitingRoom }: FarMail,
  items: readonly unknown[],
): void {
  const attempts = items.flatMap((item) => SealedAttempt.safeParse(item).data ?? []);
  waitingRoom.restore({ items: attempts, ageMs: 0 });
  const awaited = new Set(attempts.flatMap(({ from, to }) => [from, to]));
  const lifetimeMs = waitingRoom.longestMs;
  for (const id of awaited) hub.elsewhere?.want({ realm, id, dialect, lifetimeMs });
}

/** Messages that wait here reach an id that has appeared on another node, in their order. */
function sendOn(mail: FarMail, id: string): void {
  const { hub, realm, dialect, waitingRoom } = mail;
  for (const held of waitingRoom.collect(id)) {
    const { from, message, firstNumber } = held;
    const sender = hub.find(realm, from);
    // With its `dst` it can wait once more, if the id has gone again.
    const whole = { ...message, dst: id };
    const isHere = sender?.dialect === dialect && sender.receiver.isElsewhere !== true;
    if (isHere) hub.elsewhere?.sendAgain(sender.handle, id, whole, firstNumber);
    else {
      const away = { realm, id: from, dialect };
      void hub.elsewhere?.pass(away, id, whole, firstNumber).then((outcome) => {
        if (outcome === "unknown") park(mail, id, held);
        else if (outcome !== "sent") void reportExpired(mail, from, id);
      });
    }
  }
}

function park(
  { waitingRoom }: FarMail,
  to: string,
  { from, message: { type, payload }, firstNumber }: HeldRelay,
): void {
  const message = { type, dst: to, payload };
  const bytes = Buffer.byteLength(JSON.stringify(message));
  waitingRoom.park(from, to, message, bytes, firstNumber);
}

function isHeld({ type }: RelayedMessage): boolean {
  return type === "OFFER" || type === "ANSWER" || type === "CANDIDATE";
}
