import type { Clock } from "../../core/clock.ts";
import type { ListenOptions } from "../transport.ts";
import type { TransportLimits } from "./limits.ts";
import { BufferPool, Flusher } from "./pool.ts";
import { Unfinished } from "./unfinished.ts";
import { Framer } from "./ws/framer.ts";

/** A TCP or TLS connection of the runtime. */
export type Conn = Deno.TcpConn | Deno.TlsConn;

/** A connection in whatever state, as its listener sees it. */
export interface HostMember {
  /** Does what is due. @param isLate this process was suspended: nobody was silent meanwhile */
  check(nowMs: number, isLate: boolean): void;
  /** Ends at once, or after the response that is under way. */
  retire(): void;
  /** Ends soon: a request that has no answer yet gets a refusal. */
  giveUp(): void;
}

/** Shared by all connections of a transport. */
export class Shared {
  readonly limits: TransportLimits;
  readonly clock: Clock;
  readonly httpDate: () => string;
  readonly pool = new BufferPool();
  readonly flusher = new Flusher();
  readonly framer = new Framer();
  readonly unfinished: Unfinished;

  constructor(limits: TransportLimits, clock: Clock, httpDate: () => string) {
    this.limits = limits;
    this.clock = clock;
    this.httpDate = httpDate;
    this.unfinished = new Unfinished(limits.maxUnfinishedBytes);
  }
}

/** The part of a listener that its connections know. */
export interface Host {
  readonly shared: Shared;
  /** A connection is served from now on, in whatever state. */
  enter(member: HostMember): void;
  /** It is gone, or is another member now. */
  leave(member: HostMember): void;
  readonly handle: ListenOptions["handle"];
  readonly onRefused: ListenOptions["onRefused"];
  /** No further request is served on any connection. */
  readonly isStopping: boolean;
}
