import type { Frame } from "../../core/session.ts";
import type { OutputBudget } from "../output_budget.ts";
import type { Socket } from "../transport.ts";
import { type Ending, type LinkObserver, WebSocketLink } from "../websocket.ts";
import type { SocketIoLimits } from "./limits.ts";

/** The Engine.IO connection that a socket carries, or will carry once it has been probed. */
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
    socket: Socket,
    owner: SocketOwner,
    limits: SocketIoLimits,
  ) {
    this.#owner = owner;
    const identity = { id: "", address: owner.address };
    socket.limit(limits.maxPayloadBytes);
    this.link = new WebSocketLink(socket, identity, limits, this, owner.budget);
  }

  get isGoingAway(): boolean {
    return this.#owner.isGoingAway;
  }

  opened(): void {
    this.#owner.socketOpened(this);
  }

  receive(frame: Frame): void {
    this.#owner.socketReceived(this, frame);
  }

  /** The link closes with 1009 by itself; Engine.IO has no words for it. */
  exceeded(): void {}

  /** Each namespace has rates of its own. */
  takes(): boolean {
    return true;
  }

  /** Never called: sessions refuse by the links of their namespaces. */
  refuse(): void {}

  ended(ending: Ending): void {
    this.#owner.socketEnded(this, ending);
  }

  released(): void {
    this.#owner.socketReleased(this);
  }

  /** Never called: only sessions call `fail`, and they have the links of their namespaces. */
  failed(_error: unknown): void {}
}
