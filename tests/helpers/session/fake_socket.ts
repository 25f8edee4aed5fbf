import type { Clock } from "../../../src/core/clock.ts";
import type { Frame } from "../../../src/core/session.ts";
import { ServeSocket } from "../../../src/transport/serve/socket.ts";
import type { Socket } from "../../../src/transport/transport.ts";
import { FakeClock } from "./fake_clock.ts";
import type { Closing } from "./fake_link.ts";

/** The part of a server-side WebSocket that the transport uses, moved by hand. */
export class FakeSocket extends EventTarget {
  binaryType = "blob";
  readyState: number = WebSocket.CONNECTING;
  bufferedAmount = 0;
  readonly sent: Frame[] = [];
  /** How our side closed it, every time. */
  readonly closings: Closing[] = [];

  /** This socket behind the transport's interface. */
  get asSocket(): Socket {
    return this.under(new FakeClock());
  }

  /** The same with the test's own clock. */
  under(clock: Pick<Clock, "soon">): Socket {
    // The transport uses only those parts of a WebSocket that this class has.
    return new ServeSocket(this as unknown as WebSocket, clock);
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

  /** Ends the connection; the runtime may report that more than once. */
  isClosed(code = 1005, reason = ""): void {
    this.readyState = WebSocket.CLOSED;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}
