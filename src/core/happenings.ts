import type { PeerId, RoomId } from "./events.ts";
import type { LeaveReason } from "./expulsion.ts";

/** A peer, as operators see it. */
export interface PeerFacts {
  readonly dialect: string;
  readonly id: PeerId;
  /** Named by its token; null for a peer that nobody vouches for. */
  readonly user: string | null;
  /** Null for a peer that has no connection. */
  readonly address: string | null;
  readonly connection: string | null;
}

/** A member's step into a room or out of it. */
export interface RoomStep {
  readonly dialect: string;
  readonly room: RoomId;
  readonly id: PeerId;
  readonly user: string | null;
  /** Members after the step. */
  readonly members: number;
}

/** A call between two peers. */
export interface CallFacts {
  readonly dialect: string;
  readonly call: string;
  readonly from: PeerId;
  readonly to: PeerId;
}

interface Lasted {
  readonly durationSeconds: number;
}

/** A refusal of something that a client did. */
export interface RefusalFacts {
  readonly dialect: string;
  readonly address: string;
  /** "none" for a request without a connection. */
  readonly connection: string;
  /** The dialect's own word if it has one, such as "no-such-pool". */
  readonly reason: string;
  /** For a join: the requested pool, cut to the length of a log line. */
  readonly pool?: string;
  /** Named by the client's token. */
  readonly user?: string;
}

/** An operator's action. */
export interface OperatorFacts {
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: readonly string[];
  readonly outcome: string;
  /** The operator's own words; absent if there are none. */
  readonly reason?: string;
}

/** The kinds of news, and the facts of each. */
export interface HappeningData {
  readonly "peer.joined": PeerFacts;
  readonly "peer.left": PeerFacts & { readonly reason: LeaveReason } & Lasted;
  readonly "room.started": Pick<RoomStep, "dialect" | "room">;
  readonly "room.ended": Pick<RoomStep, "dialect" | "room"> & Lasted;
  readonly "room.joined": RoomStep;
  readonly "room.left": RoomStep;
  readonly "call.started": CallFacts;
  readonly "call.ended": CallFacts & Lasted;
  readonly "server.started": { readonly version: string };
  readonly "server.draining": { readonly version: string };
  readonly "server.stopped": { readonly version: string };
  readonly refusal: RefusalFacts;
  readonly operator: OperatorFacts;
}

export type HappeningType = keyof HappeningData;

/** One piece of news for operators. */
export type Happening = {
  [Type in HappeningType]: { readonly type: Type; readonly data: HappeningData[Type] };
}[HappeningType];

/** The one place where news for operators goes through, in the order in which things happen. */
export class Happenings {
  /** The server's clock, by which durations are measured. */
  readonly now: () => number;
  readonly #onFault: (error: unknown) => void;
  #listeners: readonly ((happening: Happening) => void)[] = [];

  constructor(now: () => number = () => 0, onFault: (error: unknown) => void = () => {}) {
    this.now = now;
    this.#onFault = onFault;
  }

  /** False while nobody listens: then there is no need to make an event. */
  get isHeard(): boolean {
    return this.#listeners.length > 0;
  }

  /** Delivers to all listeners before it returns; never throws. */
  emit(happening: Happening): void {
    for (const listener of this.#listeners) {
      try {
        listener(happening);
      } catch (error) {
        this.#onFault(error);
      }
    }
  }

  /** Has `listener` called with all news from now on; it must neither wait nor call back. */
  listen(listener: (happening: Happening) => void): Disposable {
    this.#listeners = [...this.#listeners, listener];
    return {
      [Symbol.dispose]: () => {
        this.#listeners = this.#listeners.filter((one) => one !== listener);
      },
    };
  }

  /** Seconds since a moment of `now`, in whole milliseconds. */
  secondsSince(moment: number): number {
    return Math.round(this.now() - moment) / 1_000;
  }
}
