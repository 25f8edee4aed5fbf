/** The kinds of frames (RFC 6455, section 11.8). */
export const OPCODE = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** A closing frame's contents; where it is not good, the answer to it. */
export interface Closing {
  readonly isGood: boolean;
  readonly code: number;
  readonly reason: string;
}

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the payload of a closing frame. */
export function readClosing(payload: Uint8Array): Closing {
  if (payload.length === 0) return { isGood: true, code: 1005, reason: "" };
  if (payload.length === 1) return { isGood: false, code: 1002, reason: "bad closing frame" };
  const code = (payload[0] as number) << 8 | (payload[1] as number);
  if (!maySend(code)) return { isGood: false, code: 1002, reason: "bad close code" };
  try {
    return { isGood: true, code, reason: DECODER.decode(payload.subarray(2)) };
  } catch {
    return { isGood: false, code: 1007, reason: "reason is not UTF-8" };
  }
}

/** Codes that a closing frame may carry: those of the protocol, of libraries and of applications. */
function maySend(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/** Writes the header of an unmasked, final frame. @returns its size */
export function writeHeader(
  target: Uint8Array,
  at: number,
  opcode: number,
  length: number,
): number {
  target[at] = 0x80 | opcode;
  if (length < 126) {
    target[at + 1] = length;
    return 2;
  }
  if (length < 0x1_0000) {
    target[at + 1] = 126;
    target[at + 2] = length >>> 8;
    target[at + 3] = length & 0xff;
    return 4;
  }
  target[at + 1] = 127;
  const view = new DataView(target.buffer, target.byteOffset + at + 2, 8);
  view.setUint32(0, Math.floor(length / 0x1_0000_0000));
  view.setUint32(4, length >>> 0);
  return 10;
}

/** Bytes of the header of an unmasked frame. */
export function headerBytes(length: number): number {
  return length < 126 ? 2 : length < 0x1_0000 ? 4 : 10;
}
