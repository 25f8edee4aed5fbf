import { decodeFrame, encodeFrame, type FrameToSend, OPCODE, type RawFrame } from "./raw_frames.ts";
import { within } from "./waiting.ts";

/** How a connection came to its end: with a closing frame, or "cut" without any. */
export type RawEnding = { readonly code: number | undefined; readonly reason: string } | "cut";

/** The head of an HTTP answer. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Headers by name; undefined leaves out one that is usually there. */
export type HeadersToSend = Readonly<Record<string, string | undefined>>;

/** A handshake that is in order. */
const HANDSHAKE: HeadersToSend = {
  Host: "localhost",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** A request line and the headers of a good handshake, changed as told. */
export function requestText(line: string, headers: HeadersToSend = {}): string {
  const lines = Object.entries({ ...HANDSHAKE, ...headers }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`]
  );
  return [line, ...lines, "", ""].join("\r\n");
}

/**
 * A TCP connection on which a test writes whatever bytes it likes. It reads only when asked to, and
 * answers neither pings nor closing frames by itself.
 */
export class RawSocket implements Disposable {
  readonly #conn: Deno.Conn;
  #received: Uint8Array<ArrayBuffer> = new Uint8Array();
  #isCut = false;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async connect(url: string): Promise<RawSocket> {
    const { hostname, port } = new URL(url);
    const conn = await Deno.connect({ hostname, port: Number(port) });
    conn.setNoDelay();
    return new RawSocket(conn);
  }

  /** Connects and completes a handshake. */
  static async upgrade(url: string, headers: HeadersToSend = {}): Promise<RawSocket> {
    const socket = await RawSocket.connect(url);
    try {
      const { pathname, search } = new URL(url);
      await socket.write(requestText(`GET ${pathname}${search} HTTP/1.1`, headers));
      const { status } = await socket.head();
      if (status !== 101) throw new Error(`Handshake was answered with ${status}`);
      return socket;
    } catch (error) {
      socket.cut();
      throw error;
    }
  }

  /** Writes all of it; false where the other side has gone meanwhile. */
  async write(data: string | Uint8Array): Promise<boolean> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    try {
      for (let done = 0; done < bytes.length;) done += await this.#conn.write(bytes.subarray(done));
      return true;
    } catch {
      return false;
    }
  }

  /** Sends a text as a well-formed frame. */
  send(text: string): Promise<boolean> {
    return this.write(encodeFrame({ payload: text }));
  }

  sendFrame(frame: FrameToSend): Promise<boolean> {
    return this.write(encodeFrame(frame));
  }

  /** The head of an HTTP answer. */
  async head(): Promise<ResponseHead> {
    const head = await this.headIfAny();
    if (head === undefined) throw new Error("Connection ended without an HTTP answer");
    return head;
  }

  /** The same, or undefined where the connection ended without one. */
  async headIfAny(): Promise<ResponseHead | undefined> {
    let end = indexOfBlankLine(this.#received);
    while (end === -1) {
      if (!await this.#readMore()) return undefined;
      end = indexOfBlankLine(this.#received);
    }
    const lines = new TextDecoder().decode(this.#take(end + 4)).trimEnd().split("\r\n");
    const headers = lines.slice(1).map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    return { status: Number(lines[0]?.split(" ")[1]), headers: new Map(headers) };
  }

  /** The next frame, whatever it is; undefined at the end of the connection. */
  async nextFrame(): Promise<RawFrame | undefined> {
    let frame = decodeFrame(this.#received);
    while (frame === undefined) {
      if (!await this.#readMore()) return undefined;
      frame = decodeFrame(this.#received);
    }
    this.#take(frame.size);
    return frame;
  }

  /** The next text; pings are passed over. */
  async next(): Promise<string> {
    for (;;) {
      const frame = await this.nextFrame();
      if (frame?.opcode === OPCODE.text) return frame.text;
      if (frame?.opcode === OPCODE.ping) continue;
      throw new Error(`Instead of a text came ${JSON.stringify(frame) ?? "the end"}`);
    }
  }

  /** Reads on to the end, passing over everything before it. */
  async ended(): Promise<RawEnding> {
    for (;;) {
      const frame = await this.nextFrame();
      if (frame === undefined) return "cut";
      if (frame.opcode !== OPCODE.close) continue;
      const { payload: { buffer, length }, payload } = frame;
      const code = length < 2 ? undefined : new DataView(buffer, payload.byteOffset).getUint16(0);
      return { code, reason: new TextDecoder().decode(payload.subarray(2)) };
    }
  }

  /** Reads and forgets whatever comes, until the connection ends or is cut. */
  async drain(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      while (await this.#conn.read(buffer) !== null);
    } catch {
      // Cut here, or reset by the server.
    }
  }

  /** Ends the connection without any farewell. Harmless when called again. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#conn.close();
  }

  [Symbol.dispose](): void {
    this.cut();
  }

  async #readMore(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    let count: number | null;
    try {
      count = await within("bytes from the server", this.#conn.read(buffer));
    } catch (error) {
      // Windows calls it aborted where the bytes of both crossed.
      const { ConnectionReset, ConnectionAborted } = Deno.errors;
      if (error instanceof ConnectionReset || error instanceof ConnectionAborted) return false;
      throw error;
    }
    if (count === null) return false;
    const joined = new Uint8Array(this.#received.length + count);
    joined.set(this.#received);
    joined.set(buffer.subarray(0, count), this.#received.length);
    this.#received = joined;
    return true;
  }

  #take(count: number): Uint8Array {
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }
}

function indexOfBlankLine(bytes: Uint8Array): number {
  return new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n");
}
