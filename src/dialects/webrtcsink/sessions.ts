import { SignalError } from "../../core/errors.ts";
import type { PeerHandle, PeerId } from "../../core/events.ts";

/** One stream from a producer to a consumer, or the negotiation of one. */
export interface MediaSession {
  readonly id: string;
  readonly producer: PeerHandle;
  readonly consumer: PeerHandle;
}

export interface SessionLimits {
  /** Maximum of all peers together. */
  readonly maxSessions: number;
  readonly maxSessionsPerProducer: number;
  readonly maxSessionsPerConsumer: number;
}

/** The sessions of all peers. A peer's sessions have to be ended before it is released. */
export class Sessions {
  readonly #limits: SessionLimits;
  readonly #byId = new Map<string, MediaSession>();
  readonly #ofProducer: Held = new Map();
  readonly #ofConsumer: Held = new Map();

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Starts a session; throws a SignalError if there are too many. */
  start(producer: PeerHandle, consumer: PeerHandle): MediaSession {
    const { maxSessions, maxSessionsPerProducer, maxSessionsPerConsumer } = this.#limits;
    if (this.#byId.size >= maxSessions) {
      throw new SignalError("rooms_full", "Cannot start a session: the server has too many");
    }
    if ((this.#ofProducer.get(producer.id)?.size ?? 0) >= maxSessionsPerProducer) {
      throw new SignalError("peer_busy", "Cannot start a session: the producer has too many");
    }
    if ((this.#ofConsumer.get(consumer.id)?.size ?? 0) >= maxSessionsPerConsumer) {
      throw new SignalError("peer_busy", "Cannot start a session: the consumer has too many");
    }
    const session = { id: crypto.randomUUID(), producer, consumer };
    this.#byId.set(session.id, session);
    add(this.#ofProducer, producer.id, session);
    add(this.#ofConsumer, consumer.id, session);
    return session;
  }

  /** The same for a peer that is being called: undefined where there are too many. */
  tryStart(producer: PeerHandle, consumer: PeerHandle): MediaSession | undefined {
    try {
      return this.start(producer, consumer);
    } catch (error) {
      if (error instanceof SignalError) return undefined;
      throw error;
    }
  }

  /** The session with this id, if the peer is in it; undefined for every other peer. */
  find(id: string, party: PeerId): MediaSession | undefined {
    const session = this.#byId.get(id);
    const isParty = session?.producer.id === party || session?.consumer.id === party;
    return isParty ? session : undefined;
  }

  /** The sessions in which a peer is the producer, oldest first. */
  ofProducer(peer: PeerId): readonly MediaSession[] {
    return [...this.#ofProducer.get(peer) ?? []];
  }

  /** The sessions in which a peer is the consumer, oldest first. */
  ofConsumer(peer: PeerId): readonly MediaSession[] {
    return [...this.#ofConsumer.get(peer) ?? []];
  }

  end(session: MediaSession): void {
    this.#byId.delete(session.id);
    remove(this.#ofProducer, session.producer.id, session);
    remove(this.#ofConsumer, session.consumer.id, session);
  }
}

/** The other side of a session. */
export function partnerIn(session: MediaSession, peer: PeerId): PeerHandle {
  return session.producer.id === peer ? session.consumer : session.producer;
}

/** Sessions by the id of a peer. */
type Held = Map<PeerId, Set<MediaSession>>;

function add(held: Held, peer: PeerId, session: MediaSession): void {
  const sessions = held.get(peer);
  if (sessions === undefined) held.set(peer, new Set([session]));
  else sessions.add(session);
}

function remove(held: Held, peer: PeerId, session: MediaSession): void {
  const sessions = held.get(peer);
  sessions?.delete(session);
  if (sessions?.size === 0) held.delete(peer);
}
