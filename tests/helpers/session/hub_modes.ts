import type { Hub } from "../../../src/core/hub.ts";
import type { PeerEvent, PeerHandle } from "../../../src/core/events.ts";
import type { Receiver } from "../../../src/core/session.ts";
import { realms } from "./realms.ts";

/**
 * The way in which hubs of this process work. "written": every event is written as JSON and read again
 * on its way, and frozen on both sides, as between two machines; a test fails if a session shares an
 * object with another peer, or changes one. "late": every step waits for a turn, as one does in which
 * other machines take part. "dealt": each bench has two hubs of one cluster, and its clients are dealt
 * to both.
 */
export const hubs: { mode: "shared" | "written" | "late" | "dealt" } = { mode: "shared" };

/** How often to repeat a random test: the further modes need not find everything once more. */
export function runs(times: number): number {
  const isFirst = hubs.mode === "shared" && realms.mode !== "bridged";
  return isFirst ? times : Math.ceil(times / 10);
}

/** Has a hub write all events down, and freezes them on both sides. */
export function writeEvents(hub: Hub): void {
  const known = new WeakSet<Receiver>();
  const claim = hub.claim.bind(hub);
  hub.claim = (request) => {
    if (!known.has(request.receiver)) {
      known.add(request.receiver);
      overwriteDeliver(request.receiver);
    }
    return claim(request);
  };
}

function overwriteDeliver(receiver: Receiver): void {
  const deliver = receiver.deliver.bind(receiver);
  receiver.deliver = (event) => deliver(readAgain(event));
}

function readAgain(event: PeerEvent): PeerEvent {
  return frozen(JSON.parse(JSON.stringify(frozen(event), asText), asBytes));
}

function asText(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { bytes: [...value] } : value;
}

/** Only a binary frame is an object of that one member: no dialect's payload is. */
function asBytes(key: string, value: unknown): unknown {
  if (key !== "payload" || typeof value !== "object" || value === null) return value;
  return "bytes" in value && Array.isArray(value.bytes) ? new Uint8Array(value.bytes) : value;
}

/** Freezes a value with all that is in it; bytes cannot be. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}

/** Has every step of a hub wait for a turn, as one does that other machines take part in. */
export function delaySteps(hub: Hub): void {
  const { claim, join, describe, pair } = hub;
  /** Carries a step out, unless its peer has left or is leaving. */
  const later = async (handle: PeerHandle, step: () => void | Promise<void>): Promise<void> => {
    await Promise.resolve();
    const peer = hub.find(handle.realm, handle.id);
    if (peer?.handle.fence === handle.fence && peer.receiver.link.isOpen) await step();
  };
  hub.claim = async (request) => {
    await Promise.resolve();
    return claim.call(hub, request);
  };
  hub.join = (handle, ...rest) => later(handle, () => join.call(hub, handle, ...rest));
  hub.describe = (handle, ...rest) => later(handle, () => describe.call(hub, handle, ...rest));
  hub.pair = (handle, ...rest) => later(handle, () => pair.call(hub, handle, ...rest));
}
