import { Buffer } from "node:buffer";
import type { SignalError } from "../core/errors.ts";
import type { LinkLimits, OutputLimits } from "../core/limits.ts";
import type { Departure, Frame } from "../core/session.ts";
import type { Carriage, CountedLink, FrameReceiver } from "./links.ts";
import type { OutputBudget } from "./output_budget.ts";
import type { FrameWriter, Socket, SocketObserver } from "./transport.ts";

/** How a connection ended, for logs and metrics. */
export type Ending =
  | {
    readonly by: "client" | "server";
    readonly code: number;
    readonly reason: string;
    /** The client closed the connection properly; it did not fail. */
    readonly isFarewell?: true;
    /** This server goes away. */
    readonly isDrain?: true;
  }
  | { readonly by: "network" | "slow reader" | "fault" };

/** The owner of a link; nothing here is called from inside `send` or `close`. */
export interface LinkObserver extends FrameReceiver {
  /** Every connection is being closed as going away, whatever else would end one of them. */
  readonly isGoingAway: boolean;
  /** The close code for that, if it is not 1001. */
  readonly goingAwayCode?: number | undefined;
  opened(): void;
  /** The transport refused a message because of its announced size. The connection ends. */
  exceeded(): void;
  /** Counts a frame that came by another way; false if it exceeds the connection's rates. */
  takes(size: number): boolean;
  /** The session refuses a frame after its step. */
  refuse(error: SignalError): void;
  /** Either side has decided to end the connection. Called exactly once. */
  ended(ending: Ending): void;
  /** The socket and its descriptor are gone. Called once, perhaps long after `ended`. */
  released(): void;
  failed(error: unknown): void;
}

const GOING_AWAY_CODE = 1001;
const GOING_AWAY_REASON = "going away";

/** Read once, because `globalThis.WebSocket` is a getter of the runtime. */
const { OPEN } = WebSocket;

/** Codes of a client that has finished (1000), leaves the page (1001) or gives no code (1005). */
const FAREWELLS: ReadonlySet<number> = new Set([1000, 1001, 1005]);
/** Bytes sent after which the output queue is examined. */
const CHECK_EVERY_BYTES = 64 * 1024;
/** A closing frame has no room for a longer reason (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/** A socket as a Link. Nothing else uses the socket. */
export class WebSocketLink implements CountedLink, SocketObserver {
  readonly id: string;
  readonly address: string;
  framesSent = 0;
  bytesSent = 0;
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #observer: LinkObserver;
  #receiver: FrameReceiver;
  readonly #budget: OutputBudget;
  #limits: OutputLimits;
  #checkEvery: number;
  #isOpen = true;
  #isReleased = false;
  #sentUnchecked = 0;
  #newestSize = 0;
  #backlog = 0;
  /** More than the newest frame was waiting at the last check: bytes are counted exactly. */
  #isBehind = false;
  /** Bytes were waiting at the last check for a stall. */
  #isWaiting = false;
  #acceptedTotal = 0;
  #acceptedAt = 0;

  constructor(
    socket: Socket,
    identity: { readonly id: string; readonly address: string },
    limits: OutputLimits,
    observer: LinkObserver,
    budget: OutputBudget,
  ) {
    this.id = identity.id;
    this.address = identity.address;
    this.#socket = socket;
    this.#writer = socket.writer;
    this.#limits = limits;
    this.#observer = observer;
    this.#receiver = observer;
    this.#budget = budget;
    this.#checkEvery = checkEvery(limits);
    socket.observe(this);
  }

  /** Replaces the limits from now on. */
  adopt(limits: LinkLimits): void {
    this.#limits = limits;
    this.#checkEvery = checkEvery(limits);
    this.#socket.limit(limits.maxFrameBytes);
  }

  /** One object less on the way of a frame: with a thousand connections each is a cache miss. */
  feed(receiver: FrameReceiver): void {
    this.#receiver = receiver;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get carriage(): Carriage {
    return "websocket";
  }

  /** Bytes that were waiting for the client at the last check. */
  get backlog(): number {
    return this.#backlog;
  }

  send(frame: Frame): void {
    if (!this.#isOpen || this.#writer.readyState !== OPEN) return;
    const size = this.#isBehind && typeof frame === "string"
      ? Buffer.byteLength(frame)
      : frame.length;
    // Before the socket gets it, because a socket may keep what it was given.
    if (!this.#budget.hasRoom(size) && !this.#isSpared(size)) return this.giveUp();
    this.#writer.send(frame);
    this.#newestSize = size;
    this.framesSent++;
    this.bytesSent += size;
    this.#sentUnchecked += size;
    if (this.#sentUnchecked >= this.#checkEvery) this.#checkQueue();
  }

  takes(size: number): boolean {
    return this.#observer.takes(size);
  }

  refuse(error: SignalError): void {
    this.#observer.refuse(error);
  }

  close(code?: number, reason = ""): void {
    if (this.#observer.isGoingAway || code === GOING_AWAY_CODE) this.#goAway();
    else this.#end({ by: "server", code: code ?? 1005, reason }, code, reason);
  }

  fail(error: unknown): void {
    this.#observer.failed(error);
    this.#end({ by: "fault" }, 1011, "internal error");
  }

  /** Gives up a client that fills its queue. A check is cheap, but not free. */
  #checkQueue(): void {
    this.#count(this.#socket.bufferedAmount);
    // The newest frame does not count, however large it is; only what waits behind it does.
    if (this.#backlog - this.#newestSize > this.#limits.maxQueuedBytes) this.giveUp();
  }

  /** Records the current backlog. */
  #count(backlog: number): void {
    this.#sentUnchecked = 0;
    if (backlog !== this.#backlog) this.#budget.charge(backlog - this.#backlog);
    this.#backlog = backlog;
    this.#isBehind = backlog > this.#newestSize;
  }

  /** Returns whether a frame may be sent although others use up the budget. */
  #isSpared(size: number): boolean {
    this.#count(this.#socket.bufferedAmount);
    return this.#budget.hasRoom(size) || this.#budget.spares(this.#backlog + size);
  }

  /** Gives up a client that has accepted nothing for too long. Call about once a second. */
  checkStall(nowMs: number): void {
    if (!this.#isOpen) {
      // Bytes for a client that was given up count until it is gone.
      if (this.#backlog > 0) this.#count(this.#socket.bufferedAmount);
      return;
    }
    if (this.#backlog === 0 && this.#sentUnchecked === 0) {
      this.#isWaiting = false;
      return;
    }
    this.#checkQueue();
    const wasWaiting = this.#isWaiting;
    this.#isWaiting = this.#backlog > 0;
    const accepted = this.bytesSent - this.#backlog;
    if (!wasWaiting || accepted > this.#acceptedTotal) {
      this.#acceptedTotal = accepted;
      this.#acceptedAt = nowMs;
    } else if (this.#backlog > 0 && nowMs - this.#acceptedAt >= this.#limits.stallTimeoutMs) {
      this.giveUp();
    }
  }

  /** Ends the connection of a client that does not read. */
  giveUp(): void {
    if (!this.#isOpen) return;
    this.#socket.cut();
    this.#ended({ by: "slow reader" });
  }

  opened(): void {
    if (this.#isOpen) this.#observer.opened();
  }

  received(frame: Frame): void {
    if (this.#isOpen) this.#receiver.receive(frame);
  }

  /** The owner words the refusal first; where that leaves the connection open, this ends it. */
  exceeded(): void {
    if (this.#isOpen) this.#observer.exceeded();
    this.violated(1009, "message too big");
  }

  violated(code: number, reason: string): void {
    this.#end({ by: "server", code, reason }, code, reason);
  }

  left(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#observer.ended(endingOf(code, reason, true));
  }

  /** The runtime may report a close twice: first as 1001 when it drops a silent client. */
  closed(code: number, reason: string, wasClean: boolean): void {
    if (this.#isOpen) {
      this.#isOpen = false;
      this.#observer.ended(endingOf(code, reason, wasClean));
    }
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#count(0);
    this.#observer.released();
  }

  #goAway(): void {
    const code = this.#observer.goingAwayCode ?? GOING_AWAY_CODE;
    const ending = { by: "server", code, reason: GOING_AWAY_REASON, isDrain: true } as const;
    this.#end(ending, code, GOING_AWAY_REASON);
  }

  #end(ending: Ending, code: number | undefined, reason: string): void {
    if (!this.#isOpen) return;
    const fits = Buffer.byteLength(reason) <= MAX_REASON_BYTES;
    this.#socket.close(code, fits ? reason : "");
    this.#ended(ending);
  }

  #ended(ending: Ending): void {
    this.#isOpen = false;
    queueMicrotask(() => this.#observer.ended(ending));
  }
}

function checkEvery({ maxQueuedBytes }: OutputLimits): number {
  return Math.min(CHECK_EVERY_BYTES, maxQueuedBytes / 4);
}

/** How the client has departed. A page that is left and a proxy that is reloaded both send 1001. */
export function departureOf(ending: Ending): Departure {
  if ("isDrain" in ending) return "drained";
  if (!("isFarewell" in ending) || ending.isFarewell !== true) return "lost";
  return ending.code === GOING_AWAY_CODE ? "away" : "left";
}

/** Names the ending of a connection that the server did not end. */
function endingOf(code: number, reason: string, wasClean: boolean): Ending {
  // The connection broke off.
  if (code === 0) return { by: "network" };
  // A loss that the runtime detects has a code too; without a closing frame it means nothing.
  const isFarewell = wasClean && FAREWELLS.has(code);
  const ending = { by: "client", code, reason } as const;
  return isFarewell ? { ...ending, isFarewell } : ending;
}
