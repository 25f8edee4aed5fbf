import type { SignalError } from "../core/errors.ts";
import type { Frame, Link, PeerEvent, Session } from "../core/types.ts";
import type { UpgradeRoute } from "./dialect.ts";

/**
 * A connection at a path that several dialects share: whose it is shows in its first frame. Until
 * then, and when no other dialect recognises that frame, it is the one of the path's own dialect.
 */
export class FirstFrameSession implements Session {
  readonly link: Link;
  readonly #url: URL;
  #session: Session;
  /** The dialects that may still take over; empty once the first frame has come. */
  #others: readonly UpgradeRoute[];

  constructor(url: URL, link: Link, own: UpgradeRoute, others: readonly UpgradeRoute[]) {
    this.link = link;
    this.#url = url;
    this.#session = own.connect(url, link);
    this.#others = others;
  }

  get isIdentified(): boolean {
    return this.#session.isIdentified;
  }

  opened(): void | Promise<void> {
    return this.#session.opened();
  }

  receive(frame: Frame): void | Promise<void> {
    if (this.#others.length > 0) {
      const owner = this.#others.find(({ recognises }) => recognises?.(frame));
      this.#others = [];
      if (owner !== undefined) {
        this.#session.closed();
        this.#session = owner.connect(this.#url, this.link);
        const opening = this.#session.opened();
        if (opening !== undefined) return opening.then(() => this.#session.receive(frame));
      }
    }
    return this.#session.receive(frame);
  }

  deliver(event: PeerEvent): void {
    this.#session.deliver(event);
  }

  refuse(error: SignalError): void {
    this.#session.refuse(error);
  }

  closed(): void {
    this.#session.closed();
  }
}
