import type { PeerHandle, PeerId, Returned } from "../../core/events.ts";
import type { Sent } from "../../core/hub.ts";
import type { Place } from "../kit/seat.ts";
import type { Party } from "./far_sessions.ts";
import type { SessionNews } from "./messages.ts";
import type { Sessions } from "./sessions.ts";
import { noPeer, unsent } from "./wire.ts";

/** The sessions of this dialect's clients with peers of other dialects that they have called. */
export class SessionsAbroad {
  readonly #place: Place;
  readonly #sessions: Sessions;

  constructor(place: Place, sessions: Sessions) {
    this.#place = place;
    this.#sessions = sessions;
  }

  /** Calls a peer; the client gets the session once that peer took the call. */
  start(
    party: Party,
    peer: PeerHandle,
    id: PeerId,
    offer: string | null,
  ): void | Promise<void> {
    const { hub } = this.#place;
    this.#sessions.demand({ id }, peer);
    const sessionId = crypto.randomUUID();
    const news: SessionNews = { type: "startSession", sessionId, offer };
    const settle = (outcome: Sent): void => this.#settle(party, peer, id, sessionId, outcome);
    if (hub.elsewhere === undefined) return settle(hub.send(peer, id, news));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    hub.elsewhere.call(peer, id, news, (outcome) => {
      try {
        resolve(settle(outcome));
      } catch (error) {
        reject(error);
      }
    });
    return promise;
  }

  /** A peer of another node did not take a message after all. */
  undelivered(party: Party, partner: PeerId, { payload, isUnavailable, refusal }: Returned): void {
    if (party.peer === undefined) return;
    const news = payload as SessionNews; // the session hands nothing else to the hub
    const session = this.#sessions.find(news.sessionId, party.peer.id);
    if (session === undefined) return;
    const reason = isUnavailable ? "unavailable" : refusal;
    if (news.type === "peer" && reason !== undefined && isError(reason)) {
      return party.refuse(unsent(reason));
    }
    if (news.type !== "startSession") return;
    this.#sessions.end(session);
    const error = unsent(reason ?? "unknown").message;
    party.tell({ type: "endSession", sessionId: session.id, error }, partner);
  }

  /** The outcome of a call is known, before anything that the other peer says. */
  #settle(party: Party, peer: PeerHandle, id: PeerId, sessionId: string, outcome: Sent): void {
    const { hub, realm } = this.#place;
    // The client may have left meanwhile.
    if (party.peer !== peer) return;
    const called = hub.find(realm, id)?.handle;
    const isAbsent = called === undefined && outcome !== "unavailable";
    if (outcome !== "sent") throw isAbsent ? noPeer(id) : unsent(outcome);
    if (called === undefined) throw noPeer(id);
    try {
      this.#sessions.start(called, peer, peer, { id: sessionId });
    } catch (error) {
      hub.send(peer, called, { type: "endSession", sessionId, error: null } satisfies SessionNews);
      throw error;
    }
    party.tell({ type: "sessionStarted", sessionId }, id);
  }
}

const ERRORS = ["untranslatable", "not_renegotiable", "unavailable"] as const;

/** Whether a message's client is sent this outcome; others follow from the session's end. */
export function isError(outcome: Sent): outcome is typeof ERRORS[number] {
  return ERRORS.some((error) => error === outcome);
}
