import type { PeerEvent, PeerHandle, PeerId, PeerSummary, Receiver, RoomId } from "./types.ts";

/** What a session asks for when it wants an id. */
export interface Claim {
  /** The space of ids and rooms in which `id` has to be free. */
  readonly realm: string;
  readonly id: PeerId;
  readonly dialect: string;
  readonly receiver: Receiver;
  /** Who takes an id from a peer of the same dialect: who shows its proof, or whoever comes last. */
  readonly policy?: "proof" | "newest";
  /** A secret that shows that two claims come from one client. */
  readonly proof?: string;
  /** Peers of this dialect that the realm may hold; taking an id over is not subject to it. */
  readonly capacity?: number;
  /** The peer is in one pair or one room at a time, and cannot be paired while it is. */
  readonly isExclusive?: boolean;
}

/** A claimed id. It outlives a connection only where another one takes the id over. */
export class Peer implements PeerHandle {
  info: unknown = null;
  infoBytes = 0;
  /** Made when there is something to put in: most peers idle. */
  rooms: Set<Room> | undefined = undefined;
  paired: Set<Peer> | undefined = undefined;
  isReleased = false;

  /** @param claim the claim that holds now; replaced when another connection takes over */
  constructor(public claim: Claim) {}

  get receiver(): Receiver {
    return this.claim.receiver;
  }

  get id(): PeerId {
    return this.claim.id;
  }

  get dialect(): string {
    return this.claim.dialect;
  }

  get realm(): string {
    return this.claim.realm;
  }

  get isBusy(): boolean {
    return this.claim.isExclusive === true && (hasAny(this.rooms) || hasAny(this.paired));
  }

  summary(): PeerSummary {
    return { id: this.id, dialect: this.dialect, info: this.info };
  }
}

/** Peers of one realm who hear of each other. */
export interface Room {
  readonly id: RoomId;
  /** In joining order. */
  readonly members: Set<Peer>;
  /** What `info` of all members takes. */
  infoBytes: number;
}

/** Delivers one event; a fault in one peer's session is that peer's alone. */
export function tell(peer: Peer, event: PeerEvent): void {
  try {
    peer.receiver.deliver(event);
  } catch (error) {
    peer.receiver.link.fail(error);
  }
}

function hasAny(set: Set<unknown> | undefined): boolean {
  return set !== undefined && set.size > 0;
}
