import type { Buffer } from "node:buffer";
import { FAULTS } from "./fault.ts";

/** How the length of a request's body is determined. */
export type Framing = { readonly length: number } | "chunked";

/** The head of one request, checked. */
export interface RequestHead {
  readonly method: string;
  /** Path and query as they came. */
  readonly path: string;
  /** Contents of the Host field, or of an absolute target. */
  readonly host: string;
  /** Names in lower case, in the order in which they came. */
  readonly fields: [name: string, value: string][];
  readonly framing: Framing;
  /** The connection may carry another request after this one. */
  readonly isPersistent: boolean;
  readonly isHttp10: boolean;
  /** The client waits for leave to send the body. */
  readonly expectsContinue: boolean;
}

/** Bounds of a head. */
export interface HeadLimits {
  readonly maxHeadBytes: number;
  readonly maxHeadFields: number;
}

const [TAB, LF, CR, SPACE, COLON, DELETE] = [9, 10, 13, 32, 58, 127];
/** Characters of methods and field names (RFC 9110, section 5.6.2). */
const TOKEN = bytesOf(
  "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
);
/** The connection preface of HTTP/2 begins with this method. */
const PREFACE_METHOD = "PRI";

/**
 * Finds the end of a head. Every LF must follow a CR, so that no other server can see other lines.
 * @param from where the last search stopped, at least `start`
 * @returns the index behind the blank line, or -1 if the head is incomplete
 */
export function findHeadEnd(bytes: Uint8Array, start: number, from: number, end: number): number {
  for (let at = bytes.indexOf(LF, from); at !== -1 && at < end; at = bytes.indexOf(LF, at + 1)) {
    if (at === start || bytes[at - 1] !== CR) throw FAULTS.badRequest("Bad line ending");
    if (at - start >= 3 && bytes[at - 2] === LF) return at + 1;
  }
  return -1;
}

/** Skips blank lines before a request, which some clients send after a body. */
export function skipBlankLines(bytes: Uint8Array, start: number, end: number): number {
  while (end - start >= 2 && bytes[start] === CR && bytes[start + 1] === LF) start += 2;
  return start;
}

/** Parses a complete head; throws HttpFault. */
export function parseHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: Pick<HeadLimits, "maxHeadFields">,
): RequestHead {
  const text = bytes.toString("latin1", start, end);
  const lineEnd = text.indexOf("\r\n");
  const { method, target, isHttp10 } = parseRequestLine(text.substring(0, lineEnd));
  const fields = parseFields(text, lineEnd + 2, limits.maxHeadFields);
  const { host, path } = readTarget(target, readHost(fields, isHttp10));
  const connection = listOf(fields, "connection");
  return {
    method,
    path,
    host,
    fields,
    framing: readFraming(fields, isHttp10),
    isPersistent: !isHttp10 && !connection.includes("close"),
    isHttp10,
    expectsContinue: !isHttp10 && listOf(fields, "expect").includes("100-continue"),
  };
}

function parseRequestLine(line: string): { method: string; target: string; isHttp10: boolean } {
  const first = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  const [method, target] = [line.substring(0, first), line.substring(first + 1, last)];
  const version = line.substring(last + 1);
  if (method === PREFACE_METHOD && version === "HTTP/2.0") throw FAULTS.badVersion();
  if (first < 1 || last <= first + 1 || !isToken(method) || !isVisible(target)) {
    throw FAULTS.badRequest("Bad request line");
  }
  if (version === "HTTP/1.1" || version === "HTTP/1.0") {
    return { method, target, isHttp10: version === "HTTP/1.0" };
  }
  const isOtherVersion = version.length === 8 && version.startsWith("HTTP/");
  throw isOtherVersion ? FAULTS.badVersion() : FAULTS.badRequest("Bad request line");
}

/** @param at the beginning of the first field line */
function parseFields(text: string, at: number, maxFields: number): [string, string][] {
  const fields: [string, string][] = [];
  while (at < text.length - 2) {
    if (fields.length === maxFields) throw FAULTS.headTooLarge();
    const lineEnd = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    const name = text.substring(at, colon);
    if (colon === -1 || colon > lineEnd || !isToken(name)) {
      throw FAULTS.badRequest("Bad field in the head");
    }
    fields.push([name.toLowerCase(), parseValue(text, colon + 1, lineEnd)]);
    at = lineEnd + 2;
  }
  return fields;
}

function parseValue(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if ((code < SPACE && code !== TAB) || code === DELETE) {
      throw FAULTS.badRequest("Bad field in the head");
    }
  }
  return text.substring(start, end);
}

function readHost(fields: readonly (readonly [string, string])[], isHttp10: boolean): string {
  const hosts = fields.filter(([name]) => name === "host");
  const [[, host = ""] = []] = hosts;
  if (hosts.length > 1) throw FAULTS.badRequest("Host is given twice");
  if (hosts.length === 0 && !isHttp10) throw FAULTS.badRequest("Host is missing");
  if (!isVisible(host) || /[/?#\\@]/.test(host)) throw FAULTS.badRequest("Bad Host");
  return host;
}

/** Takes the origin form, and the absolute form that clients of a proxy use. */
function readTarget(target: string, host: string): { host: string; path: string } {
  if (target.startsWith("/")) return { host, path: target };
  const scheme = /^https?:\/\//i.exec(target)?.[0];
  if (scheme === undefined) throw FAULTS.badRequest("Bad request target");
  const rest = target.substring(scheme.length);
  const end = rest.search(/[/?#]/);
  const authority = end === -1 ? rest : rest.substring(0, end);
  if (authority === "" || /[\\@]/.test(authority)) throw FAULTS.badRequest("Bad request target");
  const path = end === -1 ? "/" : rest.substring(end);
  return { host: authority, path: path.startsWith("/") ? path : `/${path}` };
}

/** Rejects whatever two servers could read in two ways (RFC 9112, section 6.3). */
function readFraming(
  fields: readonly (readonly [string, string])[],
  isHttp10: boolean,
): Framing {
  const lengths = listOf(fields, "content-length");
  const hasCoding = fields.some(([name]) => name === "transfer-encoding");
  if (hasCoding) {
    if (lengths.length > 0 || isHttp10) throw FAULTS.badRequest("Ambiguous length of the body");
    const codings = listOf(fields, "transfer-encoding");
    if (codings.length !== 1 || codings[0] !== "chunked") throw FAULTS.badCoding();
    return "chunked";
  }
  const [length = "0"] = lengths;
  if (lengths.some((other) => other !== length) || !/^\d{1,15}$/.test(length)) {
    throw FAULTS.badRequest("Bad Content-Length");
  }
  if (fields.some(([name, value]) => name === "content-length" && value === "")) {
    throw FAULTS.badRequest("Bad Content-Length");
  }
  return { length: Number(length) };
}

/** The members of a list field, in lower case. */
function listOf(fields: readonly (readonly [string, string])[], name: string): string[] {
  const members: string[] = [];
  for (const [other, value] of fields) {
    if (other !== name) continue;
    for (const member of value.split(",")) {
      const trimmed = member.trim().toLowerCase();
      if (trimmed !== "") members.push(trimmed);
    }
  }
  return members;
}

function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > DELETE || TOKEN[code] !== 1) return false;
  }
  return text !== "";
}

/** True if no character is a blank or a control character. */
function isVisible(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= SPACE || code === DELETE) return false;
  }
  return true;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** A table with 1 at every byte of a text. */
function bytesOf(text: string): Uint8Array {
  const table = new Uint8Array(DELETE + 1);
  for (const character of text) table[character.charCodeAt(0)] = 1;
  return table;
}

/** Whether these bytes can still become a request line; random bytes are refused at once. */
export function mayBeRequest(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = bytes[at] ?? 0;
    if (code === SPACE) return at > start;
    if (code > DELETE || TOKEN[code] !== 1 || code === COLON) return false;
  }
  return true;
}
