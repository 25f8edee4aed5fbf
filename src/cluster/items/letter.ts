import type { OutgoingMessage } from "../../core/nodes/backplane.ts";
import { unpackList } from "../texts.ts";

/** A message as it stands in an inbox: one text, because a reader decodes each part by itself. */
export interface Letter {
  /** The incarnation that sent it. */
  readonly node: string;
  /** Its number among those of the sender's process. */
  readonly number: number;
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
  { realm, id, from, room, isCall = false }: OutgoingMessage,
  isConfirmed: boolean,
  body: string,
): string {
  // JSON has no line break of its own.
  const head = [realm, id, from, isCall ? null : room ?? null, isCall, isConfirmed];
  return `${JSON.stringify(head)}\n${body}`;
}

/** Reads such a text behind the words of the script; undefined for anything else. */
export function readLetter(text: string): Letter | undefined {
  const nodeEnd = text.indexOf(" ");
  const numberEnd = text.indexOf(" ", nodeEnd + 1);
  const fenceEnd = text.indexOf(" ", numberEnd + 1);
  const headEnd = text.indexOf("\n", fenceEnd + 1);
  if (nodeEnd < 0 || numberEnd < 0 || fenceEnd < 0 || headEnd < 0) return undefined;
  const number = Number(text.slice(nodeEnd + 1, numberEnd));
  const [realm, id, from, room, isCall, isConfirmed] = unpackList(
    text.slice(fenceEnd + 1, headEnd),
  );
  const isNamed = typeof realm === "string" && typeof id === "string" && typeof from === "string";
  if (!isNamed || !Number.isSafeInteger(number)) return undefined;
  return {
    node: text.slice(0, nodeEnd),
    number,
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
