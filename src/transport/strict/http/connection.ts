import { Buffer } from "node:buffer";
import type { Conn, Host, HostMember } from "../host.ts";
import { closeQuietly, StrictSocket } from "../ws/socket.ts";
import { type BodyReader, bodyReader } from "./body.ts";
import { FAULTS, HttpFault } from "./fault.ts";
import { findHeadEnd, mayBeRequest, parseHead, type RequestHead, skipBlankLines } from "./head.ts";
import { type RequestSource, StrictRequest } from "./request.ts";
import {
  CONTINUE,
  type Delimiter,
  encodeChunk,
  encodeHead,
  encodeRefusal,
  isStreamed,
  LAST_CHUNK,
  mayHaveBody,
} from "./response.ts";
import { ByteSource } from "./source.ts";

/** A body that nobody wants is read up to this size, so that the connection can be used again. */
const MAX_UNWANTED_BYTES = 64 * 1024;
/** Responses are written in pieces of this size, each within the time for a body. */
const PIECE_BYTES = 64 * 1024;

const ENCODER = new TextEncoder();

/** The action when the time is up: a refusal, or a silent end. */
type Late = "refuse" | "cut";

/** The request that is being served. */
interface HttpExchange {
  readonly head: RequestHead;
  readonly request: StrictRequest;
  readonly body: BodyReader;
  /** The client still waits for leave to send the body. */
  mustContinue: boolean;
  /** Its answer is being written. */
  isAnswered: boolean;
}

/** One connection that speaks HTTP/1.1, until it ends or becomes a WebSocket. */
export class HttpConnection implements HostMember, RequestSource {
  readonly #conn: Conn;
  readonly #host: Host;
  readonly #source: ByteSource;
  readonly isSecure: boolean;
  readonly #remote: string;
  #deadline = Infinity;
  #late: Late = "cut";
  #isOver = false;
  #exchange: HttpExchange | undefined = undefined;
  /** Ends the stream that is being written. */
  #cancelStream: (() => void) | undefined = undefined;
  #isIdle = true;
  /** A refusal that is being written. */
  #refusal: Promise<void> | undefined = undefined;

  constructor(conn: Conn, host: Host, isSecure: boolean) {
    this.#conn = conn;
    this.#host = host;
    this.#source = new ByteSource(conn, host.shared.limits.maxHeadBytes);
    this.isSecure = isSecure;
    this.#remote = conn.remoteAddr.transport === "tcp" ? conn.remoteAddr.hostname : "";
  }

  /** Serves requests until the connection is over. Never rejects. */
  async run(): Promise<void> {
    this.#host.enter(this);
    let isKept = false;
    try {
      await this.#shakeHands();
      isKept = await this.#serveAll();
    } catch (error) {
      if (error instanceof HttpFault) await this.#refuse(error);
      // Anything else means that the connection broke off, or was cut here.
    } finally {
      await this.#refusal;
      this.#host.leave(this);
      if (!isKept) this.#over();
    }
  }

  check(nowMs: number): void {
    if (nowMs < this.#deadline) return;
    this.#deadline = Infinity;
    if (this.#late === "cut") this.cut();
    else this.#refuse(FAULTS.tooSlow()).finally(() => this.cut());
  }

  retire(): void {
    if (this.#isIdle) this.cut();
  }

  giveUp(): void {
    if (this.#cancelStream !== undefined) return this.#cancelStream();
    const exchange = this.#exchange;
    if (this.#isOver || exchange === undefined || exchange.isAnswered) return this.cut();
    this.#isOver = true;
    this.#exchange = undefined;
    exchange.request.abort();
    this.#refusal = this.#writeRefusal(FAULTS.goingAway());
    void this.#refusal.finally(() => this.cut());
  }

  cut(): void {
    this.#isOver = true;
    closeQuietly(this.#conn);
    this.#exchange?.request.abort();
  }

  openBody(): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.body.isDone) return undefined;
    return new ReadableStream({
      pull: (controller) => this.#pull(exchange, controller),
    }, { highWaterMark: 0 });
  }

  upgrade(maxSilenceMs: number): StrictSocket {
    return new StrictSocket(this.#conn, this.#host, maxSilenceMs);
  }

  async #shakeHands(): Promise<void> {
    if (!("handshake" in this.#conn)) return;
    this.#expect(this.#host.shared.limits.tlsHandshakeMs, "cut");
    await this.#conn.handshake();
  }

  /** @returns true if the connection has become a WebSocket */
  async #serveAll(): Promise<boolean> {
    const { headTimeoutMs } = this.#host.shared.limits;
    this.#expect(headTimeoutMs, "refuse");
    for (;;) {
      const head = await this.#readHead();
      if (head === undefined) return false;
      this.#isIdle = false;
      const outcome = await this.#serve(head);
      if (outcome !== "again") return outcome === "upgraded";
      if (this.#host.isStopping) return false;
      this.#isIdle = true;
      if (this.#source.isEmpty) this.#expect(this.#host.shared.limits.keepAliveMs, "cut");
      else this.#expect(headTimeoutMs, "refuse");
    }
  }

  /** @returns undefined if the client has gone */
  async #readHead(): Promise<RequestHead | undefined> {
    const { maxHeadBytes, headTimeoutMs } = this.#host.shared.limits;
    const source = this.#source;
    let searched = 0;
    for (;;) {
      const { bytes } = source.input;
      const start = skipBlankLines(bytes, source.start, source.end);
      source.consume(start - source.start);
      if (!source.isEmpty) {
        const from = source.start + searched;
        const end = findHeadEnd(bytes, source.start, from, source.end);
        const size = (end === -1 ? source.end : end) - source.start;
        if (size > maxHeadBytes) throw FAULTS.headTooLarge();
        if (end !== -1) {
          const head = parseHead(bytes, source.start, end, this.#host.shared.limits);
          source.consume(size);
          return head;
        }
        if (!mayBeRequest(bytes, source.start, source.end)) {
          throw FAULTS.badRequest("Bad request line");
        }
        if (size >= maxHeadBytes) throw FAULTS.headTooLarge();
        searched = size;
      }
      const wasIdle = source.isEmpty && this.#late === "cut";
      if (!await source.fill()) return undefined;
      if (wasIdle) this.#expect(headTimeoutMs, "refuse");
    }
  }

  async #serve(head: RequestHead): Promise<"again" | "over" | "upgraded"> {
    const request = new StrictRequest(head, this);
    const body = bodyReader(head.framing);
    const mustContinue = head.expectsContinue;
    const exchange = { head, request, body, mustContinue, isAnswered: false };
    this.#exchange = exchange;
    if (body.isDone) this.#deadline = Infinity;
    else this.#expect(this.#host.shared.limits.bodyTimeoutMs, "refuse");
    const answer = this.#host.handle(request.asRequest, this.#remote);
    if (answer instanceof Promise && body.isDone) this.#watch(exchange);
    const response = answer instanceof Promise ? await answer : answer;
    if (request.upgraded !== undefined) {
      if (response.status === 101) return this.#switch(request);
      request.upgraded.socket.cut();
    }
    if (this.#isOver) return "over";
    const isPersistent = await this.#answer(exchange, response);
    this.#exchange = undefined;
    return isPersistent ? "again" : "over";
  }

  /** Notices that the client goes while it waits for the answer. */
  async #watch(exchange: HttpExchange): Promise<void> {
    try {
      if (!this.#source.isEmpty || await this.#source.fill()) return;
      if (this.#cancelStream !== undefined) return this.#cancelStream();
      if (this.#exchange !== exchange) return;
      // A handler that waits for news gives up. A client that has only ended its own side still gets
      // an answer that comes soon.
      exchange.request.abort();
      this.#expect(this.#host.shared.limits.closeTimeoutMs, "cut");
    } catch {
      if (this.#exchange === exchange) this.#over();
    }
  }

  async #switch(request: StrictRequest): Promise<"upgraded"> {
    const socket = request.upgraded?.socket;
    this.#exchange = undefined;
    this.#deadline = Infinity;
    // `Buffer.from` with a text takes ten times as long.
    socket?.open(Buffer.from(ENCODER.encode(request.handshakeAnswer()).buffer));
    this.#host.leave(this);
    // Reading may have begun while the handler was busy.
    await this.#source.filling?.catch(() => {});
    const { input, start, end } = this.#source;
    socket?.run(input, start, end);
    return "upgraded";
  }

  /** @returns true if the connection can carry another request */
  async #answer(exchange: HttpExchange, response: Response): Promise<boolean> {
    const { head, body } = exchange;
    exchange.isAnswered = true;
    const isEmpty = response.body === null || !mayHaveBody(response.status);
    if (!isEmpty && head.method !== "HEAD" && isStreamed(response)) {
      return await this.#stream(exchange, response);
    }
    const content = isEmpty ? new Uint8Array() : await response.bytes();
    const isPersistent = head.isPersistent && !this.#host.isStopping && this.#isWorthDraining();
    const bytes = encodeHead(response, {
      delimiter: { length: content.length },
      isPersistent,
      date: this.#host.shared.httpDate(),
    });
    await this.#write(head.method === "HEAD" ? bytes : Buffer.concat([bytes, content]));
    if (isPersistent && (body.isDone || await this.#drain(exchange))) return true;
    if (!body.isDone) await this.#linger();
    return false;
  }

  /** False if too much of the body is left, or if the client does not send it unasked. */
  #isWorthDraining(): boolean {
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.body.isDone) return true;
    if (exchange.mustContinue) return false;
    const { framing } = exchange.head;
    return framing === "chunked" || framing.length <= MAX_UNWANTED_BYTES;
  }

  /** Writes a body as it comes. */
  async #stream(exchange: HttpExchange, response: Response): Promise<boolean> {
    const { head, body } = exchange;
    const delimiter: Delimiter = head.isHttp10 ? "close" : "chunked";
    const isPersistent = head.isPersistent && !this.#host.isStopping && body.isDone;
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    this.#cancelStream = () => {
      reader.cancel().catch(() => {});
      this.cut();
    };
    if (body.isDone && this.#source.filling === undefined) this.#watch(exchange);
    try {
      const date = this.#host.shared.httpDate();
      await this.#write(encodeHead(response, { delimiter, isPersistent, date }));
      for (;;) {
        // The link behind the body bounds how long a client may take.
        this.#deadline = Infinity;
        const { done, value } = await reader.read();
        if (done) break;
        await this.#write(delimiter === "chunked" ? encodeChunk(value) : value);
      }
      if (delimiter === "chunked") await this.#write(LAST_CHUNK);
    } catch (error) {
      // The client has gone, or was given up: its connection ends in the middle.
      reader.cancel().catch(() => {});
      this.cut();
      throw error;
    } finally {
      this.#cancelStream = undefined;
    }
    return isPersistent;
  }

  /** Hands on the next part of the body; asks the client for it first if it waits for that. */
  async #pull(
    exchange: HttpExchange,
    controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    const { body } = exchange;
    const source = this.#source;
    try {
      if (exchange.mustContinue) {
        exchange.mustContinue = false;
        await this.#writeAll(CONTINUE);
      }
      let hasPart = false;
      while (!hasPart && !body.isDone) {
        if (source.isEmpty && !await source.fill()) throw new Error("The client has gone");
        const { input: { bytes }, start, end } = source;
        source.consume(body.read(bytes, start, end, (part) => {
          hasPart = true;
          controller.enqueue(Uint8Array.from(part));
        }));
      }
      if (!body.isDone) return;
      if (this.#exchange === exchange) this.#deadline = Infinity;
      controller.close();
      if (this.#exchange === exchange) this.#watch(exchange);
    } catch (error) {
      controller.error(error);
      if (error instanceof HttpFault) await this.#refuse(error);
      this.cut();
    }
  }

  /** Reads a body that nobody wanted. @returns false if it is too long */
  async #drain({ body }: HttpExchange): Promise<boolean> {
    const source = this.#source;
    this.#expect(this.#host.shared.limits.bodyTimeoutMs, "cut");
    let count = 0;
    while (!body.isDone) {
      if (count > MAX_UNWANTED_BYTES) return false;
      if (source.isEmpty && !await source.fill()) return false;
      const { input: { bytes }, start, end } = source;
      const consumed = body.read(bytes, start, end, () => {});
      count += consumed;
      source.consume(consumed);
    }
    return true;
  }

  /**
   * Ends our side, and reads on for a moment: a connection that is closed with unread bytes is
   * reset, and the client may never see the answer.
   */
  async #linger(): Promise<void> {
    const source = this.#source;
    this.#expect(this.#host.shared.limits.closeTimeoutMs, "cut");
    await this.#conn.closeWrite();
    for (let count = 0; count <= MAX_UNWANTED_BYTES;) {
      count += source.end - source.start;
      source.consume(source.end - source.start);
      if (!await source.fill()) return;
    }
  }

  /** Answers a request that is not whole, or not HTTP. The connection ends. */
  #refuse(fault: HttpFault): Promise<void> {
    if (!this.#isOver) {
      this.#host.onRefused?.(this.#remote, fault.status);
      this.#refusal = this.#writeRefusal(fault);
    }
    this.#isOver = true;
    return this.#refusal ?? Promise.resolve();
  }

  async #writeRefusal(fault: HttpFault): Promise<void> {
    try {
      await this.#write(encodeRefusal(fault, this.#host.shared.httpDate()));
      await this.#linger();
    } catch {
      // The client has gone.
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      this.#expect(this.#host.shared.limits.bodyTimeoutMs, "cut");
      await this.#writeAll(bytes.subarray(at, at + PIECE_BYTES));
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += await this.#conn.write(bytes.subarray(done));
    }
  }

  #expect(timeoutMs: number, late: Late): void {
    this.#deadline = this.#host.shared.clock.now() + timeoutMs;
    this.#late = late;
  }

  #over(): void {
    this.#isOver = true;
    this.#exchange?.request.abort();
    this.#exchange = undefined;
    closeQuietly(this.#conn);
  }
}
