import type { Identity } from "../../auth/authenticator.ts";
import { InputAllowance, type InputRates } from "../../core/allowance.ts";
import type { PeerId, PeerSummary, RoomId } from "../../core/events.ts";
import type { LeaveReason } from "../../core/expulsion.ts";
import type { Departure, Link, Permits } from "../../core/session.ts";
import type { ProfileChange, TokenInfo } from "./description.ts";
import type { Speaker } from "./kept_signals.ts";
import { encodeSignal, type SentSignal, type SignalFrame } from "./messages.ts";
import type { Settled } from "./settled.ts";
import { type KeptTotal, type Resumption, SignalLog, type SignalLogLimits } from "./signal_log.ts";

/** The answer to a join. */
export interface Welcome extends Resumption {
  /** The other peers of the room, oldest first. */
  readonly others: readonly PeerSummary[];
}

/** The session that carries an instance's frames to its client. */
export interface InstanceSession {
  readonly link: Link;
  /** Undefined if the client needed no token. */
  readonly permits: Permits | undefined;
  /** The token's facts about the client. */
  readonly info: TokenInfo;
  /** A signal of this connection has its receipt. */
  settled(settled: Settled): void;
  /** Takes a fresh token of the same user. */
  refresh(token: string): Promise<void>;
  /** The same with a token that another node has judged. */
  renew(identity: Identity): Promise<void>;
  /** The client speaks for this instance from now on. */
  welcome(instance: Instance, welcome: Welcome): void;
  /** Another connection has taken the instance back. */
  replaced(): void;
  /** An operator has removed the instance. */
  kicked(reason: LeaveReason): void;
  /** The client has left by another way, such as a POST. */
  left(): void;
  /** Its peer is gone with what this node held: the client joins anew. */
  lost(): void;
  /** The client does not get the instance, and need not come back. */
  over(): void;
}

/** The shared parts that an instance is made with. */
export interface InstanceContext {
  readonly limits: SignalLogLimits & InputRates;
  readonly total: KeptTotal;
}

/** The reason for which an instance is gone. */
export type Reason = "left" | "lost" | "kicked";

/** The peer that an instance belongs to, as its connection sees it. */
export interface InstanceOwner {
  readonly id: PeerId;
  readonly room: RoomId;
  /** Changes the peer's description. */
  publish(instance: Instance, change: ProfileChange): void | Promise<void>;
  /** Takes over the facts of an instance's token. */
  inform(info: TokenInfo): void;
  /**
   * Sends a signal. Its receipt comes as an event for whatever `via` names: for a frame with a `ref`,
   * a posted one, and for one that nobody takes.
   */
  signal(from: Instance, frame: SignalFrame, via: string): void;
  /** The connection is gone: hold the instance for a while. */
  lose(instance: Instance): void;
  /**
   * The instance is gone.
   * @param leaves the reason for operators, if it is not the same
   */
  remove(instance: Instance, reason: Reason, leaves?: LeaveReason): void;
}

/** One signalling connection of a peer, which outlives its socket for a while (§6). */
export class Instance {
  readonly peer: InstanceOwner;
  readonly number: number;
  readonly secret: string;
  readonly log: SignalLog<SentSignal>;
  /** Undefined while the instance is held without a connection. */
  carrier: InstanceSession | undefined;
  /** How its last connection ended, and until when its client may come back. */
  departure: Departure = "lost";
  heldUntilMs = 0;
  /** Counts the take-overs by other clients; a stream that reconnects names the count it knows. */
  holder = 0;
  /** True if its client had an event stream, and may reconnect by itself. */
  hadStream = false;
  readonly speaker: Speaker = { isGone: false };
  /** The times of take-backs that still count. */
  takeBacks: readonly number[] = [];
  readonly #limits: InstanceContext["limits"];
  /** The rates of posted frames without a connection; made with the first one. */
  #posts: InputAllowance | undefined;

  constructor(
    peer: InstanceOwner,
    number: number,
    secret: string,
    carrier: InstanceSession | undefined,
    { limits, total }: InstanceContext,
  ) {
    this.peer = peer;
    this.number = number;
    this.secret = secret;
    this.carrier = carrier;
    this.log = new SignalLog(limits, total, encodeSignal);
    this.#limits = limits;
  }

  /** False also for a connection that is closing. */
  get isConnected(): boolean {
    return this.carrier !== undefined && this.carrier.link.isOpen;
  }

  /** Takes a posted frame; false over the rates, which are the same for all transports (§7). */
  takesPost(size: number, nowMs: number): boolean {
    const ofConnection = this.isConnected ? this.carrier?.link.takes?.(size) : undefined;
    if (ofConnection !== undefined) return ofConnection;
    this.#posts ??= new InputAllowance(this.#limits, nowMs);
    return this.#posts.take(size, nowMs);
  }

  /** It is gone, and has no client any more. */
  end(): void {
    this.carrier = undefined;
    this.speaker.isGone = true;
    this.log.clear();
  }

  /** Sends a signal, or queues it. */
  take(from: Readonly<Speaker>, signal: SentSignal): void {
    if (!this.isConnected) this.log.startQueueing();
    const frame = this.log.append(from, signal);
    if (!this.log.isQueueing) this.carrier?.link.send(frame);
  }
}
