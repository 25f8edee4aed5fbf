import { SignalError } from "../../core/errors.ts";
import type { PeerHandle, PeerId } from "../../core/events.ts";
import type { OpenCall, OpenCalls } from "../../core/calls/open_calls.ts";

/** One stream from a producer to a consumer, or the negotiation of one. */
export interface MediaSession {
  readonly id: string;
  readonly producer: PeerHandle;
  readonly consumer: PeerHandle;
  /** The session in the list of calls. */
  readonly call: OpenCall;
  /** One of the two is on another node, which has a half of its own. */
  readonly isFar: boolean;
}

/** A session that differs from an ordinary one. */
export interface SessionKind {
  /** Its name, where it has one already. */
  readonly id?: string;
  /** It is half of a session with a peer of another node. */
  readonly isFar?: boolean;
  /** A peer of another node has started it. */
  readonly isElsewhere?: boolean;
}

type SessionParty = Pick<PeerHandle, "id">;

export interface SessionLimits {
  /** Maximum of all peers together. */
  readonly maxSessions: number;
  readonly maxSessionsPerProducer: number;
  readonly maxSessionsPerConsumer: number;
}

/** The sessions of all peers. A peer's sessions have to be ended before it is released. */
export class Sessions {
  readonly #limits: SessionLimits;
  readonly #calls: OpenCalls;
  readonly #dialect: string;
  readonly #byId = new Map<string, MediaSession>();
  readonly #ofProducer: SessionsByPeer = new Map();
  readonly #ofConsumer: SessionsByPeer = new Map();

  constructor(limits: SessionLimits, calls: OpenCalls, dialect: string) {
    this.#limits = limits;
    this.#calls = calls;
    this.#dialect = dialect;
  }

  get size(): number {
    return this.#byId.size;
  }

  /**
   * Starts a session; throws a SignalError if there are too many.
   * @param from the one of the two that calls
   */
  start(
    producer: PeerHandle,
    consumer: PeerHandle,
    from: PeerHandle,
    kind: SessionKind = {},
  ): MediaSession {
    this.demand(producer, consumer);
    return this.#add(producer, consumer, from, kind);
  }

  /** Throws a SignalError if there cannot be another session of the two. */
  demand(producer: SessionParty, consumer: SessionParty): void {
    const refusal = this.refusal(producer, consumer);
    if (refusal !== undefined) throw refusal;
  }

  /** The refusal of another session of the two; undefined if there may be one. */
  refusal(producer: SessionParty, consumer: SessionParty): SignalError | undefined {
    const full = this.#fullAt(producer, consumer);
    if (full === undefined) return undefined;
    const code = full === "server" ? "rooms_full" : "peer_busy";
    return new SignalError(code, `Cannot start a session: the ${full} has too many`);
  }

  /** The same for a peer that is being called; undefined if there are too many. */
  tryStart(
    producer: PeerHandle,
    consumer: PeerHandle,
    from: PeerHandle,
  ): MediaSession | undefined {
    const isFull = this.#fullAt(producer, consumer) !== undefined;
    return isFull ? undefined : this.#add(producer, consumer, from, {});
  }

  #fullAt(
    producer: SessionParty,
    consumer: SessionParty,
  ): "server" | "producer" | "consumer" | undefined {
    const { maxSessions, maxSessionsPerProducer, maxSessionsPerConsumer } = this.#limits;
    if (this.#byId.size >= maxSessions) return "server";
    const ofProducer = this.#ofProducer.get(producer.id)?.size ?? 0;
    if (ofProducer >= maxSessionsPerProducer) return "producer";
    const ofConsumer = this.#ofConsumer.get(consumer.id)?.size ?? 0;
    return ofConsumer >= maxSessionsPerConsumer ? "consumer" : undefined;
  }

  #add(
    producer: PeerHandle,
    consumer: PeerHandle,
    from: PeerHandle,
    { id = crypto.randomUUID(), isFar = false, isElsewhere = false }: SessionKind,
  ): MediaSession {
    const to = from.id === producer.id ? consumer : producer;
    const call = this.#calls.start({ dialect: this.#dialect, id, from, to, isElsewhere });
    const session = { id, producer, consumer, call, isFar };
    this.#byId.set(session.id, session);
    add(this.#ofProducer, producer.id, session);
    add(this.#ofConsumer, consumer.id, session);
    return session;
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
    if (this.#byId.delete(session.id)) this.#calls.end(session.call);
    remove(this.#ofProducer, session.producer.id, session);
    remove(this.#ofConsumer, session.consumer.id, session);
  }
}

/** The other side of a session. */
export function partnerIn(session: MediaSession, peer: PeerId): PeerHandle {
  return session.producer.id === peer ? session.consumer : session.producer;
}

/** Sessions by the id of a peer. */
type SessionsByPeer = Map<PeerId, Set<MediaSession>>;

function add(held: SessionsByPeer, peer: PeerId, session: MediaSession): void {
  const sessions = held.get(peer);
  if (sessions === undefined) held.set(peer, new Set([session]));
  else sessions.add(session);
}

function remove(held: SessionsByPeer, peer: PeerId, session: MediaSession): void {
  const sessions = held.get(peer);
  sessions?.delete(session);
  if (sessions?.size === 0) held.delete(peer);
}
