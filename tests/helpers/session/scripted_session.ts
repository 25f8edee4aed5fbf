import type { SignalError } from "../../../src/core/errors.ts";
import { type Expulsion, refusalOf } from "../../../src/core/expulsion.ts";
import type { PeerEvent, PeerId } from "../../../src/core/events.ts";
import type { Frame, Later, Link, Session, TimedPermits } from "../../../src/core/session.ts";

/** A test's versions of a session's entry points; by default they do nothing. */
export interface Script {
  readonly opened?: () => void | Promise<void>;
  readonly receive?: (frame: Frame) => void | Promise<void> | Later;
  readonly refuse?: (error: SignalError) => void;
  readonly dropped?: (frame: Frame) => void;
  readonly closed?: () => void;
}

/** A session of no protocol: keeps what it was called with, and acts as the test says. */
export class ScriptedSession implements Session {
  readonly link: Link;
  readonly received: Frame[] = [];
  readonly refused: SignalError[] = [];
  isIdentified = false;
  peerId: PeerId | undefined = undefined;
  permits: TimedPermits | undefined = undefined;
  timesClosed = 0;
  readonly #script: Script;

  constructor(link: Link, script: Script = {}) {
    this.link = link;
    this.#script = script;
  }

  opened(): void | Promise<void> {
    return this.#script.opened?.();
  }

  receive(frame: Frame): void | Promise<void> | Later {
    this.received.push(frame);
    return this.#script.receive?.(frame);
  }

  dropped(frame: Frame): void {
    this.#script.dropped?.(frame);
  }

  get links(): readonly Link[] {
    return [this.link];
  }

  expel(reason: Expulsion): void {
    this.refuse(refusalOf(reason));
  }

  deliver(_event: PeerEvent): void {}

  refuse(error: SignalError): void {
    this.refused.push(error);
    this.#script.refuse?.(error);
  }

  closed(): void {
    this.timesClosed++;
    this.#script.closed?.();
  }
}
