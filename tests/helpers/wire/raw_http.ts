import type { ResponseHead } from "./raw_socket.ts";
import { within } from "./waiting.ts";

/** A response whose body has a length. */
export interface RawResponse extends ResponseHead {
  readonly body: string;
}

/** A TCP connection on which a test speaks HTTP byte by byte; each byte is one character. */
export class RawHttp implements Disposable {
  readonly #conn: Deno.TcpConn;
  #received = "";
  #isClosed = false;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(url: string): Promise<RawHttp> {
    const { hostname, port } = new URL(url);
    const conn = await Deno.connect({ hostname, port: Number(port) });
    conn.setNoDelay();
    return new RawHttp(conn);
  }

  /** Writes all of it, unless the server has gone. */
  async write(text: string): Promise<void> {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    try {
      for (let done = 0; done < bytes.length;) done += await this.#conn.write(bytes.subarray(done));
    } catch {
      // Its answers so far can still be read.
    }
  }

  async endWriting(): Promise<void> {
    await this.#conn.closeWrite();
  }

  async head(): Promise<ResponseHead> {
    const text = await this.#take((received) => {
      const end = received.indexOf("\r\n\r\n");
      return end === -1 ? undefined : end + 4;
    });
    const [line = "", ...lines] = text.trimEnd().split("\r\n");
    const headers = lines.map((field): [string, string] => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    });
    return { status: Number(line.split(" ")[1]), headers: new Map(headers) };
  }

  async response(): Promise<RawResponse> {
    const head = await this.head();
    const length = Number(head.headers.get("content-length") ?? 0);
    const body = await this.#take((received) => received.length < length ? undefined : length);
    return { ...head, body };
  }

  /** The next chunk of a body; empty at its end. */
  async chunk(): Promise<string> {
    const line = await this.#take((received) => {
      const end = received.indexOf("\r\n");
      return end === -1 ? undefined : end + 2;
    });
    const size = parseInt(line, 16) + 2;
    const chunk = await this.#take((received) => received.length < size ? undefined : size);
    return chunk.slice(0, -2);
  }

  /** Everything that comes until the connection ends. */
  async rest(): Promise<string> {
    while (await this.#readMore());
    return this.#received;
  }

  /** Ends the connection. Harmless when called again. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }

  /** @param measure how many characters to take; undefined while there are too few */
  async #take(measure: (received: string) => number | undefined): Promise<string> {
    let length = measure(this.#received);
    while (length === undefined) {
      if (!await this.#readMore()) throw new Error(`Ended after ${JSON.stringify(this.#received)}`);
      length = measure(this.#received);
    }
    const taken = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return taken;
  }

  async #readMore(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    try {
      const count = await within("bytes from the server", this.#conn.read(buffer));
      if (count === null) return false;
      this.#received += new TextDecoder("latin1").decode(buffer.subarray(0, count));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return false;
      throw error;
    }
  }
}
