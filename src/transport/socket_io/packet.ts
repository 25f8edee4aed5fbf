// Socket.IO packets as text: a type, `/namespace,` unless it is "/", an acknowledgement id, JSON.
// They are read only as far as it takes to route them; the JSON is the dialect's.

/** Types of Socket.IO packets, as character codes. */
export const PACKET = {
  CONNECT: 48,
  DISCONNECT: 49,
  EVENT: 50,
  ACK: 51,
  CONNECT_ERROR: 52,
  BINARY_EVENT: 53,
  BINARY_ACK: 54,
};

/** Longest id of an acknowledgement, in digits. */
const MAX_ACK_DIGITS = 10;
/** More digits than the number of attachments has that any client may announce. */
const MAX_COUNT_DIGITS = 10;
/** Longest name of a namespace, in UTF-16 units. */
const MAX_NAME_LENGTH = 256;
/** Longest name with a query, in UTF-16 units: a token fits. */
const MAX_FULL_NAME_LENGTH = 4_096;
const SLASH = 47;
const BRACKET = 91;
const BRACE = 123;
const QUOTE = 34;
const DASH = 45;

/** The receiver of a packet, and the place where the rest of it begins. */
export interface PacketAddress {
  readonly name: string;
  /** The text after `?` in the name; empty if there is no such text. */
  readonly query: string;
  readonly rest: number;
}

/** The announcement of a binary packet, and the place of the `-` before its address. */
export interface BinaryAnnouncement {
  /** Binary messages that are to follow. */
  readonly count: number;
  readonly end: number;
}

/** Whether a packet names a namespace other than "/". */
export function isAddressed(packet: string, typeAt: number): boolean {
  return packet.charCodeAt(typeAt + 1) === SLASH;
}

/** Reads a packet's namespace, without a query as old clients add it; undefined for one too long. */
export function readAddress(packet: string, typeAt: number): PacketAddress | undefined {
  if (!isAddressed(packet, typeAt)) return { name: "/", query: "", rest: typeAt + 1 };
  const comma = packet.indexOf(",", typeAt);
  const end = comma === -1 ? packet.length : comma;
  if (end - typeAt - 1 > MAX_FULL_NAME_LENGTH) return undefined;
  const full = packet.substring(typeAt + 1, end);
  const mark = full.indexOf("?");
  const name = mark === -1 ? full : full.substring(0, mark);
  if (name.length > MAX_NAME_LENGTH) return undefined;
  const query = mark === -1 ? "" : full.substring(mark + 1);
  return { name, query, rest: Math.min(end + 1, packet.length) };
}

/**
 * Reads how many attachments follow a binary packet; undefined if it does not announce any number.
 */
export function readAnnouncement(packet: string, typeAt: number): BinaryAnnouncement | undefined {
  const end = skipDigits(packet, typeAt + 1, MAX_COUNT_DIGITS);
  if (end === typeAt + 1 || packet.charCodeAt(end) !== DASH) return undefined;
  return { count: Number(packet.substring(typeAt + 1, end)), end };
}

/** Whether what begins at `at` can be the rest of an EVENT: an id, perhaps, and `["`. */
export function isEvent(packet: string, at: number): boolean {
  const list = skipId(packet, at);
  return packet.charCodeAt(list) === BRACKET && packet.charCodeAt(list + 1) === QUOTE &&
    list - at <= MAX_ACK_DIGITS;
}

/** Whether what begins at `at` can be the rest of an ACK: an id and a list. */
export function isAck(packet: string, at: number): boolean {
  const list = skipId(packet, at);
  return packet.charCodeAt(list) === BRACKET && list > at && list - at <= MAX_ACK_DIGITS;
}

/** Whether what begins at `at` can be the rest of a CONNECT: nothing, or an object. */
export function isConnect(packet: string, at: number): boolean {
  return at === packet.length || packet.charCodeAt(at) === BRACE;
}

/** Where the id ends that begins at `at`, if there is one. */
function skipId(packet: string, at: number): number {
  return skipDigits(packet, at, MAX_ACK_DIGITS);
}

/** Where the digits end that begin at `at`; looks at one more than there may be. */
function skipDigits(packet: string, at: number, max: number): number {
  let end = at;
  while (end - at <= max) {
    const code = packet.charCodeAt(end);
    if (!(code >= 48 && code <= 57)) break;
    end++;
  }
  return end;
}
