import { createHash } from "node:crypto";
import type { Upgraded } from "../../transport.ts";
import type { StrictSocket } from "../ws/socket.ts";
import type { RequestHead } from "./head.ts";

/** The part of a connection that its requests need. */
export interface RequestSource {
  readonly isSecure: boolean;
  /** Makes the body; undefined if there is none. */
  openBody(): ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  /** Makes a socket of the connection, once it has answered the request. */
  upgrade(maxSilenceMs: number): StrictSocket;
}

/** Appended to the client's key, and hashed (RFC 6455, section 4.2.2). */
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * A request with those parts of a Fetch request that servers read. Each is made when it is asked for:
 * most requests are handshakes, which need little.
 */
export class StrictRequest {
  readonly #head: RequestHead;
  readonly #source: RequestSource;
  #headers: Headers | undefined = undefined;
  #body: ReadableStream<Uint8Array<ArrayBuffer>> | null | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #isAborted = false;
  /** The handshake was accepted. */
  upgraded: { readonly socket: StrictSocket; readonly protocol: string | undefined } | undefined =
    undefined;

  constructor(head: RequestHead, source: RequestSource) {
    this.#head = head;
    this.#source = source;
  }

  /** This request under the type of those that it stands for. */
  get asRequest(): Request {
    // Handlers read the method, url, headers, body and signal of a request, and consume its body.
    return this as unknown as Request;
  }

  get method(): string {
    return this.#head.method;
  }

  /** The target as it came: readers see broken escapes as they are. */
  get url(): string {
    const scheme = this.#source.isSecure ? "https" : "http";
    return `${scheme}://${this.#head.host || "localhost"}${this.#head.path}`;
  }

  get headers(): Headers {
    // Repeated fields are joined, as they may be.
    return this.#headers ??= new Headers(this.#head.fields);
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#body ??= this.#source.openBody() ?? null;
  }

  /** Aborted when the client goes away before it has its answer. */
  get signal(): AbortSignal {
    const controller = this.#abort ??= new AbortController();
    if (this.#isAborted) controller.abort();
    return controller.signal;
  }

  get bodyUsed(): boolean {
    return this.#body?.locked === true;
  }

  async text(): Promise<string> {
    return await new Response(this.body).text();
  }

  async json(): Promise<unknown> {
    return await new Response(this.body).json();
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return await new Response(this.body).bytes();
  }

  abort(): void {
    this.#isAborted = true;
    this.#abort?.abort();
  }

  /** Accepts a handshake. */
  upgrade(maxSilenceMs: number, protocol: string | undefined): Upgraded | undefined {
    const hasBody = this.#head.framing === "chunked" || this.#head.framing.length > 0;
    if (hasBody || this.#head.isHttp10) return undefined;
    const socket = this.#source.upgrade(maxSilenceMs);
    this.upgraded = { socket, protocol };
    return { socket, response: switched() };
  }

  /** The head of the answer to an accepted handshake. */
  handshakeAnswer(): string {
    const key = this.headers.get("sec-websocket-key") ?? "";
    const accept = createHash("sha1").update(`${key}${HANDSHAKE_GUID}`).digest("base64");
    const protocol = this.upgraded?.protocol;
    const selected = protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n${selected}\r\n`;
  }
}

/** Stands for the answer that the connection writes: scripts cannot make one of this status. */
function switched(): Response {
  return Object.defineProperty(new Response(null), "status", { value: 101 });
}
