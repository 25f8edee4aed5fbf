import type { Clock } from "../../core/clock.ts";
import type { Frame } from "../../core/session.ts";
import type { EngineSocket } from "./engine_socket.ts";
import type { SocketIoLimits } from "./limits.ts";

const PROBE = "2probe";
const PROBED = "3probe";
const SWITCH = "5";
/** How often polls are ended that keep a client from switching. */
const RELEASE_EVERY_MS = 100;

/** A WebSocket that replaces polling: on trial until the client confirms it. */
export class Upgrade implements Disposable {
  readonly socket: EngineSocket;
  readonly #clock: Clock;
  readonly #endsAt: number;
  readonly #endPoll: () => void;
  #release: Disposable | undefined = undefined;

  /** @param endPoll ends the client's poll, if there is one: it waits for that before it switches */
  constructor(
    socket: EngineSocket,
    { limits, clock }: { readonly limits: SocketIoLimits; readonly clock: Clock },
    endPoll: () => void,
  ) {
    this.socket = socket;
    this.#clock = clock;
    this.#endsAt = clock.now() + limits.upgradeTimeoutMs;
    this.#endPoll = endPoll;
  }

  /** True when the client has switched. What is no part of an upgrade ends the trial. */
  receive(frame: Frame): boolean {
    if (frame === PROBE && this.#release === undefined) {
      this.socket.link.send(PROBED);
      this.#endPoll();
      this.#release = this.#clock.every(RELEASE_EVERY_MS, this.#endPoll);
    } else if (frame === SWITCH && this.#release !== undefined) {
      return true;
    } else {
      this.socket.link.close();
    }
    return false;
  }

  /** Ends a trial that takes too long: polling goes on. */
  check(nowMs: number): void {
    if (nowMs >= this.#endsAt) this.socket.link.close();
  }

  [Symbol.dispose](): void {
    this.#release?.[Symbol.dispose]();
  }
}
