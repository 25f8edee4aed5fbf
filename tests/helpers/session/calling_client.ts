import type { PeerEvent, PeerHandle } from "../../../src/core/events.ts";
import type { Receiver } from "../../../src/core/session.ts";
import { FakeLink } from "./fake_link.ts";

/** A client without a protocol, for calls by legs of a test's own. */
export class CallingClient implements Receiver {
  readonly link = new FakeLink();
  readonly id: string;
  readonly #onReturned: (event: PeerEvent & { readonly type: "undelivered" }) => void;
  #peer: PeerHandle | undefined;

  /** @param onReturned called with each message that was not delivered */
  constructor(
    id: string,
    onReturned: (event: PeerEvent & { readonly type: "undelivered" }) => void,
  ) {
    this.id = id;
    this.#onReturned = onReturned;
  }

  get links(): readonly FakeLink[] {
    return [this.link];
  }

  get peer(): PeerHandle {
    if (this.#peer === undefined) throw new Error(`Cannot use ${this.id}: it was not admitted`);
    return this.#peer;
  }

  expel(): void {}

  deliver(event: PeerEvent): void {
    if (event.type === "admitted") this.#peer = event.peer;
    else if (event.type === "undelivered") this.#onReturned(event);
  }
}
