import type { Clock } from "../../core/clock.ts";
import type { Frame } from "../../core/types.ts";
import type { OutputBudget } from "../output_budget.ts";
import { type Ending, type LinkObserver, WebSocketLink } from "../websocket.ts";
import type { SocketIoLimits } from "./limits.ts";

/** Whose a socket is: the connection that it carries, or is to carry once it has been probed. */
export interface SocketOwner {
  readonly address: string;
  readonly budget: OutputBudget;
  readonly isGoingAway: boolean;
  socketOpened(socket: EngineSocket): void;
  socketReceived(socket: EngineSocket, frame: Frame): void;
  /** Either side has decided to end the socket. */
  socketEnded(socket: EngineSocket, ending: Ending): void;
  /** The socket is gone, and with it its descriptor. */
  socketReleased(socket: EngineSocket): void;
}

/** One websocket of an Engine.IO connection. */
export class EngineSocket implements LinkObserver {
  readonly link: WebSocketLink;
  readonly #owner: SocketOwner;

  constructor(
    socket: WebSocket,
    owner: SocketOwner,
    { limits, clock }: { readonly limits: SocketIoLimits; readonly clock: Clock },
  ) {
    this.#owner = owner;
    const identity = { id: "", address: owner.address };
    this.link = new WebSocketLink(socket, identity, limits, this, clock, owner.budget);
  }

  get isGoingAway(): boolean {
    return this.#owner.isGoingAway;
  }

  opened(): void {
    this.#owner.socketOpened(this);
  }

  received(frame: Frame): void {
    this.#owner.socketReceived(this, frame);
  }

  /** Rates are the namespaces' own. */
  takes(): boolean {
    return true;
  }

  ended(ending: Ending): void {
    this.#owner.socketEnded(this, ending);
  }

  released(): void {
    this.#owner.socketReleased(this);
  }

  /** Only who fails a link is told so, and nobody fails this one: sessions are behind namespaces. */
  failed(_error: unknown): void {}
}
