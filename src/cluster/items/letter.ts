import type { OutgoingMessage } from "../../core/nodes/backplane.ts";
import { unpackList, unpackName } from "../texts.ts";

/** A message as it stands in an inbox: one text, because a reader decodes each part by itself. */
export interface Letter {
  /** The incarnation that sent it. */
  readonly node: string;
  /** Its number among those of the sender's process. */
  readonly number: number;
  /** That of its first try, if it came back and is sent again. Earlier versions do not read it. */
  readonly firstNumber: number | undefined;
  /** The receiver's, unless any holder of the id may have it. */
  readonly fence: number | undefined;
  readonly realm: string;
  readonly id: string;
  readonly from: string;
  readonly room: string | undefined;
  readonly isCall: boolean;
  /** Its sender waits for the receiver's answer. */
  readonly isConfirmed: boolean;
  readonly body: string;
}

/** Writes the parts of a message that the engine does not read. */
export function packLetter(
  { realm, id, from, room, isCall = false, firstNumber }: OutgoingMessage,
  isConfirmed: boolean,
  body: string,
): string {
  // JSON has no line break of its own.
  const again = firstNumber === undefined ? [] : [firstNumber];
  const head = [realm, id, from, isCall ? null : room ?? null, isCall, isConfirmed, ...again];
  return `${JSON.stringify(head)}\n${body}`;
}

/** Reads the parts of a message's item; undefined for anything else. */
export function readMessage([text = "", ...parts]: readonly string[]): Letter | undefined {
  return parts.length === 0 ? readLetter(text) : readParts(text, parts);
}

/** Reads what nodes of earlier versions write: each part by itself. */
function readParts(
  node: string,
  [count, realm, id, fence, from, room = "", isConfirmed, body]: readonly string[],
): Letter | undefined {
  const number = Number(count);
  const isNamed = realm !== undefined && id !== undefined && from !== undefined;
  if (!isNamed || body === undefined || !Number.isSafeInteger(number)) return undefined;
  return {
    node,
    number,
    firstNumber: undefined,
    fence: fence === "" ? undefined : Number(fence),
    realm,
    id: unpackName(id),
    from: unpackName(from),
    room: room.startsWith("r") ? unpackName(room.slice(1)) : undefined,
    isCall: room === "c",
    isConfirmed: isConfirmed === "1",
    body,
  };
}

/** Reads such a text behind the words of the script; undefined for anything else. */
function readLetter(text: string): Letter | undefined {
  const nodeEnd = text.indexOf(" ");
  const numberEnd = text.indexOf(" ", nodeEnd + 1);
  const fenceEnd = text.indexOf(" ", numberEnd + 1);
  const headEnd = text.indexOf("\n", fenceEnd + 1);
  if (nodeEnd < 0 || numberEnd < 0 || fenceEnd < 0 || headEnd < 0) return undefined;
  const number = Number(text.slice(nodeEnd + 1, numberEnd));
  const [realm, id, from, room, isCall, isConfirmed, firstNumber] = unpackList(
    text.slice(fenceEnd + 1, headEnd),
  );
  const isNamed = typeof realm === "string" && typeof id === "string" && typeof from === "string";
  if (!isNamed || !Number.isSafeInteger(number)) return undefined;
  return {
    node: text.slice(0, nodeEnd),
    number,
    firstNumber: typeof firstNumber === "number" ? firstNumber : undefined,
    fence: fenceEnd === numberEnd + 1 ? undefined : Number(text.slice(numberEnd + 1, fenceEnd)),
    realm,
    id,
    from,
    room: typeof room === "string" ? room : undefined,
    isCall: isCall === true,
    isConfirmed: isConfirmed === true,
    body: text.slice(headEnd + 1),
  };
}
