import type { Frame, Link, StreamLink } from "../../core/types.ts";
import { positionAt, type StreamPosition } from "./messages.ts";

const EVENT = '{"event":"';
const SIGNAL = '{"event":"signal","seq":';

/** Frames as events of a stream: each with its name, and an id from which to go on (§8). */
export class EventStream implements Link {
  readonly #link: StreamLink;
  /** Waits for `ready`, which brings what its id is made of. */
  #handshake: string | undefined;
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

  send(frame: Frame): void {
    const text = String(frame);
    const name = nameOf(text);
    if (name === "handshake") {
      this.#handshake = text;
      return;
    }
    if (name === "ready" && this.#handshake !== undefined) {
      this.#position = positionAt(this.#handshake, text);
      this.#write("handshake", this.#handshake);
      this.#handshake = undefined;
    }
    if (text.startsWith(SIGNAL) && this.#position !== undefined) {
      this.#position = { ...this.#position, seq: parseInt(text.slice(SIGNAL.length)) };
    }
    this.#write(name, text);
  }

  takes(size: number): boolean {
    return this.#link.takes?.(size) ?? true;
  }

  close(code?: number, reason?: string): void {
    this.#link.close(code, reason);
  }

  fail(error: unknown): void {
    this.#link.fail(error);
  }

  #write(name: string, text: string): void {
    const id = this.#position === undefined ? "" : `id: ${encodePosition(this.#position)}\n`;
    this.#link.send(`event: ${name}\n${id}data: ${text}\n\n`);
  }
}

/** Reads a `Last-Event-ID`; undefined where it is none of ours. */
export function decodePosition(id: string): StreamPosition | undefined {
  const [p_id, p_instance, seq, p_secret, ...more] = id.split(".");
  if (p_id === undefined || p_secret === undefined || more.length > 0) return undefined;
  const [instance, number] = [Number(p_instance), Number(seq)];
  if (!Number.isSafeInteger(instance) || !Number.isSafeInteger(number)) return undefined;
  return { p_id, p_secret, p_instance: instance, seq: number };
}

/** Opaque to clients: what it is made of is nobody's business but the server's. */
function encodePosition({ p_id, p_instance, seq, p_secret }: StreamPosition): string {
  return `${p_id}.${p_instance}.${seq}.${p_secret}`;
}

/** The handshake is the only frame without a name of its own. */
function nameOf(text: string): string {
  if (!text.startsWith(EVENT)) return "handshake";
  return text.slice(EVENT.length, text.indexOf('"', EVENT.length));
}
