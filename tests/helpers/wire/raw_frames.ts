/** One WebSocket frame as it came. */
export interface RawFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Uint8Array;
  /** The payload as text. */
  readonly text: string;
}

/** One frame as it is to be sent, with every mistake that can be made. */
export interface FrameToSend {
  /** A text frame unless told. */
  readonly opcode?: number;
  readonly payload?: string | Uint8Array;
  readonly isFinal?: boolean;
  /** The three reserved bits, as a number. */
  readonly reserved?: number;
  readonly isMasked?: boolean;
  /** The length to announce where it is not the payload's. */
  readonly announced?: number;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const MASK = new DataView(Uint8Array.of(0x12, 0x34, 0x56, 0x78).buffer);

/** Writes one frame (RFC 6455, section 5.2). */
export function encodeFrame(
  {
    opcode = OPCODE.text,
    payload = "",
    isFinal = true,
    reserved = 0,
    isMasked = true,
    announced,
  }: FrameToSend,
): Uint8Array<ArrayBuffer> {
  const body = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const length = announced ?? body.length;
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + extra + (isMasked ? 4 : 0);
  const bytes = new Uint8Array(start + body.length);
  const view = new DataView(bytes.buffer);
  const short = extra === 0 ? length : extra === 2 ? 126 : 127;
  view.setUint8(0, (isFinal ? 0x80 : 0) | reserved << 4 | opcode);
  view.setUint8(1, (isMasked ? 0x80 : 0) | short);
  if (extra === 2) view.setUint16(2, length);
  if (extra === 8) view.setBigUint64(2, BigInt(length));
  bytes.set(body, start);
  if (!isMasked) return bytes;
  view.setUint32(start - 4, MASK.getUint32(0));
  for (let at = 0; at < body.length; at++) {
    view.setUint8(start + at, view.getUint8(start + at) ^ MASK.getUint8(at % 4));
  }
  return bytes;
}

/** A closing frame's payload. */
export function closePayload(code: number, reason: string | Uint8Array = ""): Uint8Array {
  const text = typeof reason === "string" ? new TextEncoder().encode(reason) : reason;
  return Uint8Array.from([code >> 8, code & 0xff, ...text]);
}

/** Reads an unmasked frame, as servers send them; undefined while it is incomplete. */
export function decodeFrame(
  bytes: Uint8Array<ArrayBuffer>,
): RawFrame & { readonly size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = view.getUint8(0);
  const short = view.getUint8(1) & 0x7f;
  const start = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
  if (bytes.length < start) return undefined;
  const length = short === 126
    ? view.getUint16(2)
    : short === 127
    ? Number(view.getBigUint64(2))
    : short;
  const size = start + length;
  if (bytes.length < size) return undefined;
  const payload = bytes.slice(start, size);
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload);
  return { opcode: head & 0x0f, isFinal: (head & 0x80) !== 0, payload, text, size };
}
