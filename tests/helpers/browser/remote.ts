import { within } from "../wire/waiting.ts";

/** An event of the Chrome DevTools Protocol or of WebDriver BiDi. */
export interface RemoteEvent {
  method: string;
  params: Record<string, unknown>;
  /** The page, in the DevTools protocol; BiDi names it in `params`. */
  sessionId?: string;
}

const GONE = "The browser has gone";

/**
 * A client of the Chrome DevTools Protocol and of WebDriver BiDi, whose messages differ only in
 * their errors. Playwright was tried first: under Deno 2.6.8 a third of the starts hung (over its
 * pipe), and over a WebSocket it failed under 2.6.8 and mostly hung under 2.9.6.
 */
export class RemoteConnection implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;
  readonly #pending = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  readonly #listeners = new Set<(event: RemoteEvent) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => {
      socket.onclose = () => {
        for (const { reject } of this.#pending.values()) reject(new Error(GONE));
        resolve();
      };
    });
    socket.onmessage = ({ data }) => this.#receive(data);
  }

  static async connect(url: string): Promise<RemoteConnection> {
    const socket = new WebSocket(url);
    const opened = new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`Cannot connect to "${url}"`));
    });
    await within("the browser's socket to open", opened);
    return new RemoteConnection(socket);
  }

  /** Resolves with the result, or rejects with the browser's refusal. */
  async send(
    method: string,
    params: Record<string, unknown> = {},
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error(GONE);
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#pending.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    try {
      return await within(`an answer to ${method}`, answer.promise);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Returns a function that ends the listening. */
  listen(listener: (event: RemoteEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await within("the browser's socket to close", this.#closed);
  }

  #receive(frame: string): void {
    const message = JSON.parse(frame);
    if (message.id === undefined) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const answer = this.#pending.get(message.id);
    if (message.error === undefined) answer?.resolve(message.result);
    else answer?.reject(new Error(message.error.message ?? `${message.error}: ${message.message}`));
  }
}
