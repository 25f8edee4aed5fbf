import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Seal } from "./seal.ts";

/**
 * Writes any id or room name as well-formed text, so that no two become one on the way to UTF-8 and
 * back. Almost every name stays as it is.
 */
export function packName(name: string): string {
  if (name.isWellFormed() && !name.startsWith("\0")) return name;
  return `\0${JSON.stringify(name)}`;
}

/** Reads what `packName` wrote. */
export function unpackName(text: string): string {
  return text.startsWith("\0") ? String(JSON.parse(text.slice(1))) : text;
}

/** Writes the parts of a record's name as one well-formed text. */
export function packNames(parts: readonly string[]): string {
  return JSON.stringify(parts);
}

/** Reads what `packNames` wrote; undefined for anything else. */
export function unpackNames(text: string): string[] | undefined {
  try {
    const parts: unknown = JSON.parse(text);
    const areNames = Array.isArray(parts) && parts.every((part) => typeof part === "string");
    return areNames ? parts : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a list of JSON values; empty for anything else. */
export function unpackList(text: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

/** Writes a payload, which is JSON or the bytes of a frame. */
export function packBody(body: unknown): string {
  if (body instanceof Uint8Array) return `b${Buffer.from(body).toString("base64")}`;
  return body === undefined ? "" : `j${JSON.stringify(body)}`;
}

/** Reads what `packBody` wrote. */
export function unpackBody(text: string): unknown {
  if (text === "") return undefined;
  if (text.startsWith("b")) return new Uint8Array(Buffer.from(text.slice(1), "base64"));
  return JSON.parse(text.slice(1));
}

/** How a private body begins. */
const PRIVATE = "s";

/** Writes a payload that only nodes may read. @param name binds it to its place */
export function packPrivate(seal: Seal, name: string, body: unknown): string {
  return `${PRIVATE}${seal.close(name, packBody(body))}`;
}

/** Reads what either function wrote; throws at a private body that another secret closed. */
export function unpackAny(seal: Seal, name: string, text: string): unknown {
  if (!text.startsWith(PRIVATE)) return unpackBody(text);
  const plain = seal.open(name, text.slice(PRIVATE.length));
  if (plain === undefined) {
    throw new RangeError("Cannot read a body that another secret has sealed");
  }
  return unpackBody(plain);
}

/** The place of a message to an id, for its body. */
export function messageName(realm: string, id: string): string {
  return `message ${realm} ${id}`;
}

/** The place of news for all nodes. */
export const TOLD = "told";

/** The part of a proof that leaves this process; "-" for none. */
export function packProof(proof: string | undefined): string {
  return proof === undefined ? "-" : createHash("sha256").update(proof).digest("hex");
}
