import type { SignalError } from "../../core/errors.ts";
import type { Frame } from "../../core/session.ts";
import type { StreamEnd, StreamPosition } from "./connection.ts";
import type { ToNode } from "./node_messages.ts";

/** The node that has the client of a carried connection. */
export interface FarEnd {
  readonly connection: string;
  readonly address: string;
  send(message: ToNode): void;
  /** The home has ended the connection; called in a turn of its own. */
  ended(): void;
  refuse(error: SignalError): void;
  failed(error: unknown): void;
}

/** A connection at its peer's home, whose client is on another node. Frames of one turn go together. */
export class FarLink implements StreamEnd {
  readonly id: string;
  readonly address: string;
  readonly #end: FarEnd;
  #waiting: string[] = [];
  #isOpen = true;

  /** @param id names the connection on this node */
  constructor(id: string, end: FarEnd) {
    this.id = id;
    this.address = end.address;
    this.#end = end;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(frame: Frame): void {
    if (!this.#isOpen) return;
    this.#waiting.push(String(frame));
    if (this.#waiting.length === 1) queueMicrotask(() => this.#flush());
  }

  begin(position: StreamPosition): void {
    this.#tell({ op: "begin", connection: this.#end.connection, position });
  }

  end(): void {
    this.#tell({ op: "end", connection: this.#end.connection });
  }

  /** A join that is refused is answered by its own message. */
  decline(): void {}

  declineForGood(): void {
    this.#tell({ op: "over", connection: this.#end.connection });
    this.abandon();
  }

  close(code?: number, reason?: string): void {
    this.#tell({ op: "close", connection: this.#end.connection, code, reason });
    this.abandon();
  }

  refuse(error: SignalError): void {
    this.#end.refuse(error);
  }

  fail(error: unknown): void {
    this.#end.failed(error);
    this.close(1011, "internal error");
  }

  /** The client's node ends it, or is gone. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    queueMicrotask(() => this.#end.ended());
  }

  #tell(message: ToNode): void {
    this.#flush();
    if (this.#isOpen) this.#end.send(message);
  }

  #flush(): void {
    const frames = this.#waiting;
    this.#waiting = [];
    if (frames.length === 0 || !this.#isOpen) return;
    this.#end.send({ op: "send", connection: this.#end.connection, frames });
  }
}
