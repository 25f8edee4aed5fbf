import { Buffer } from "node:buffer";
import type { Frame } from "../../../core/session.ts";
import type { FrameWriter, Socket, SocketObserver } from "../../transport.ts";
import type { Conn, Host, HostMember } from "../host.ts";
import { InputBuffer } from "../input_buffer.ts";
import { IDLE_BYTES } from "../pool.ts";
import type { Unfinisher } from "../unfinished.ts";
import { FrameReader, type FrameSink } from "./frame_reader.ts";
import { OPCODE } from "./frames.ts";
import { Output } from "./output.ts";

/** While more than this waits for a client, nothing more is read from it. */
const MAX_WAITING_BYTES = 64 * 1024;
/** Read once, because `globalThis.WebSocket` is a getter of the runtime. */
const { OPEN, CLOSING } = WebSocket;
const NOTHING = new Uint8Array();

/**
 * "closing": our closing frame is on its way, the client's is expected. "ending": neither side has
 * anything more to say; the end of TCP is expected.
 */
type State = "opening" | "open" | "closing" | "ending" | "gone";

/** A WebSocket on a connection of our own (RFC 6455). */
export class StrictSocket implements Socket, FrameSink, HostMember, Unfinisher {
  readonly #conn: Conn;
  readonly #host: Host;
  readonly #maxSilenceMs: number;
  readonly #reader: FrameReader;
  readonly #output: Output;
  #observer: SocketObserver | undefined = undefined;
  #state: State = "opening";
  /** How to close as soon as the socket is open. */
  #early: { readonly code: number | undefined; readonly reason: string } | undefined = undefined;
  /** Set once the client's closing frame has come, or its silence was too long. */
  #outcome: { readonly code: number; readonly reason: string; readonly wasClean: boolean } = {
    code: 0,
    reason: "",
    wasClean: false,
  };
  #isReceiving = false;
  #isHeard = true;
  #heardAt = 0;
  #isPinged = false;
  /** When a connection that is ending is cut. */
  #deadline = Infinity;
  #unfinishedSince = 0;
  #unfinishedMessage = -1;
  /** Wakes the reading, which waits for the writing. */
  #wake: (() => void) | undefined = undefined;

  /** Nothing happens before `open`. */
  constructor(conn: Conn, host: Host, maxSilenceMs: number) {
    this.#conn = conn;
    this.#host = host;
    this.#maxSilenceMs = maxSilenceMs;
    this.#reader = new FrameReader(this, host.shared.limits.maxFragments);
    this.#output = new Output(conn, host.shared, (error) => this.#written(error));
  }

  get writer(): FrameWriter {
    return this;
  }

  get readyState(): number {
    return this.#state === "open" ? OPEN : CLOSING;
  }

  get bufferedAmount(): number {
    return this.#output.queuedBytes;
  }

  get keptBytes(): number {
    return this.#reader.keptBytes;
  }

  observe(observer: SocketObserver): void {
    this.#observer = observer;
  }

  limit(maxMessageBytes: number): void {
    this.#reader.maxMessageBytes = maxMessageBytes;
  }

  send(frame: Frame): void {
    if (this.#state === "open") this.#output.send(frame);
  }

  close(code: number | undefined, reason: string): void {
    if (this.#state === "opening") this.#early ??= { code, reason };
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#output.sendControl(OPCODE.close, closingPayload(code, reason));
    this.#expectEnd();
  }

  cut(): void {
    if (this.#state === "opening") return void queueMicrotask(() => this.#gone());
    this.#reader.stop();
    this.#output.drop();
    closeQuietly(this.#conn);
    this.#wake?.();
  }

  /** Cuts the socket: those that answer were closed before their listener stopped. */
  retire(): void {
    this.cut();
  }

  giveUp(): void {
    this.cut();
  }

  /** Opens the socket. @param response the head of the answer to the handshake */
  open(response: Buffer): void {
    this.#state = "open";
    this.#heardAt = this.#host.shared.clock.now();
    this.#host.enter(this);
    this.#output.sendRaw(response);
    if (this.#early === undefined) this.#observer?.opened();
    else this.close(this.#early.code, this.#early.reason);
  }

  /**
   * Reads until the connection is over.
   * @param input what follows the handshake, between `start` and `end`
   */
  async run(input: InputBuffer, start: number, end: number): Promise<void> {
    const { pool } = this.#host.shared;
    let large: InputBuffer | undefined;
    try {
      this.#receive(input, start, end);
      const idle = input.bytes.length > IDLE_BYTES ? new InputBuffer(IDLE_BYTES) : input;
      for (;;) {
        if (this.#hasParted) return await this.#emptied();
        if (this.#output.queuedBytes > MAX_WAITING_BYTES) await this.#drained();
        const current: InputBuffer = large ?? idle;
        const count = await this.#conn.read(current.bytes);
        if (count === null) return;
        this.#receive(current, 0, count);
        if (large !== undefined) pool.giveInput(large);
        // More may be there than the small buffer takes.
        large = count >= IDLE_BYTES ? pool.takeInput() : undefined;
      }
    } catch (error) {
      // A connection that breaks off, or is cut here, is no fault; a session that throws is one.
      if (this.#isReceiving) throw error;
    } finally {
      if (large !== undefined) pool.giveInput(large);
      this.#gone();
    }
  }

  message(frame: Frame): void {
    if (this.#state === "open") this.#observer?.received(frame);
  }

  pinged(payload: Uint8Array): void {
    if (this.#state === "open") this.#output.pong(payload);
  }

  closing(code: number, reason: string): void {
    this.#outcome = { code, reason, wasClean: true };
    if (this.#state === "open") {
      this.#output.sendControl(
        OPCODE.close,
        closingPayload(code === 1005 ? undefined : code, reason),
      );
      this.#observer?.left(code, reason);
    }
    this.#end();
  }

  exceeded(): void {
    if (this.#state === "open") this.#observer?.exceeded();
    this.#end();
  }

  violated(code: number, reason: string): void {
    if (this.#state === "open") this.#observer?.violated(code, reason);
    this.#end();
  }

  kept(bytes: number): void {
    this.#host.shared.unfinished.count(this, bytes);
  }

  overflow(): void {
    this.#reader.stop();
    this.violated(1013, "too many unfinished messages");
  }

  check(nowMs: number, isLate: boolean): void {
    if (this.#state !== "open") {
      if (nowMs >= this.#deadline) this.cut();
      return;
    }
    this.#checkMessage(nowMs, isLate);
    this.#checkSilence(nowMs, isLate);
  }

  /** A message has to be complete in time, measured from the first check that finds it begun. */
  #checkMessage(nowMs: number, isLate: boolean): void {
    const { isUnfinished, messages } = this.#reader;
    if (!isUnfinished) {
      this.#unfinishedMessage = -1;
    } else if (messages !== this.#unfinishedMessage || isLate) {
      this.#unfinishedMessage = messages;
      this.#unfinishedSince = nowMs;
    } else if (nowMs - this.#unfinishedSince >= this.#host.shared.limits.messageTimeoutMs) {
      this.#reader.stop();
      this.violated(1008, "message took too long");
    }
  }

  #checkSilence(nowMs: number, isLate: boolean): void {
    // Nothing is read from a client whose queue is long, so it cannot be called silent.
    if (this.#isHeard || isLate || this.#wake !== undefined) {
      this.#isHeard = false;
      this.#heardAt = nowMs;
      this.#isPinged = false;
    } else if (nowMs - this.#heardAt >= this.#maxSilenceMs) {
      this.#outcome = { code: 1001, reason: "no answer to a ping", wasClean: false };
      this.#state = "ending";
      this.#output.sendControl(OPCODE.close, closingPayload(1001, this.#outcome.reason));
      this.#deadline = nowMs;
      // Its id is free before the client, or another one, can see the closing frame.
      this.#observer?.closed(1001, this.#outcome.reason, false);
    } else if (!this.#isPinged && nowMs - this.#heardAt >= this.#maxSilenceMs / 2) {
      this.#isPinged = true;
      this.#output.sendControl(OPCODE.ping, NOTHING);
    }
  }

  #receive(input: InputBuffer, start: number, end: number): void {
    this.#isHeard = true;
    this.#isReceiving = true;
    this.#reader.push(input, start, end);
    this.#isReceiving = false;
  }

  async #drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }

  /**
   * The client's closing frame has come, and nothing can follow it that an end of TCP would cut off.
   * The connection is closed once everything is written: neither a read nor a shutdown is pending.
   */
  get #hasParted(): boolean {
    return this.#outcome.wasClean && !("handshake" in this.#conn);
  }

  async #emptied(): Promise<void> {
    if (!this.#output.isEmpty) await this.#drained();
  }

  /** Nothing waits to be written any more, or writing failed. */
  #written(error: unknown): void {
    if (error !== undefined) return this.cut();
    this.#wake?.();
    if (this.#state === "ending" && !this.#hasParted) this.#closeWrite();
  }

  /** Ends TCP once everything is written; the client has nothing more to say. */
  #end(): void {
    if (this.#state === "ending" || this.#state === "gone") return;
    this.#state = "ending";
    this.#expectEnd();
    if (this.#output.isEmpty && !this.#hasParted) this.#closeWrite();
  }

  #expectEnd(): void {
    const { clock, limits } = this.#host.shared;
    this.#deadline = clock.now() + limits.closeTimeoutMs;
  }

  #closeWrite(): void {
    // The client may have reset the connection.
    this.#conn.closeWrite().catch(() => {});
  }

  #gone(): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    this.#reader.stop();
    this.#output.drop();
    closeQuietly(this.#conn);
    this.#host.leave(this);
    const { code, reason, wasClean } = this.#outcome;
    this.#observer?.closed(code, reason, wasClean);
  }
}

/** The payload of a closing frame. */
function closingPayload(code: number | undefined, reason: string): Uint8Array {
  if (code === undefined) return NOTHING;
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: Conn): void {
  try {
    conn.close();
  } catch {
    // Closed before.
  }
}
