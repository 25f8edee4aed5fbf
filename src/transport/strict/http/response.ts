import { Buffer } from "node:buffer";
import type { HttpFault } from "./fault.ts";

/** Phrases of the statuses that this server uses; others go without, as HTTP allows. */
const PHRASES: ReadonlyMap<number, string> = new Map([
  [200, "OK"],
  [201, "Created"],
  [202, "Accepted"],
  [204, "No Content"],
  [206, "Partial Content"],
  [301, "Moved Permanently"],
  [302, "Found"],
  [303, "See Other"],
  [304, "Not Modified"],
  [307, "Temporary Redirect"],
  [308, "Permanent Redirect"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [406, "Not Acceptable"],
  [408, "Request Timeout"],
  [409, "Conflict"],
  [410, "Gone"],
  [413, "Content Too Large"],
  [415, "Unsupported Media Type"],
  [422, "Unprocessable Content"],
  [426, "Upgrade Required"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
  [505, "HTTP Version Not Supported"],
]);

/** How a body is delimited: by its length, by chunks, or by the end of the connection. */
export type Delimiter = { readonly length: number } | "chunked" | "close";

/** The facts about a connection in a response's head. */
export interface HeadOptions {
  readonly delimiter: Delimiter;
  readonly isPersistent: boolean;
  readonly date: string;
}

/** The time until another process may have taken the place of one that ends. */
const RETRY_AFTER_SECONDS = "5";

/** Fields that the transport writes itself. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/** Writes the head of a response. */
export function encodeHead(response: Response, options: HeadOptions): Buffer {
  const { status, headers } = response;
  const { delimiter, isPersistent, date } = options;
  let text = `HTTP/1.1 ${status} ${PHRASES.get(status) ?? ""}\r\n`;
  for (const [name, value] of headers) {
    if (!OWN_FIELDS.has(name)) text += `${name}: ${value}\r\n`;
  }
  text += `date: ${date}\r\nconnection: ${connectionOf(response, isPersistent)}\r\n`;
  if (delimiter === "chunked") text += "transfer-encoding: chunked\r\n";
  else if (delimiter !== "close" && mayHaveBody(status)) {
    text += `content-length: ${delimiter.length}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** Writes the whole response to a request that is refused; the connection ends with it. */
export function encodeRefusal({ status, message }: HttpFault, date: string): Buffer {
  const headers = new Headers({ "content-type": "text/plain; charset=utf-8" });
  if (status === 503) headers.set("retry-after", RETRY_AFTER_SECONDS);
  const content = Buffer.from(`${message}\n`);
  const head = encodeHead(new Response(null, { status, headers }), {
    delimiter: { length: content.length },
    isPersistent: false,
    date,
  });
  return Buffer.concat([head, content]);
}

/** True if responses of this status may have a body. */
export function mayHaveBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

/** True if a body is written as it comes, instead of being collected first. */
export function isStreamed({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") === true;
}

/** One chunk of a body. */
export function encodeChunk(bytes: Uint8Array): Buffer {
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
  return Buffer.concat([size, bytes, END_OF_LINE]);
}

/** The end of a chunked body. */
export const LAST_CHUNK: Buffer = Buffer.from("0\r\n\r\n");
/** Lets a client send its body. */
export const CONTINUE: Buffer = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
const END_OF_LINE = Buffer.from("\r\n");

function connectionOf({ headers }: Response, isPersistent: boolean): string {
  const connection = isPersistent ? "keep-alive" : "close";
  return headers.has("upgrade") ? `${connection}, upgrade` : connection;
}
