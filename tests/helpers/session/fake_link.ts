import type { SignalError } from "../../../src/core/errors.ts";
import type { Frame } from "../../../src/core/session.ts";
import type { NamespaceLink, StreamLink } from "../../../src/transport/links.ts";

/** How a link was closed: code and reason as they were given, or "bare" without either. */
export type Closing = "bare" | readonly [code: number, reason: string];

/** A connection of any kind, without a network: keeps what was sent and how it was closed. */
export class FakeLink implements NamespaceLink, StreamLink {
  static #made = 0;

  readonly id = `fake-${++FakeLink.#made}`;
  readonly address: string;
  /** Everything the client was sent, oldest first. */
  readonly sent: Frame[] = [];
  /** Frames sent after its session had ended: there must be none. */
  readonly late: Frame[] = [];
  /** The argument of `fail`. */
  readonly faults: unknown[] = [];
  /** Told once, in a microtask after the end was decided on, as the real link does. */
  onEnded: () => void = () => {};
  /** Whether a frame by another way is within the rates. */
  takes: (size: number) => boolean = () => true;
  /** Takes a refusal of a frame whose step has ended. */
  refuse: (error: SignalError) => void = (error) => this.fail(error);
  #closing: Closing | undefined;
  #isOpen = true;
  #isEndTold = false;

  constructor(address = "192.0.2.1") {
    this.address = address;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How our side closed the link; undefined while it is open and where the client left. */
  get closing(): Closing | undefined {
    return this.#closing;
  }

  send(frame: Frame): void {
    if (this.#isOpen) this.sent.push(frame);
    else if (this.#isEndTold) this.late.push(frame);
  }

  decline(_answer: Response | string): void {
    if (this.#isOpen) this.#end();
  }

  close(code?: number, reason = ""): void {
    if (!this.#isOpen) return;
    this.#closing = code === undefined ? "bare" : [code, reason];
    this.#end();
  }

  fail(error: unknown): void {
    this.faults.push(error);
    this.close(1011, "internal error");
  }

  /** The client is gone. */
  drop(): void {
    if (this.#isOpen) this.#end();
  }

  #end(): void {
    this.#isOpen = false;
    queueMicrotask(() => {
      this.onEnded();
      this.#isEndTold = true;
    });
  }
}
