import type { Clock } from "../../core/clock.ts";
import { type ErrorCode, SignalError } from "../../core/errors.ts";
import type { PeerHandle, PeerId, Returned } from "../../core/events.ts";
import type { Sent } from "../../core/hub.ts";
import { isObject } from "../kit/json.ts";
import type { Place } from "../kit/seat.ts";
import type { PeerMessage, SessionNews, Status } from "./messages.ts";
import { type MediaSession, partnerIn, type Sessions } from "./sessions.ts";
import { unsent } from "./wire.ts";

// A session between peers of two nodes has a half on each, so that each node applies the limits of its
// own peers. The caller's node asks the other one, and tells its client once that has its half.

/** A message between the two halves. */
export type FarNews =
  /** @param role the receiver's in the session */
  | {
    readonly type: "open";
    readonly sessionId: string;
    readonly role: "producer" | "consumer";
    readonly offer: string | null;
  }
  | { readonly type: "opened"; readonly sessionId: string }
  | {
    readonly type: "refused";
    readonly sessionId: string;
    readonly code: ErrorCode;
    readonly message: string;
  }
  | { readonly type: "passed"; readonly sessionId: string; readonly message: PeerMessage }
  | { readonly type: "ended"; readonly sessionId: string; readonly error: string | null };

/** The peer of this node that a message is for. */
export interface Party {
  /** Undefined if it is gone, or not there yet. */
  readonly peer: PeerHandle | undefined;
  readonly status: Status;
  tell(news: SessionNews, from: PeerId): void;
  /** Sends a refusal that answers no request. */
  refuse(error: SignalError): void;
}

/** A session that the other node has not taken yet. */
interface PendingOpening {
  /** Tells the client, before anything that comes of the session. */
  readonly opened: () => void;
  readonly settle: (error?: SignalError) => void;
}

/** An answer can be lost only where the other node has too much to send. */
const ANSWER_MS = 30_000;
/** Time to the next try to send an end. */
const REPEAT_MS = 1_000;

/** The sessions of this node's peers with peers of other nodes. */
export class FarSessions {
  readonly #place: Place;
  readonly #clock: Clock;
  readonly #sessions: Sessions;
  readonly #pending = new Map<string, PendingOpening>();

  constructor(place: Place, clock: Clock, sessions: Sessions) {
    this.#place = place;
    this.#clock = clock;
    this.#sessions = sessions;
  }

  /** Asks the other node for its half of a session, and tells the client once it has that. */
  open(
    party: Party,
    peer: PeerHandle,
    session: MediaSession,
    offer: string | null,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sessionId = session.id;
    const late = this.#clock.after(ANSWER_MS, () => {
      this.#send(peer, partner, { type: "ended", sessionId, error: null });
      this.#giveUp(session, unsent("unavailable"));
    });
    const partner = partnerIn(session, peer.id);
    const role = session.producer.id === peer.id ? "consumer" : "producer";
    const own = role === "consumer" ? "producer" : "consumer";
    this.#pending.set(sessionId, {
      opened: () => party.tell(startOf(own, sessionId, offer), partner.id),
      settle: (error) => {
        this.#pending.delete(sessionId);
        late[Symbol.dispose]();
        error === undefined ? resolve() : reject(error);
      },
    });
    const outcome = this.#send(peer, partner, { type: "open", sessionId, role, offer });
    if (outcome !== "sent") this.#giveUp(session, unsent(outcome));
    return promise;
  }

  /** Passes a message to the other half. */
  pass(peer: PeerHandle, session: MediaSession, message: PeerMessage): void {
    const { sessionId } = message;
    this.#send(peer, partnerIn(session, peer.id), { type: "passed", sessionId, message });
  }

  /** This node's half has ended. */
  end(peer: PeerHandle, session: MediaSession, error: string | null): void {
    this.#pending.get(session.id)?.settle();
    this.#send(peer, partnerIn(session, peer.id), { type: "ended", sessionId: session.id, error });
  }

  /** Takes a message of another half. */
  take(party: Party, news: FarNews, from: PeerId): void {
    const { peer } = party;
    if (peer === undefined) return;
    if (news.type === "open") return this.#take(party, peer, news, from);
    const session = this.#sessions.find(news.sessionId, peer.id);
    // The session may have ended here while the message was under way, or long ago.
    if (session === undefined || partnerIn(session, peer.id).id !== from) {
      return news.type === "passed" ? this.#deny(peer, news.sessionId, from) : undefined;
    }
    const pending = this.#pending.get(session.id);
    switch (news.type) {
      case "opened":
        pending?.opened();
        return pending?.settle();
      case "refused":
        return void this.#giveUp(session, new SignalError(news.code, news.message));
      case "passed":
        return party.tell(news.message, from);
      case "ended":
        if (this.#giveUp(session, unsent("unknown"))) return;
        return party.tell({ type: "endSession", sessionId: session.id, error: news.error }, from);
      default:
        news satisfies never;
    }
  }

  /** A partner is gone, with its node or without. */
  gone(party: Party, partner: PeerId): void {
    const { peer } = party;
    if (peer === undefined) return;
    const held = [...this.#sessions.ofProducer(peer.id), ...this.#sessions.ofConsumer(peer.id)];
    for (const session of held) {
      if (partnerIn(session, peer.id).id !== partner) continue;
      if (this.#giveUp(session, unsent("unknown"))) continue;
      party.tell({ type: "endSession", sessionId: session.id, error: null }, partner);
    }
  }

  /** The other node did not take a message. */
  undelivered(party: Party, partner: PeerId, { payload, isUnavailable }: Returned): void {
    if (party.peer === undefined || !isFarNews(payload)) return;
    if (payload.type === "ended") {
      return isUnavailable ? this.#repeat(party, partner, payload) : undefined;
    }
    const session = this.#sessions.find(payload.sessionId, party.peer.id);
    if (session === undefined) return;
    const error = unsent(isUnavailable ? "unavailable" : "unknown");
    switch (payload.type) {
      case "open":
        return void this.#giveUp(session, error);
      case "opened":
        this.#sessions.end(session);
        return party.tell({ type: "endSession", sessionId: session.id, error: null }, partner);
      case "passed":
        // A partner that is gone ends the session.
        return isUnavailable ? party.refuse(error) : undefined;
      case "refused":
        return;
      default:
        payload satisfies never;
    }
  }

  /** There is no such session here: its other half has to end, if it still stands. */
  #deny(peer: PeerHandle, sessionId: string, from: PeerId): void {
    const to = this.#place.hub.find(this.#place.realm, from)?.handle;
    if (to !== undefined) this.#send(peer, to, { type: "ended", sessionId, error: null });
  }

  /** An end must not be lost, or the other half would stay as long as its peer. */
  #repeat(party: Party, partner: PeerId, news: FarNews): void {
    this.#clock.after(REPEAT_MS, () => {
      const to = this.#place.hub.find(this.#place.realm, partner)?.handle;
      if (party.peer !== undefined && to !== undefined) this.#send(party.peer, to, news);
    });
  }

  /** Another node asks for this one's half of a session. */
  #take(
    party: Party,
    peer: PeerHandle,
    news: Extract<FarNews, { type: "open" }>,
    from: PeerId,
  ): void {
    const { sessionId, role, offer } = news;
    const caller = this.#place.hub.find(this.#place.realm, from)?.handle;
    if (caller === undefined) return;
    const [producer, consumer] = role === "producer" ? [peer, caller] : [caller, peer];
    const refusal = party.status.roles.includes(role)
      ? this.#sessions.refusal(producer, consumer)
      : new SignalError("not_allowed", `Cannot start a session: the peer is no ${role} now`);
    if (refusal !== undefined) {
      const { code, message } = refusal;
      return void this.#send(peer, caller, { type: "refused", sessionId, code, message });
    }
    const kind = { id: sessionId, isFar: true, isElsewhere: true };
    this.#sessions.start(producer, consumer, caller, kind);
    this.#send(peer, caller, { type: "opened", sessionId });
    party.tell(startOf(role, sessionId, offer), from);
  }

  /** Ends a half. @returns false if the client knows the session already */
  #giveUp(session: MediaSession, error: SignalError): boolean {
    this.#sessions.end(session);
    const pending = this.#pending.get(session.id);
    pending?.settle(error);
    return pending !== undefined;
  }

  #send(peer: PeerHandle, to: PeerHandle, news: FarNews): Sent {
    const { hub, realm } = this.#place;
    // A peer that other nodes took for gone may not send any more.
    return hub.find(realm, peer.id)?.handle === peer ? hub.send(peer, to, news) : "unknown";
  }
}

/** The news of a new session for the peer that has this role in it. */
function startOf(
  role: "producer" | "consumer",
  sessionId: string,
  offer: string | null,
): SessionNews {
  return role === "producer"
    ? { type: "startSession", sessionId, offer }
    : { type: "sessionStarted", sessionId };
}

const TYPES: ReadonlySet<unknown> = new Set<FarNews["type"]>([
  "open",
  "opened",
  "refused",
  "passed",
  "ended",
]);

/** True for a message that another half has sent: sessions of this dialect send nothing like it. */
export function isFarNews(payload: unknown): payload is FarNews {
  return isObject(payload) && TYPES.has(payload["type"]);
}
