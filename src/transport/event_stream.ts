import { Buffer } from "node:buffer";
import type { SignalError } from "../core/errors.ts";
import type { OutputLimits } from "../core/limits.ts";
import type { Frame } from "../core/session.ts";
import type { Carriage, CountedLink, StreamLink } from "./links.ts";
import type { OutputBudget } from "./output_budget.ts";
import type { LinkObserver } from "./websocket.ts";

/** A comment goes out after this time without anything else: proxies cut what is silent. */
const COMMENT_EVERY_MS = 15_000;
const COMMENT = ":\n\n";
/** Bytes handed to the network at once; it keeps them even after the client was given up. */
const PIECE_BYTES = 64 * 1024;
const HEADERS = {
  "content-type": "text/event-stream",
  // A proxy that compresses keeps events back until it has enough of them. Caddy 2.6 and nginx 1.22
  // compress in spite of no-transform, but nothing that has an encoding; HAProxy obeys either.
  "cache-control": "no-store, no-transform",
  "content-encoding": "identity",
  // nginx would collect events until a page is full.
  "x-accel-buffering": "no",
};
/** As a socket reports a client that went without a closing frame. */
const CUT_OFF = { by: "client", code: 0, reason: "" } as const;

/**
 * The body of one HTTP answer as a Link: frames go out as they are, each a whole event; nothing
 * comes in. The answer is decided by the first frame, or by `decline`.
 */
export class EventStreamLink implements StreamLink, CountedLink {
  readonly id: string;
  readonly address: string;
  framesSent = 0;
  bytesSent = 0;
  /** Settles with the first frame, or when it is clear that none will come. */
  readonly response: Promise<Response>;
  readonly #answer: (response: Response) => void;
  readonly #limits: OutputLimits;
  readonly #observer: LinkObserver;
  readonly #now: () => number;
  readonly #budget: OutputBudget;
  #waiting: string[] = [];
  /** The rest of an event that was handed over in part. */
  #begun: Uint8Array | undefined = undefined;
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
    budget: OutputBudget,
  ) {
    this.id = identity.id;
    this.address = identity.address;
    this.#limits = limits;
    this.#observer = observer;
    this.#now = now;
    this.#budget = budget;
    this.#takenAt = this.#sentAt = now();
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#answer = resolve;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get carriage(): Carriage {
    return "event-stream";
  }

  /** Bytes that wait for the client. */
  get backlog(): number {
    return this.#backlog;
  }

  send(frame: Frame): void {
    if (!this.#isOpen || typeof frame !== "string") return;
    if (!this.#isStarted) this.#start();
    const size = Buffer.byteLength(frame);
    if (!this.#budget.hasRoom(size) && !this.#budget.spares(this.#backlog + size)) {
      return this.giveUp();
    }
    this.framesSent++;
    this.bytesSent += size;
    this.#push(frame, size);
    if (this.#backlog > this.#limits.maxQueuedBytes) this.giveUp();
  }

  takes(size: number): boolean {
    return this.#observer.takes(size);
  }

  refuse(error: SignalError): void {
    this.#observer.refuse(error);
  }

  decline(response: Response): void {
    if (!this.#isOpen || this.#isStarted) return;
    this.#end({ by: "server", code: response.status, reason: "declined" }, response);
  }

  close(code = 1005, reason = ""): void {
    const gone = new Response(null, { status: 503, headers: { "retry-after": "5" } });
    const isDrain = this.#observer.isGoingAway || code === 1001;
    const drain = isDrain ? { isDrain: true } as const : {};
    this.#end({ by: "server", code, reason, ...drain }, gone);
  }

  fail(error: unknown): void {
    this.#observer.failed(error);
    this.#end({ by: "fault" }, new Response(null, { status: 500 }));
  }

  /** Gives up a client that takes nothing, and breaks silences. Call about once a second. */
  checkStall(nowMs: number): void {
    if (this.#backlog > 0 && nowMs - this.#takenAt >= this.#limits.stallTimeoutMs) this.giveUp();
    if (!this.#isOpen || !this.#isStarted || nowMs - this.#sentAt < COMMENT_EVERY_MS) return;
    this.#push(COMMENT, COMMENT.length);
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
      // Waiting frames are kept and counted here and not in the stream.
    }, { highWaterMark: 0 });
    this.#answer(new Response(body, { headers: HEADERS }));
  }

  #push(text: string, size: number): void {
    if (this.#backlog === 0) this.#takenAt = this.#now();
    this.#sentAt = this.#now();
    this.#waiting.push(text);
    this.#count(this.#backlog + size);
    if (this.#isHungry) this.#feed();
  }

  #count(backlog: number): void {
    this.#budget.charge(backlog - this.#backlog);
    this.#backlog = backlog;
  }

  /** Hands on what waits, a piece at a time. */
  #feed(): void {
    this.#isHungry = this.#backlog === 0 && this.#isOpen;
    if (this.#backlog > 0) {
      const piece = this.#nextPiece();
      this.#takenAt = this.#now();
      this.#count(this.#backlog - piece.length);
      this.#controller?.enqueue(piece);
    } else if (!this.#isOpen && !this.#isReleased) {
      this.#controller?.close();
      this.#release();
    }
  }

  /** Whole events, or a part of one that is too large for a piece. */
  #nextPiece(): Uint8Array {
    let rest = this.#begun;
    if (rest === undefined) {
      let [count, length] = [0, 0];
      for (const event of this.#waiting) {
        if (count > 0 && length + event.length > PIECE_BYTES) break;
        length += event.length;
        count++;
      }
      rest = Buffer.from(this.#waiting.slice(0, count).join(""));
      this.#waiting = this.#waiting.slice(count);
    }
    this.#begun = rest.length > PIECE_BYTES ? rest.subarray(PIECE_BYTES) : undefined;
    return rest.subarray(0, PIECE_BYTES);
  }

  /** Forgets what waits. */
  #drop(): void {
    this.#waiting.length = 0;
    this.#begun = undefined;
    this.#count(0);
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
    this.#drop();
    if (this.#isReleased || !this.#isStarted) return;
    this.#controller?.error(new Error("The client does not read"));
    this.#release();
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#drop();
    this.#observer.released();
  }
}
