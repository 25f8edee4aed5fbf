import type { Link, TimedPermits } from "../../core/session.ts";
import type { Pass } from "../kit/pass.ts";
import type { JoinFrame } from "./messages.ts";

/** The token of one connection, and what it permits. */
export type ConnectionPass =
  & TimedPermits
  & Pick<Pass, "identity" | "info" | "present" | "renew" | "adopt">;

/** The identity of a stream's client and its last signal, which it sends when it comes back (§8). */
export interface StreamPosition {
  readonly p_id: string;
  readonly p_secret: string;
  readonly p_instance: number;
  readonly seq: number;
  /** Take-over counter: increases each time another client takes the instance. */
  readonly holder: number;
}

/** A link that is the answer to an HTTP request. */
export interface StreamEnd extends Link {
  /** From here on every event says where to go on. */
  begin(position: StreamPosition): void;
  /** The client need not come back. */
  end(): void;
  decline(response: Response): void;
  /** There is nothing for this client any more. */
  declineForGood(): void;
}

/** A connection's request to join. */
export interface JoinRequest extends JoinFrame {
  /** The client continues where its last connection broke off; no other has taken its place. */
  readonly isContinuation?: true;
  /** The client's last take-over count, if it reconnects by itself; see Instance. */
  readonly holder?: number;
  /** The join repeats the one with which the client began: the peer's newer fields count. */
  readonly isRepeated?: boolean;
}
