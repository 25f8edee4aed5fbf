import type { Frame } from "../../core/session.ts";
import type { SignalError } from "../../core/errors.ts";
import type { StreamLink } from "../../transport/links.ts";
import type { StreamEnd, StreamPosition } from "./connection.ts";

const EVENT = '{"event":"';
const SIGNAL = '{"event":"signal","seq":';
/** The id after which a client need not come back. */
const OVER = "over";

/** Frames as events of a stream: each with its name, and an id from which to go on (§8). */
export class EventStream implements StreamEnd {
  readonly #link: StreamLink;
  #position: StreamPosition | undefined;

  constructor(link: StreamLink) {
    this.#link = link;
  }

  get id(): string {
    return this.#link.id;
  }

  get address(): string {
    return this.#link.address;
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  /** From here on every event says where to go on. */
  begin(position: StreamPosition): void {
    this.#position = position;
  }

  /** The client need not come back, which `EventSource` does by itself: its next request gets 204. */
  end(): void {
    // The client notes an id without data, but gets no event.
    this.#link.send(`id: ${OVER}\n\n`);
  }

  /** There is nothing for this client any more. */
  declineForGood(): void {
    this.decline(new Response(null, { status: 204 }));
  }

  decline(response: Response): void {
    this.#link.decline(response);
  }

  send(frame: Frame): void {
    const text = String(frame);
    if (text.startsWith(SIGNAL) && this.#position !== undefined) {
      this.#position = { ...this.#position, seq: parseInt(text.slice(SIGNAL.length)) };
    }
    const id = this.#position === undefined ? "" : `id: ${encodePosition(this.#position)}\n`;
    this.#link.send(`event: ${nameOf(text)}\n${id}data: ${text}\n\n`);
  }

  takes(size: number): boolean {
    return this.#link.takes?.(size) ?? true;
  }

  refuse(error: SignalError): void {
    this.#link.refuse?.(error);
  }

  close(code?: number, reason?: string): void {
    this.#link.close(code, reason);
  }

  fail(error: unknown): void {
    this.#link.fail(error);
  }
}

/** Reads a `Last-Event-ID`; undefined if this server did not write it. */
export function decodePosition(id: string): StreamPosition | typeof OVER | undefined {
  if (id === OVER) return OVER;
  const [p_id, p_instance, seq, p_secret, holder, ...more] = id.split(".");
  if (p_id === undefined || p_secret === undefined || more.length > 0) return undefined;
  const numbers = [p_instance, seq, holder].map(Number);
  if (!numbers.every(Number.isSafeInteger)) return undefined;
  const [instance = 0, last = 0, held = 0] = numbers;
  return { p_id, p_secret, p_instance: instance, seq: last, holder: held };
}

/** Writes an id that is opaque to clients. */
function encodePosition({ p_id, p_instance, seq, holder, p_secret }: StreamPosition): string {
  return `${p_id}.${p_instance}.${seq}.${p_secret}.${holder}`;
}

/** The handshake is the only frame without a name of its own. */
function nameOf(text: string): string {
  if (!text.startsWith(EVENT)) return "handshake";
  return text.slice(EVENT.length, text.indexOf('"', EVENT.length));
}
