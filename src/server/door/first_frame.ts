import type { ErrorCode, SignalError } from "../../core/errors.ts";
import type { Expulsion, LeaveReason } from "../../core/expulsion.ts";
import type { PeerEvent, PeerId } from "../../core/events.ts";
import type {
  Departure,
  Frame,
  Later,
  Link,
  Session,
  TimedPermits,
  Unsettled,
} from "../../core/session.ts";
import type { Visit } from "../../core/visit.ts";
import type { UpgradeRoute } from "../../http/route.ts";

/** A dialect that is recognised at the path of another one. */
export interface GuestDialect {
  /** The dialect's name. */
  readonly owner: string;
  readonly route: UpgradeRoute;
}

export interface FirstFrameOptions {
  readonly visit: Visit;
  /** The session of the path's own dialect. */
  readonly own: Session;
  readonly guests: readonly GuestDialect[];
  readonly connection: Unsettled;
  /** The client has not spoken for two seconds; it may wait for a protocol of another path. */
  readonly onSilent: () => void;
}

const SILENCE_MS = 2_000;

/**
 * A connection at a path that several dialects share; its first frame decides which of them gets it.
 * Until then, and if no other dialect recognises that frame, the path's own dialect has it.
 */
export class FirstFrameSession implements Session {
  readonly #options: FirstFrameOptions;
  readonly #own: Session;
  readonly #connection: Unsettled;
  #isNoted = false;

  constructor(options: FirstFrameOptions) {
    this.#options = options;
    this.#own = options.own;
    this.#connection = options.connection;
  }

  get link(): Link {
    return this.#connection.link;
  }

  get links(): readonly Link[] {
    return [this.link];
  }

  get isIdentified(): boolean {
    return this.#own.isIdentified;
  }

  /** A client that the path's own dialect admits at the opening has them before its first frame. */
  get permits(): TimedPermits | undefined {
    return this.#own.permits;
  }

  get peerId(): PeerId | undefined {
    return this.#own.peerId;
  }

  get leaveReason(): LeaveReason | undefined {
    return this.#own.leaveReason;
  }

  opened(): void | Promise<void> {
    return this.#own.opened();
  }

  /** A timer for each connection would take a tenth of the time in which one is set up. */
  waits(ms: number): void {
    if (this.#isNoted || ms < SILENCE_MS) return;
    this.#isNoted = true;
    this.#options.onSilent();
  }

  /** Called once: the dialect that recognises the frame gets it, and all that follow. */
  receive(frame: Frame): void | Promise<void> | Later {
    const { guests, visit } = this.#options;
    const guest = guests.find(({ route }) => route.recognises?.(frame));
    if (guest === undefined) {
      this.#connection.settle(this.#own);
      return this.#own.receive(frame);
    }
    const { owner: dialect, route } = guest;
    this.#own.closed("left");
    const session = route.connect(visit, this.link);
    this.#connection.settle(session, { ...route, dialect });
    const opening = session.opened();
    return opening === undefined
      ? session.receive(frame)
      : opening.then(() => session.receive(frame)).then((later) => later?.outcome);
  }

  deliver(event: PeerEvent): void {
    this.#own.deliver(event);
  }

  expel(reason: Expulsion): void {
    this.#own.expel(reason);
  }

  refuse(error: SignalError): void {
    this.#own.refuse(error);
  }

  wordFor(code: ErrorCode): string | undefined {
    return this.#own.wordFor?.(code);
  }

  closed(departure: Departure): void {
    this.#own.closed(departure);
  }
}
