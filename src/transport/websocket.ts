import { Buffer } from "node:buffer";
import type { Clock } from "../core/clock.ts";
import type { OutputLimits } from "../core/limits.ts";
import type { Frame, Link } from "../core/types.ts";
import type { OutputBudget } from "./output_budget.ts";

/** How a connection came to its end, for logs and metrics. */
export type Ending =
  | {
    readonly by: "client" | "server";
    readonly code: number;
    readonly reason: string;
    /** The client said goodbye, rather than being cut off or failing. */
    readonly isFarewell?: true;
  }
  | { readonly by: "network" | "slow reader" | "fault" };

/** What the owner of a link is told; never from inside `send` or `close`. */
export interface LinkObserver {
  /** Every connection is being closed as going away, whatever else would end one of them. */
  readonly isGoingAway: boolean;
  /** The code that says so, where it is not 1001. */
  readonly goingAwayCode?: number | undefined;
  opened(): void;
  received(frame: Frame): void;
  /** Whether a frame that came by another way is within the rates of this connection. */
  takes(size: number): boolean;
  /** Either side has decided to end the connection. Called exactly once. */
  ended(ending: Ending): void;
  /** The socket is gone, and with it its descriptor. Called once, perhaps long after `ended`. */
  released(): void;
  failed(error: unknown): void;
}

const GOING_AWAY_CODE = 1001;
const GOING_AWAY_REASON = "going away";

/**
 * Answers a checked handshake. The runtime pings after half of `maxSilenceMs` without a byte from
 * the client and drops it after the whole; undefined when it finds fault with the request.
 * @param protocol one of those that the client offers, to be selected
 */
export function upgrade(
  request: Request,
  maxSilenceMs: number,
  protocol?: string,
): { readonly socket: WebSocket; readonly response: Response } | undefined {
  try {
    const idleTimeout = Math.ceil(maxSilenceMs / 1000);
    if (protocol === undefined) return Deno.upgradeWebSocket(request, { idleTimeout });
    // The runtime finds it in the offer only where a blank follows each comma.
    const headers = new Headers(request.headers);
    headers.set("sec-websocket-protocol", protocol);
    Object.defineProperty(request, "headers", { value: headers });
    return Deno.upgradeWebSocket(request, { idleTimeout, protocol });
  } catch {
    return undefined;
  }
}

/** Codes of a client that is done (1000), goes elsewhere (1001) or gives no code (1005). */
const FAREWELLS: ReadonlySet<number> = new Set([1000, 1001, 1005]);
/** Bytes sent after which the output queue is looked at. */
const CHECK_EVERY_BYTES = 64 * 1024;
/** A longer close reason makes `close` throw (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/** A Deno socket as a Link. There is no other use of the socket than here. */
export class WebSocketLink implements Link, EventListenerObject {
  readonly id: string;
  readonly address: string;
  readonly #socket: WebSocket;
  readonly #observer: LinkObserver;
  readonly #clock: Pick<Clock, "soon">;
  readonly #budget: OutputBudget;
  #limits: OutputLimits;
  #checkEvery: number;
  #isOpen = true;
  #isReleased = false;
  #closing: Disposable | undefined = undefined;
  #sentUnchecked = 0;
  #sentTotal = 0;
  #newestSize = 0;
  #backlog = 0;
  /** Something waited when last looked at for a stall. */
  #isWaiting = false;
  #acceptedTotal = 0;
  #acceptedAt = 0;

  constructor(
    socket: WebSocket,
    identity: { readonly id: string; readonly address: string },
    limits: OutputLimits,
    observer: LinkObserver,
    clock: Pick<Clock, "soon">,
    budget: OutputBudget,
  ) {
    this.id = identity.id;
    this.address = identity.address;
    this.#socket = socket;
    this.#limits = limits;
    this.#observer = observer;
    this.#clock = clock;
    this.#budget = budget;
    this.#checkEvery = checkEvery(limits);
    this.#bind();
  }

  /** Keeps to other limits from now on. */
  adopt(limits: OutputLimits): void {
    this.#limits = limits;
    this.#checkEvery = checkEvery(limits);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Bytes that waited for the client when last looked at. */
  get backlog(): number {
    return this.#backlog;
  }

  send(frame: Frame): void {
    if (!this.#isOpen || this.#socket.readyState !== WebSocket.OPEN) return;
    const size = this.#backlog > 0 && typeof frame === "string"
      ? Buffer.byteLength(frame)
      : frame.length;
    // Before it is handed to the socket, which would keep it.
    if (!this.#budget.hasRoom(size) && !this.#isSpared(size)) return this.giveUp();
    this.#socket.send(frame);
    this.#newestSize = size;
    this.#sentTotal += size;
    this.#sentUnchecked += size;
    if (this.#sentUnchecked >= this.#checkEvery) this.#checkQueue();
  }

  takes(size: number): boolean {
    return this.#observer.takes(size);
  }

  close(code?: number, reason = ""): void {
    if (this.#observer.isGoingAway) this.#goAway();
    else this.#end({ by: "server", code: code ?? 1005, reason }, code, reason);
  }

  fail(error: unknown): void {
    this.#observer.failed(error);
    this.#end({ by: "fault" }, 1011, "internal error");
  }

  /** Gives the client up when it fills its queue; a look costs little, but not nothing. */
  #checkQueue(): void {
    this.#count(this.#socket.bufferedAmount);
    // What counts is what waits behind the newest frame, however large that is.
    if (this.#backlog - this.#newestSize > this.#limits.maxQueuedBytes) this.giveUp();
  }

  /** What waits, as it is now. */
  #count(backlog: number): void {
    this.#sentUnchecked = 0;
    if (backlog !== this.#backlog) this.#budget.charge(backlog - this.#backlog);
    this.#backlog = backlog;
  }

  /** Too much waits for others: may this one be sent so much more? */
  #isSpared(size: number): boolean {
    this.#count(this.#socket.bufferedAmount);
    return this.#budget.hasRoom(size) || this.#budget.spares(this.#backlog + size);
  }

  /** Gives the client up when it has accepted nothing for too long. Call about once a second. */
  checkStall(nowMs: number): void {
    if (!this.#isOpen) {
      // A client that was given up may yet take what waits for it; until then it counts.
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
    const accepted = this.#sentTotal - this.#backlog;
    if (!wasWaiting || accepted > this.#acceptedTotal) {
      this.#acceptedTotal = accepted;
      this.#acceptedAt = nowMs;
    } else if (this.#backlog > 0 && nowMs - this.#acceptedAt >= this.#limits.stallTimeoutMs) {
      this.giveUp();
    }
  }

  /** Ends the connection of a client that does not read. */
  giveUp(): void {
    this.#end({ by: "slow reader" }, 1008, "not reading");
  }

  /** The link itself is the listener: handlers of their own would cost 1.7 kB per connection. */
  #bind(): void {
    this.#socket.binaryType = "arraybuffer";
    for (const type of ["message", "open", "close"]) this.#socket.addEventListener(type, this);
  }

  /** What the socket reports; an error is always followed by a close. */
  handleEvent(event: Event): void {
    if (event instanceof MessageEvent) {
      if (!this.#isOpen) return;
      const { data } = event;
      this.#observer.received(typeof data === "string" ? data : new Uint8Array(data));
    } else if (event instanceof CloseEvent) {
      this.#released(event.code, event.reason, event.wasClean);
    } else if (this.#isOpen) {
      this.#observer.opened();
    } else {
      this.#closeSocket(this.#goingAwayCode, GOING_AWAY_REASON);
    }
  }

  get #goingAwayCode(): number {
    return this.#observer.goingAwayCode ?? GOING_AWAY_CODE;
  }

  #goAway(): void {
    const code = this.#goingAwayCode;
    this.#end({ by: "server", code, reason: GOING_AWAY_REASON }, code, GOING_AWAY_REASON);
  }

  #end(ending: Ending, code: number | undefined, reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#closeSocket(code, reason);
    queueMicrotask(() => this.#observer.ended(ending));
  }

  /** Asks for the end; towards a client that does not read it never comes. */
  #closeSocket(code: number | undefined, reason: string): void {
    const fits = Buffer.byteLength(reason) <= MAX_REASON_BYTES;
    // In a task of its own: closed while it delivers a message, a socket whose next frame is there
    // already is cut by the runtime before the closing frame is written.
    this.#closing = this.#clock.soon(() => {
      // A socket that is still opening is closed when it opens.
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      if (code === undefined) this.#socket.close();
      else this.#socket.close(code, fits ? reason : "");
    });
  }

  /** The runtime may report a close twice: first as 1001 when it drops a silent client. */
  #released(code: number, reason: string, wasClean: boolean): void {
    if (this.#isOpen) {
      this.#isOpen = false;
      this.#observer.ended(endingOf(code, reason, wasClean));
    }
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#closing?.[Symbol.dispose]();
    this.#count(0);
    this.#observer.released();
  }
}

function checkEvery({ maxQueuedBytes }: OutputLimits): number {
  return Math.min(CHECK_EVERY_BYTES, maxQueuedBytes / 4);
}

/** How a connection ended that our side did not end. */
function endingOf(code: number, reason: string, wasClean: boolean): Ending {
  // Code 0 is what the runtime makes of a connection that broke off.
  if (code === 0) return { by: "network" };
  // A loss that the runtime found has a code too: without a closing frame it means nothing.
  const isFarewell = wasClean && FAREWELLS.has(code);
  const ending = { by: "client", code, reason } as const;
  return isFarewell ? { ...ending, isFarewell } : ending;
}
