import { within } from "./waiting.ts";

/** How a connection came to its end, as a browser would see it. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A well-behaved WebSocket client whose messages are asked for one after the other. */
export class WsClient implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #waiting: (string | Uint8Array<ArrayBuffer>)[] = [];
  #wake: (() => void) | undefined;
  /** Resolves at the end of the connection, whatever its cause. */
  readonly closed: Promise<Closing>;
  #isClosed = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      this.#waiting.push(typeof data === "string" ? data : new Uint8Array(data));
      this.#wake?.();
    };
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => {
        this.#isClosed = true;
        resolve({ code, reason });
        this.#wake?.();
      };
    });
  }

  static async open(url: string): Promise<WsClient> {
    const socket = new WebSocket(url);
    const client = new WsClient(socket);
    const opened = new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`Cannot connect to "${url}"`));
    });
    await within("the socket to open", opened);
    socket.onerror = () => {};
    return client;
  }

  send(message: string | Uint8Array<ArrayBuffer> | Record<string, unknown>): void {
    const isPlain = typeof message === "string" || message instanceof Uint8Array;
    this.#socket.send(isPlain ? message : JSON.stringify(message));
  }

  /** The next message. */
  async next(): Promise<string | Uint8Array> {
    while (this.#waiting.length === 0) {
      if (this.#isClosed) {
        const { code, reason } = await this.closed;
        throw new Error(`Instead of a message came the end: ${code} "${reason}"`);
      }
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      await within("a message", woken.promise);
    }
    return this.#waiting.shift() ?? "";
  }

  /** The next message, which has to be a text. */
  async nextText(): Promise<string> {
    const message = await this.next();
    if (typeof message !== "string") throw new Error("Instead of a text came bytes");
    return message;
  }

  async nextJson(): Promise<unknown> {
    return JSON.parse(await this.nextText());
  }

  /** Takes the messages that came and were not asked for yet. */
  take(): (string | Uint8Array<ArrayBuffer>)[] {
    return this.#waiting.splice(0);
  }

  /** Messages that came and were not asked for yet. */
  get unread(): readonly (string | Uint8Array)[] {
    return this.#waiting;
  }

  /** Bytes that are not in the network yet. */
  get queued(): number {
    return this.#socket.bufferedAmount;
  }

  async close(code?: number): Promise<void> {
    this.#socket.close(code);
    await within("the socket to close", this.closed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
