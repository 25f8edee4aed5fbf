import type { Hub } from "../../../src/core/hub.ts";
import type { PeerEvent, Receiver } from "../../../src/core/types.ts";

/**
 * How hubs of this process hand events to their receivers. "written": as between two machines, each
 * is written as JSON and read again. Whatever shares an object with another peer, or changes one that
 * it was handed, then fails its test.
 */
export const events: { mode: "shared" | "written" } = { mode: "shared" };

/** How often to repeat what is random: once more for written events need not be as often. */
export function runs(times: number): number {
  return events.mode === "written" ? Math.ceil(times / 10) : times;
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
