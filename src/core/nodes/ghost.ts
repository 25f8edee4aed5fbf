import { type Fence, type SharedPeer } from "./backplane.ts";
import type { Expulsion } from "../expulsion.ts";
import type { PeerEvent, PeerHandle, PeerId, PeerSummary, RoomId } from "../events.ts";
import type { Claim, PresentPeer, RoomRequest, SelfDescription } from "../peer.ts";
import type { Permits, Receiver } from "../session.ts";
import type { CallRole, Leg, Untaken } from "../calls/signal.ts";

/** A peer as the engine finds it. */
export type Addressee = Pick<SharedPeer, "id" | "fence" | "dialect"> & { readonly realm: string };

export type RelayEvent = Extract<PeerEvent, { type: "relay" }>;

/**
 * A peer of another node, in the place of a peer of this one: its rooms and pairs here see it like any
 * other. Messages for it leave this node.
 */
export class Ghost implements Receiver {
  /** It is open until its node reports that the peer is gone. */
  readonly link = { isOpen: true, fail: (): void => {} };
  readonly links = [];
  readonly isElsewhere = true;
  readonly node: string;
  readonly realm: string;
  readonly id: string;
  readonly fence: Fence;
  readonly dialect: string;
  /** Names of rooms of this node, and ids of peers of this node. */
  readonly rooms = new Set<string>();
  readonly pairs = new Set<string>();
  /** Ids of the peers of this node that it has called. */
  readonly called = new Set<PeerId>();
  readonly isExclusive: boolean;
  /** As of its last call to a peer of this node. */
  permits: Permits | undefined = undefined;
  readonly #hub: Pick<GhostHub, "pass" | "expel" | "leg">;
  #handle: PeerHandle | undefined;

  constructor(
    realm: string,
    { id, node, fence, dialect, isExclusive }: SharedPeer,
    hub: Pick<GhostHub, "pass" | "expel" | "leg">,
  ) {
    this.realm = realm;
    this.id = id;
    this.node = node;
    this.fence = fence;
    this.dialect = dialect;
    this.isExclusive = isExclusive;
    this.#hub = hub;
  }

  /** Its handle in this hub; throws before it was admitted. */
  get handle(): PeerHandle {
    if (this.#handle === undefined) {
      throw new RangeError("Cannot use a ghost before it is admitted");
    }
    return this.#handle;
  }

  deliver(event: PeerEvent): void {
    if (event.type === "relay") this.#hub.pass(this, event);
    else if (event.type === "admitted") this.#handle = event.peer;
  }

  expel(reason: Expulsion): void {
    this.#hub.expel(this, reason);
  }

  /** Stands for the leg on its client's node. */
  leg(other: PeerSummary, _role: CallRole, room: RoomId | undefined): Leg | Untaken {
    return this.#hub.leg(this, other.id, room);
  }
}

/** The hub in which ghosts stand, as on a single node. */
export interface GhostHub {
  readonly claim: (claim: Claim) => void;
  readonly join: (handle: PeerHandle, request: RoomRequest) => void;
  readonly describe: (handle: PeerHandle, to: SelfDescription, news?: unknown) => void;
  readonly release: (handle: PeerHandle, receiver: Receiver, news?: unknown) => void;
  readonly find: (realm: string, id: PeerId) => PresentPeer | undefined;
  /** Shows or hides a peer that can be called outside of rooms, or no longer. */
  readonly showGuest: (handle: PeerHandle, isCallable: boolean, partner?: PeerId) => void;
  /** Sends a message for a ghost on to its node. */
  readonly pass: (ghost: Addressee, message: RelayEvent) => void;
  /** The end of a call whose client is on the ghost's node, or why there is none. */
  readonly leg: (ghost: Ghost, other: PeerId, room: RoomId | undefined) => Leg | Untaken;
  /** Has its node end the stay of a ghost's client. */
  readonly expel: (ghost: Ghost, reason: Expulsion) => void;
}
