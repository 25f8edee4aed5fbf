import { Buffer } from "node:buffer";

/** Revisions of the Engine.IO protocol: 3 of Socket.IO 1 and 2, 4 of Socket.IO 3 and 4. */
export type Revision = 3 | 4;

const SEPARATOR = "\x1e";
/** More digits than the length of any payload has. */
const MAX_DIGITS = 10;
const TEXT = 0;
const BINARY = 1;
const END_OF_LENGTH = 255;

/** The body of a polling answer. */
export function encodePayload(packets: readonly string[], revision: Revision): string {
  if (revision === 4) return packets.join(SEPARATOR);
  let payload = "";
  // The length counts UTF-16 units, as a browser's strings do.
  for (const packet of packets) payload += `${packet.length}:${packet}`;
  return payload;
}

/** The packets of a POST's body; undefined where it is no payload, or one of too many packets. */
export function decodePayload(
  payload: string,
  revision: Revision,
  maxPackets: number = Infinity,
): string[] | undefined {
  return revision === 4 ? decodeSeparated(payload, maxPackets) : decodeCounted(payload, maxPackets);
}

function decodeSeparated(payload: string, maxPackets: number): string[] | undefined {
  const packets: string[] = [];
  let start = 0;
  while (start <= payload.length) {
    const separator = payload.indexOf(SEPARATOR, start);
    const end = separator === -1 ? payload.length : separator;
    if (end === start || packets.length === maxPackets) return undefined;
    packets.push(payload.substring(start, end));
    start = end + 1;
  }
  return packets;
}

function decodeCounted(payload: string, maxPackets: number): string[] | undefined {
  const packets: string[] = [];
  let at = 0;
  while (at < payload.length) {
    let length = 0;
    const first = at;
    for (let digit = digitAt(payload, at); digit >= 0; digit = digitAt(payload, ++at)) {
      length = 10 * length + digit;
    }
    const start = at + 1;
    const isLength = at > first && at - first <= MAX_DIGITS && payload.charAt(at) === ":";
    const fits = length > 0 && start + length <= payload.length && packets.length < maxPackets;
    if (!isLength || !fits) return undefined;
    packets.push(payload.substring(start, start + length));
    at = start + length;
  }
  return packets.length > 0 ? packets : undefined;
}

function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - 48;
  return digit <= 9 ? digit : -1;
}

/**
 * The packets of a body that is framed in bytes, as clients of revision 3 send one beside binary
 * data: 0 for text or 1 for bytes, the digits of the length, 255, then the packet. Returns
 * undefined for a malformed body.
 */
export function decodeBinaryPayload(
  payload: Uint8Array,
  maxPackets: number = Infinity,
): (string | Uint8Array)[] | undefined {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const packets: (string | Uint8Array)[] = [];
  let at = 0;
  while (at < payload.length) {
    const kind = payload[at++];
    if (kind !== TEXT && kind !== BINARY) return undefined;
    let length = 0;
    const first = at;
    for (let digit = payload[at] ?? 10; digit <= 9; digit = payload[++at] ?? 10) {
      length = 10 * length + digit;
    }
    const start = at + 1;
    const isLength = at > first && at - first <= MAX_DIGITS && payload[at] === END_OF_LENGTH;
    const fits = length > 0 && start + length <= payload.length && packets.length < maxPackets;
    if (!isLength || !fits) return undefined;
    const packet = payload.subarray(start, start + length);
    try {
      packets.push(kind === TEXT ? decoder.decode(packet) : packet);
    } catch {
      return undefined;
    }
    at = start + length;
  }
  return packets.length > 0 ? packets : undefined;
}

/**
 * A packet's JSON with everything but ASCII escaped. Over polling, clients of Socket.IO 1 decode
 * text twice and give up over text that was encoded once. Pure ASCII leaves them nothing to decode.
 */
export function escapeNonAscii(packet: string): string {
  // deno-lint-ignore no-control-regex
  if (!/[^\x00-\x7f]/.test(packet)) return packet;
  return packet.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Decodes a text of Socket.IO 1, whose clients encode packets of a polling body in UTF-8 before the
 * browser does so. Returns undefined if the packet cannot be encoded twice.
 */
export function decodeTwice(packet: string): string | undefined {
  // deno-lint-ignore no-control-regex
  if (!/^[\x00-\xff]*$/.test(packet)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(packet, "latin1"));
  } catch {
    return undefined;
  }
}
