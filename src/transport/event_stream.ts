import { Buffer } from "node:buffer";
import type { OutputLimits } from "../core/limits.ts";
import type { Frame, StreamLink } from "../core/types.ts";
import type { LinkObserver } from "./websocket.ts";

/** A comment goes out after this time without anything else: proxies cut what is silent. */
const COMMENT_EVERY_MS = 15_000;
const COMMENT = ":\n\n";
const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store" };
/** As a socket reports a client that went without a closing frame. */
const CUT_OFF = { by: "client", code: 0, reason: "" } as const;

/**
 * The body of one HTTP answer as a Link: frames go out as they are, each a whole event; nothing
 * comes in. The answer is decided by the first frame, or by `decline`.
 */
export class EventStreamLink implements StreamLink {
  readonly id: string;
  readonly address: string;
  /** Settles with the first frame, or when it is clear that none will come. */
  readonly response: Promise<Response>;
  readonly #answer: (response: Response) => void;
  readonly #limits: OutputLimits;
  readonly #observer: LinkObserver;
  readonly #now: () => number;
  readonly #waiting: string[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isStarted = false;
  #isOpen = true;
  #isReleased = false;
  /** The network asks for more, and there was nothing. */
  #isHungry = false;
  #backlog = 0;
  /** When the client last took something, and when it was last sent something. */
  #takenAt: number;
  #sentAt: number;

  constructor(
    identity: { readonly id: string; readonly address: string },
    limits: OutputLimits,
    observer: LinkObserver,
    now: () => number,
  ) {
    this.id = identity.id;
    this.address = identity.address;
    this.#limits = limits;
    this.#observer = observer;
    this.#now = now;
    this.#takenAt = this.#sentAt = now();
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#answer = resolve;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Bytes that wait for the client. */
  get backlog(): number {
    return this.#backlog;
  }

  send(frame: Frame): void {
    if (!this.#isOpen || typeof frame !== "string") return;
    if (!this.#isStarted) this.#start();
    this.#push(frame);
    if (this.#backlog > this.#limits.maxQueuedBytes) this.giveUp();
  }

  decline(response: Response): void {
    if (!this.#isOpen || this.#isStarted) return;
    this.#end({ by: "server", code: response.status, reason: "declined" }, response);
  }

  close(code = 1005, reason = ""): void {
    const gone = new Response(null, { status: 503, headers: { "retry-after": "5" } });
    this.#end({ by: "server", code, reason }, gone);
  }

  fail(error: unknown): void {
    this.#observer.failed(error);
    this.#end({ by: "fault" }, new Response(null, { status: 500 }));
  }

  /** Gives up a client that takes nothing, and breaks silences. Call about once a second. */
  checkStall(nowMs: number): void {
    if (this.#backlog > 0 && nowMs - this.#takenAt >= this.#limits.stallTimeoutMs) this.giveUp();
    if (!this.#isOpen || !this.#isStarted || nowMs - this.#sentAt < COMMENT_EVERY_MS) return;
    this.#push(COMMENT);
  }

  /** Ends the answer of a client that does not read, in the middle if need be. */
  giveUp(): void {
    this.#end({ by: "slow reader" }, new Response(null, { status: 503 }));
    this.#abort();
  }

  #start(): void {
    this.#isStarted = true;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#feed(),
      cancel: () => {
        // Nobody asks for more, and the stream cannot be closed again.
        this.#isHungry = false;
        this.#end(CUT_OFF);
        this.#release();
      },
      // What waits is kept and counted here, not in the stream.
    }, { highWaterMark: 0 });
    this.#answer(new Response(body, { headers: HEADERS }));
  }

  #push(text: string): void {
    if (this.#backlog === 0) this.#takenAt = this.#now();
    this.#sentAt = this.#now();
    this.#waiting.push(text);
    this.#backlog += Buffer.byteLength(text);
    if (this.#isHungry) this.#feed();
  }

  /** Hands on everything that waits, in one piece. */
  #feed(): void {
    this.#isHungry = this.#waiting.length === 0 && this.#isOpen;
    if (this.#waiting.length > 0) {
      this.#takenAt = this.#now();
      this.#backlog = 0;
      this.#controller?.enqueue(Buffer.from(this.#waiting.splice(0).join("")));
    } else if (!this.#isOpen && !this.#isReleased) {
      this.#controller?.close();
      this.#release();
    }
  }

  /** @param instead the answer where nothing was answered yet */
  #end(ending: Parameters<LinkObserver["ended"]>[0], instead?: Response): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    queueMicrotask(() => this.#observer.ended(ending));
    if (!this.#isStarted) {
      if (instead !== undefined) this.#answer(instead);
      queueMicrotask(() => this.#release());
    } else if (this.#isHungry) {
      this.#feed();
    }
  }

  #abort(): void {
    this.#waiting.length = 0;
    this.#backlog = 0;
    if (this.#isReleased || !this.#isStarted) return;
    this.#controller?.error(new Error("The client does not read"));
    this.#release();
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#waiting.length = 0;
    this.#backlog = 0;
    this.#observer.released();
  }
}
