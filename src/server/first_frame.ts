import type { SignalError } from "../core/errors.ts";
import type { PeerEvent } from "../core/events.ts";
import type { Departure, Frame, Link, Session, Unsettled } from "../core/session.ts";
import type { Visit } from "../core/visit.ts";
import type { UpgradeRoute } from "../http/route.ts";

/** A dialect that is recognised at the path of another one. */
export interface Guest {
  /** The dialect's name. */
  readonly owner: string;
  readonly route: UpgradeRoute;
}

/**
 * A connection at a path that several dialects share; its first frame decides which of them gets it.
 * Until then, and if no other dialect recognises that frame, the path's own dialect has it.
 */
export class FirstFrameSession implements Session {
  readonly #visit: Visit;
  readonly #own: Session;
  readonly #guests: readonly Guest[];
  readonly #connection: Unsettled;

  constructor(visit: Visit, own: Session, guests: readonly Guest[], connection: Unsettled) {
    this.#visit = visit;
    this.#own = own;
    this.#guests = guests;
    this.#connection = connection;
  }

  get link(): Link {
    return this.#connection.link;
  }

  get isIdentified(): boolean {
    return this.#own.isIdentified;
  }

  opened(): void | Promise<void> {
    return this.#own.opened();
  }

  /** Called once: the dialect that recognises the frame gets it, and all that follow. */
  receive(frame: Frame): void | Promise<void> {
    const guest = this.#guests.find(({ route }) => route.recognises?.(frame));
    if (guest === undefined) {
      this.#connection.settle(this.#own);
      return this.#own.receive(frame);
    }
    const { owner: dialect, route } = guest;
    this.#own.closed("left");
    const session = route.connect(this.#visit, this.link);
    this.#connection.settle(session, { ...route, dialect });
    const opening = session.opened();
    return opening === undefined
      ? session.receive(frame)
      : opening.then(() => session.receive(frame));
  }

  deliver(event: PeerEvent): void {
    this.#own.deliver(event);
  }

  refuse(error: SignalError): void {
    this.#own.refuse(error);
  }

  closed(departure: Departure): void {
    this.#own.closed(departure);
  }
}
