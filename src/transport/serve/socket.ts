import type { Clock } from "../../core/clock.ts";
import type { FrameWriter, Socket, SocketObserver, Upgraded } from "../transport.ts";

/** Read once, because `globalThis.WebSocket` is a getter of the runtime. */
const { CONNECTING, OPEN } = WebSocket;

/** Accepts a checked handshake with the runtime's own WebSocket. */
export function upgrade(
  request: Request,
  clock: Pick<Clock, "soon">,
  maxSilenceMs: number,
  protocol?: string,
): Upgraded | undefined {
  try {
    const { socket, response } = upgradeRequest(request, maxSilenceMs, protocol);
    return { socket: new ServeSocket(socket, clock), response };
  } catch {
    return undefined;
  }
}

function upgradeRequest(
  request: Request,
  maxSilenceMs: number,
  protocol: string | undefined,
): Deno.WebSocketUpgrade {
  const idleTimeout = Math.ceil(maxSilenceMs / 1000);
  if (protocol === undefined) return Deno.upgradeWebSocket(request, { idleTimeout });
  // The runtime finds it in the offer only if a blank follows each comma.
  const headers = new Headers(request.headers);
  headers.set("sec-websocket-protocol", protocol);
  Object.defineProperty(request, "headers", { value: headers });
  return Deno.upgradeWebSocket(request, { idleTimeout, protocol });
}

/** A WebSocket of the runtime. It cannot be cut, and its messages cannot be bounded. */
export class ServeSocket implements Socket, EventListenerObject {
  readonly writer: FrameWriter;
  readonly #socket: WebSocket;
  readonly #clock: Pick<Clock, "soon">;
  #observer: SocketObserver | undefined = undefined;
  #closing: Disposable | undefined = undefined;
  /** The close that was asked for before the socket opened. */
  #early: { readonly code: number | undefined; readonly reason: string } | undefined = undefined;

  constructor(socket: WebSocket, clock: Pick<Clock, "soon">) {
    this.writer = socket as FrameWriter;
    this.#socket = socket;
    this.#clock = clock;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  /** This object is the listener itself: separate handlers would cost 1.7 kB per connection. */
  observe(observer: SocketObserver): void {
    this.#observer = observer;
    this.#socket.binaryType = "arraybuffer";
    for (const type of ["message", "open", "close"]) this.#socket.addEventListener(type, this);
  }

  /** The runtime has no such limit; messages are judged when they are complete. */
  limit(): void {}

  close(code: number | undefined, reason: string): void {
    if (this.#socket.readyState === CONNECTING) this.#early = { code, reason };
    // In a task of its own: the runtime cuts a socket that closes while it delivers a message, if
    // the next frame is there already, before the closing frame is written.
    this.#closing = this.#clock.soon(() => this.#close(code, reason));
  }

  cut(): void {
    this.close(1008, "not reading");
  }

  /** Receives the runtime's events; an error is always followed by a close. */
  handleEvent(event: Event): void {
    if (event instanceof MessageEvent) {
      const { data } = event;
      this.#observer?.received(typeof data === "string" ? data : new Uint8Array(data));
    } else if (event instanceof CloseEvent) {
      this.#closing?.[Symbol.dispose]();
      this.#observer?.closed(event.code, event.reason, event.wasClean);
    } else if (this.#early === undefined) {
      this.#observer?.opened();
    } else {
      this.close(this.#early.code, this.#early.reason);
    }
  }

  #close(code: number | undefined, reason: string): void {
    if (this.#socket.readyState !== OPEN) return;
    if (code === undefined) this.#socket.close();
    else this.#socket.close(code, reason);
  }
}
