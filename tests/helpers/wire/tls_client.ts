import { connect } from "node:tls";
import { encodeFrame } from "./raw_frames.ts";
import { requestText } from "./raw_socket.ts";
import { within } from "./waiting.ts";

/** A connection over TLS that believes any certificate and leaves nothing behind. */
export class TlsClient implements AsyncDisposable {
  readonly #socket: ReturnType<typeof connect>;
  readonly #closed: Promise<void>;
  #received = "";
  #wake: () => void = () => {};

  private constructor(socket: ReturnType<typeof connect>) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    socket.on("data", (bytes: Uint8Array) => {
      this.#received += new TextDecoder("latin1").decode(bytes);
      this.#wake();
    });
    socket.once("close", () => this.#wake());
  }

  /** The certificate that the server showed, as a hash. */
  get fingerprint(): string {
    return this.#socket.getPeerCertificate().fingerprint256;
  }

  /** Everything that has come so far, byte by byte. */
  get received(): string {
    return this.#received;
  }

  static async connect(url: string): Promise<TlsClient> {
    const { hostname: host, port } = new URL(url);
    const connected = Promise.withResolvers<void>();
    const options = {
      host,
      port: Number(port),
      servername: "localhost",
      rejectUnauthorized: false,
    };
    const socket = connect(options, connected.resolve);
    socket.once("error", connected.reject);
    const client = new TlsClient(socket);
    await within("the TLS handshake", connected.promise);
    return client;
  }

  /** Opens a WebSocket at `/`, says one text and waits for another. */
  async talk(text: string, answer: string): Promise<void> {
    await this.send(requestText("GET / HTTP/1.1"), "101 Switching Protocols");
    await this.send(encodeFrame({ payload: text }), answer);
  }

  /** Sends bytes and waits until a text has come. */
  async send(data: string | Uint8Array, answer: string): Promise<void> {
    this.#socket.write(data);
    await this.hears(answer);
  }

  /** Waits until a text has come. */
  async hears(text: string): Promise<void> {
    while (!this.#received.includes(text)) {
      if (this.#socket.destroyed) throw new Error(`The end came instead of "${text}"`);
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      await within(`"${text}"`, woken.promise);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await within("the TLS connection to close", this.#closed);
  }
}
