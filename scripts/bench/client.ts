import type { Heartbeat, Wire } from "./scenarios.ts";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
/** A closing frame with code 1000. */
const GOODBYE = new Uint8Array([0x80 | CLOSE, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

/**
 * A WebSocket client that costs the load generator as little as possible: frames are built once,
 * many go out in one write, and what arrives is counted in the receive buffer without being read.
 * The runtime's own client would be slower than the servers it is to load.
 */
export class Client implements Wire {
  readonly #connection: Deno.TcpConn;
  #buffer: Uint8Array<ArrayBuffer>;
  #view: DataView;
  /** Received and not yet consumed. */
  #start = 0;
  #end = 0;
  /** The frame that `#look` found at `#start`: its kind, and where its payload begins and ends. */
  #opcode = 0;
  #payloadStart = 0;
  #payloadEnd = 0;

  readonly #heartbeat: Heartbeat | undefined;
  /** Writes that are under way. */
  #writes = 0;
  /** The answer to a ping that waits for them. */
  #owed: Uint8Array | undefined = undefined;

  private constructor(
    connection: Deno.TcpConn,
    bufferBytes: number,
    heartbeat: Heartbeat | undefined,
  ) {
    this.#connection = connection;
    this.#heartbeat = heartbeat;
    this.#buffer = new Uint8Array(bufferBytes);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /**
   * Opens a WebSocket at `path` of `origin` (`http://host:port`).
   * @param options.bufferBytes of the receive buffer, which grows with the frames that do not fit
   * @param options.heartbeat answered as long as frames are read
   */
  static async open(
    origin: string,
    path: string,
    { bufferBytes = 65_536, heartbeat }: {
      readonly bufferBytes?: number | undefined;
      readonly heartbeat?: Heartbeat | undefined;
    },
  ): Promise<Client> {
    const { hostname, port, host } = new URL(origin);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    // Otherwise Nagle's algorithm and delayed acknowledgements add 40 ms to lone small messages.
    connection.setNoDelay(true);
    const client = new Client(connection, bufferBytes, heartbeat);
    await client.write(
      new TextEncoder().encode(
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ),
    );
    await client.#readUpgrade(path);
    return client;
  }

  async send(text: string): Promise<void> {
    await this.write(textFrame(text));
  }

  /** The next text frame. */
  async receive(): Promise<string> {
    while (true) {
      while (!this.#look()) await this.#fill();
      this.#start = this.#payloadEnd;
      if (!this.#control()) return decode(this.#payload());
    }
  }

  /** Writes complete frames. Calls must not overlap. */
  async write(frames: Uint8Array): Promise<void> {
    this.#writes++;
    try {
      for (let sent = 0; sent < frames.length;) {
        sent += await this.#connection.write(frames.subarray(sent));
      }
    } finally {
      this.#writes--;
    }
    const owed = this.#owed;
    this.#owed = undefined;
    if (owed !== undefined) await this.write(owed);
  }

  /**
   * Reads until the connection fails or is closed by the server, which rejects. After each read
   * `onMessages` hears how many messages of `minBytes` or more came with it.
   */
  async count(minBytes: number, onMessages: (count: number) => void): Promise<never> {
    while (true) {
      let messages = 0;
      while (this.#look()) {
        this.#start = this.#payloadEnd;
        if (!this.#control() && this.#payloadEnd - this.#payloadStart >= minBytes) messages++;
      }
      if (messages > 0) onMessages(messages);
      await this.#fill();
    }
  }

  /** Says goodbye, so that the server sees no error, and lets go. */
  async close(): Promise<void> {
    try {
      await this.write(GOODBYE);
    } catch {
      // The server was faster.
    }
    this.#connection.close();
  }

  /** Closes as a browser does: says goodbye and lets go when the server has answered. */
  async leave(): Promise<void> {
    await this.write(GOODBYE);
    while (true) {
      while (!this.#look()) await this.#fill();
      if (this.#opcode === CLOSE) break;
      this.#start = this.#payloadEnd;
    }
    this.#connection.close();
  }

  async #readUpgrade(path: string): Promise<void> {
    while (true) {
      const head = decode(this.#buffer.subarray(0, this.#end));
      const length = head.indexOf("\r\n\r\n") + 4;
      if (length < 4) {
        await this.#fill();
        continue;
      }
      if (!head.startsWith("HTTP/1.1 101")) {
        throw new Error(`Cannot open "${path}": ${head.slice(0, head.indexOf("\r\n"))}`);
      }
      this.#start = length; // An HTTP head is ASCII: characters are bytes.
      return;
    }
  }

  /** Looks for a frame at `#start`; false when it has not arrived as a whole. */
  #look(): boolean {
    const available = this.#end - this.#start;
    if (available < 2) return false;
    this.#opcode = this.#view.getUint8(this.#start) & 15;
    let length = this.#view.getUint8(this.#start + 1);
    let header = 2;
    if (length === 126) {
      if (available < 4) return false;
      length = this.#view.getUint16(this.#start + 2);
      header = 4;
    } else if (length === 127) {
      if (available < 10) return false;
      length = Number(this.#view.getBigUint64(this.#start + 2));
      header = 10;
    }
    this.#payloadStart = this.#start + header;
    this.#payloadEnd = this.#payloadStart + length;
    return this.#payloadEnd <= this.#end;
  }

  #payload(): Uint8Array {
    return this.#buffer.subarray(this.#payloadStart, this.#payloadEnd);
  }

  /** Deals with the frame where it is no message: pings, and the end. */
  #control(): boolean {
    if (this.#opcode === TEXT || this.#opcode === BINARY) return this.#answerHeartbeat();
    const payload = this.#payload();
    if (this.#opcode === PING) {
      const pong = new Uint8Array(6 + payload.length);
      pong.set([0x80 | PONG, 0x80 | payload.length]);
      pong.set(payload, 6);
      this.#answer(pong);
    } else if (this.#opcode === CLOSE) {
      const code = payload.length < 2 ? 1005 : (payload[0] ?? 0) * 256 + (payload[1] ?? 0);
      throw new Error(`Connection closed by the server: ${code} "${decode(payload.subarray(2))}"`);
    }
    return true;
  }

  #answerHeartbeat(): boolean {
    if (this.#heartbeat === undefined || this.#payloadEnd - this.#payloadStart !== 1) return false;
    if (this.#buffer[this.#payloadStart] !== this.#heartbeat.ping.charCodeAt(0)) return false;
    this.#answer(textFrame(this.#heartbeat.pong));
    return true;
  }

  /** Writes behind what is being written. A lost connection shows at the next read. */
  #answer(frame: Uint8Array): void {
    if (this.#writes > 0) this.#owed = frame;
    else this.write(frame).catch(() => {});
  }

  async #fill(): Promise<void> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#buffer.length) this.#grow();
    const count = await this.#connection.read(this.#buffer.subarray(this.#end));
    if (count === null) throw new Error("Connection ended by the server");
    this.#end += count;
  }

  #grow(): void {
    const buffer = new Uint8Array(2 * this.#buffer.length);
    buffer.set(this.#buffer);
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}

/** A client's text frame. Its mask is zero, which costs the server the same as any other. */
export function textFrame(text: string): Uint8Array<ArrayBuffer> {
  const payload = new TextEncoder().encode(text);
  const header = payload.length < 126
    ? [0x80 | TEXT, 0x80 | payload.length]
    : [0x80 | TEXT, 0x80 | 126, payload.length >> 8, payload.length & 255];
  const frame = new Uint8Array(header.length + 4 + payload.length);
  frame.set(header);
  frame.set(payload, header.length + 4);
  return frame;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
