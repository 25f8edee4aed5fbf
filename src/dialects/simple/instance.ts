import { InputAllowance, type InputRates } from "../../core/allowance.ts";
import type { PeerId, PeerSummary, RoomId } from "../../core/events.ts";
import type { Departure, Link } from "../../core/session.ts";
import type { Change } from "./description.ts";
import type { Speaker } from "./kept_signals.ts";
import { encodeSignal, type Receipt, type Signal, type SignalFrame } from "./messages.ts";
import { type KeptTotal, type Recovery, SignalLog, type SignalLogLimits } from "./signal_log.ts";

/** What a client is told when it has joined. */
export interface Welcome extends Recovery {
  /** The other peers of the room, oldest first. */
  readonly others: readonly PeerSummary[];
}

/** What carries an instance's frames to its client: a session. */
export interface Carrier {
  readonly link: Link;
  /** The client is this instance from now on. */
  welcome(instance: Instance, welcome: Welcome): void;
  /** Another connection has taken the instance back. */
  replaced(): void;
  /** An operator has removed the instance. */
  kicked(): void;
  /** The client has left by another way than this connection. */
  left(): void;
}

/** What an instance is made with, beside what is its own. */
export interface InstanceContext {
  readonly limits: SignalLogLimits & InputRates;
  readonly total: KeptTotal;
}

/** Why an instance is gone. */
export type Reason = "left" | "lost" | "kicked";

/** The peer that an instance belongs to, as its connection sees it. */
export interface InstanceOwner {
  readonly id: PeerId;
  readonly room: RoomId;
  /** Changes what the peer says of itself. */
  publish(instance: Instance, change: Change): void | Promise<void>;
  /** Hands a signal on. */
  signal(from: Instance, frame: SignalFrame): Receipt;
  /** The connection is gone: hold the instance for a while. */
  lose(instance: Instance): void;
  /** The instance is gone. */
  remove(instance: Instance, reason: Reason): void;
}

/** One signalling connection of a peer, which outlives its socket for a while (§6). */
export class Instance {
  readonly peer: InstanceOwner;
  readonly number: number;
  readonly secret: string;
  readonly log: SignalLog<Signal>;
  /** Undefined while the instance is held without a connection. */
  carrier: Carrier | undefined;
  /** How its last connection ended, and until when its client may come back. */
  departure: Departure = "lost";
  heldUntilMs = 0;
  /** How often it has gone from one client to another: a stream that comes back names its own. */
  holder = 0;
  /** Its client had an event stream, and may come back by itself. */
  hadStream = false;
  readonly speaker: Speaker = { isGone: false };
  /** When it was taken back, as far as that still counts. */
  takeBacks: readonly number[] = [];
  readonly #limits: InstanceContext["limits"];
  /** Made with the first frame that comes by HTTP while there is no connection whose rates hold. */
  #posts: InputAllowance | undefined;

  constructor(
    peer: InstanceOwner,
    number: number,
    secret: string,
    carrier: Carrier | undefined,
    { limits, total }: InstanceContext,
  ) {
    this.peer = peer;
    this.number = number;
    this.secret = secret;
    this.carrier = carrier;
    this.log = new SignalLog(limits, total, encodeSignal);
    this.#limits = limits;
  }

  /** False too for a connection whose end is decided, but not yet told. */
  get isConnected(): boolean {
    return this.carrier !== undefined && this.carrier.link.isOpen;
  }

  /** Whether a frame by HTTP is within the rates, which are one for all ways (§7). */
  takesPost(size: number, nowMs: number): boolean {
    const ofConnection = this.isConnected ? this.carrier?.link.takes?.(size) : undefined;
    if (ofConnection !== undefined) return ofConnection;
    this.#posts ??= new InputAllowance(this.#limits, nowMs);
    return this.#posts.take(size, nowMs);
  }

  /** Sends a signal, or lets it wait. */
  take(from: Readonly<Speaker>, signal: Signal): void {
    if (!this.isConnected) this.log.startQueueing();
    const frame = this.log.append(from, signal);
    if (!this.log.isQueueing) this.carrier?.link.send(frame);
  }
}
