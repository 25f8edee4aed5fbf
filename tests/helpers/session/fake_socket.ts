import type { Frame } from "../../../src/core/types.ts";
import type { Closing } from "./fake_link.ts";

/** The part of a server-side WebSocket that the transport uses, moved by hand. */
export class FakeSocket extends EventTarget {
  binaryType = "blob";
  readyState: number = WebSocket.CONNECTING;
  bufferedAmount = 0;
  readonly sent: Frame[] = [];
  /** How our side closed it, every time. */
  readonly closings: Closing[] = [];

  /** The same object as what the transport takes it for. */
  get asWebSocket(): WebSocket {
    // The transport uses nothing of a socket but what this class has.
    return this as unknown as WebSocket;
  }

  send(frame: Frame): void {
    if (this.readyState === WebSocket.CONNECTING) throw new Error("Cannot send: not open");
    this.sent.push(frame);
  }

  /** As strict as the runtime with what may stand in a closing frame. */
  close(code?: number, reason = ""): void {
    if (new TextEncoder().encode(reason).length > 123) throw new Error("Reason is too long");
    this.closings.push(code === undefined ? "bare" : [code, reason]);
    this.readyState = WebSocket.CLOSING;
  }

  /** The handshake is done. */
  opens(): void {
    this.readyState = WebSocket.OPEN;
    this.dispatchEvent(new Event("open"));
  }

  hears(data: string | ArrayBuffer): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** The connection is over; the runtime may say so more than once. */
  isClosed(code = 1005, reason = ""): void {
    this.readyState = WebSocket.CLOSED;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}
