import { assert, assertEquals } from "@std/assert";
import type { TestServer } from "./server.ts";
import { within } from "./waiting.ts";

// Simple Signalling by plain HTTP (protocols/simple.md, section 8).

export type Json = Readonly<Record<string, unknown>>;
/** The header that asks for a stream. */
export const STREAM = { accept: "text/event-stream" };

/** One event of a stream. */
export interface StreamEvent {
  readonly event: string;
  readonly id: string;
  readonly data: Json;
}

/** A client by plain HTTP: frames come as events, and go as requests. */
export class StreamClient implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #abort: AbortController;
  readonly #url: string;
  #text = "";
  lastId = "";
  credentials: Json = {};

  private constructor(
    url: string,
    reader: ReadableStreamDefaultReader<string>,
    abort: AbortController,
  ) {
    this.#url = url;
    this.#reader = reader;
    this.#abort = abort;
  }

  static async open(
    { url }: Pick<TestServer, "url">,
    query = "?room=r&name=Fred",
    init: RequestInit = {},
  ): Promise<StreamClient> {
    const abort = new AbortController();
    const headers = { ...STREAM, ...init.headers };
    const response = await fetch(`${url}/simple${query}`, {
      ...init,
      headers,
      signal: abort.signal,
    });
    assertEquals(response.status, 200);
    assert(response.body !== null);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const client = new StreamClient(url, reader, abort);
    const [handshake, ready] = [await client.next(), await client.next()];
    assertEquals([handshake.event, ready.event], ["handshake", "ready"]);
    const { p_secret, p_instance } = ready.data;
    client.credentials = { p_id: handshake.data["p_id"], p_secret, p_instance };
    client.joined = [handshake, ready];
    return client;
  }

  joined: readonly StreamEvent[] = [];

  get id(): string {
    return String(this.credentials["p_id"]);
  }

  /** The next event, or undefined at the end of the stream. */
  async nextIfAny(): Promise<StreamEvent | undefined> {
    while (!this.#text.includes("\n\n")) {
      const { value, done } = await within("an event", this.#reader.read());
      if (done) return undefined;
      this.#text += value;
    }
    const end = this.#text.indexOf("\n\n");
    const lines = this.#text.slice(0, end).split("\n");
    this.#text = this.#text.slice(end + 2);
    const field = (name: string) =>
      lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
    this.lastId = field("id");
    // An id without data is for the reader, not for the application.
    if (field("data") === "") return await this.nextIfAny();
    return { event: field("event"), id: this.lastId, data: JSON.parse(field("data")) };
  }

  async next(): Promise<StreamEvent> {
    const event = await this.nextIfAny();
    if (event === undefined) throw new Error("Instead of an event came the end");
    return event;
  }

  /** Posts a frame and returns status and answer. */
  post(frame: Json, as: Json = this.credentials): Promise<[number, Json]> {
    return post(this.#url, JSON.stringify({ ...frame, ...as }));
  }

  /** Goes away in the middle of the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
    this.#abort.abort();
  }
}

/** Posts a body and returns status and answer. */
export async function post(
  url: string,
  body: string,
  headers: Record<string, string> = { "content-type": "text/plain" },
): Promise<[number, Json]> {
  const response = await fetch(`${url}/simple`, { method: "POST", body, headers });
  return [response.status, await response.json()];
}

export function dataTo(peer_id: unknown, data: unknown): Json {
  return { event: "signal", peer_id, type: "data", data };
}

/** The error's code of an answer; a status as it is. */
export function codeOf(part: unknown): unknown {
  return typeof part === "object" && part !== null ? Reflect.get(part, "code") : part;
}

/** Comes back as `EventSource` does, and returns the status of the answer. */
export async function comeBack({ url }: TestServer, lastId: string): Promise<number> {
  const headers = { ...STREAM, "last-event-id": lastId };
  const response = await fetch(`${url}/simple?room=r&name=Fred`, { headers });
  await response.body?.cancel();
  return response.status;
}
