import type { PeerSummary } from "../../core/events.ts";
import type {
  CallRole,
  Candidate,
  Crossing,
  End,
  Leg,
  Lifted,
  Signal,
  Untaken,
} from "../../core/calls/signal.ts";
import { type Called, mayCallAs } from "../kit/callers.ts";
import type { Party } from "./far_sessions.ts";
import { isCallable, type SessionNews } from "./messages.ts";
import type { Sessions } from "./sessions.ts";

/** The connection of the client that a leg speaks for. */
export interface PeerLine {
  /** Sends news of the session with the other peer. */
  write(news: SessionNews): void;
  /** Starts a session in which the client has this role; undefined if there are too many. */
  start(role: "producer" | "consumer"): string | undefined;
  /** Forgets a session. */
  forget(sessionId: string): void;
}

/** Candidates for a producer that has not answered yet. */
const MAX_EARLY = 128;

/** A client's end of a call with a peer of another dialect: one session. */
export class WebRtcSinkLeg implements Leg {
  /** A producing page does not read the offer in `startSession`, and makes its own. */
  readonly crossing: Crossing = "ignores";
  readonly showsPresence = true;
  readonly refusesAsks: boolean;
  readonly #line: PeerLine;
  readonly #role: "producer" | "consumer";
  #sessionId: string | undefined = undefined;
  /** Candidates that wait for a producer's answer; undefined if none have to. */
  #early: Candidate[] | undefined = undefined;

  /** @param role the client's in this call */
  constructor(line: PeerLine, role: "producer" | "consumer") {
    this.#line = line;
    this.#role = role;
    this.refusesAsks = role === "consumer";
  }

  lift(payload: unknown): readonly Lifted[] | End | Untaken {
    const news = payload as SessionNews; // the session hands nothing else to the hub
    switch (news.type) {
      case "startSession":
        this.#sessionId = news.sessionId;
        return [news.offer === null ? { kind: "ask" } : { kind: "offer", sdp: news.offer }];
      case "peer":
        if (news.sessionId !== this.#sessionId) return [];
        if (news.sdp === undefined) return [{ kind: "candidate", candidate: news.ice }];
        return this.#liftSdp(news.sdp);
      case "endSession":
        return news.sessionId === this.#sessionId ? "hung-up" : [];
      case "sessionStarted":
        return [];
      default:
        return news satisfies never;
    }
  }

  lower(signal: Signal): Untaken | undefined {
    switch (signal.kind) {
      case "offer":
        return this.#lowerOffer(signal.sdp);
      case "answer":
        if (signal.isProvisional) return "cannot_be_told";
        return this.#tell({ sdp: { type: "answer", sdp: signal.sdp } });
      case "candidate":
        return this.#lowerCandidate(signal.candidate);
      // There is no message for it, and none is needed.
      case "end-of-candidates":
        return undefined;
      case "ask":
        if (this.refusesAsks) return "cannot_be_asked";
        return this.#startSession(null);
      case "data":
        return "cannot_be_told";
      default:
        return signal satisfies never;
    }
  }

  end(why: End, isOwn: boolean): void {
    const sessionId = this.#sessionId;
    if (sessionId === undefined) return;
    this.#line.forget(sessionId);
    if (!isOwn) this.#line.write({ type: "endSession", sessionId, error: wordOf(why) });
  }

  #liftSdp({ type, sdp }: { readonly type: "offer" | "answer"; readonly sdp: string }): Lifted[] {
    const early = this.#early ?? [];
    this.#early = undefined;
    // A producer that makes its own offer has no use for candidates that belong to another one.
    if (type === "answer") { for (const candidate of early) this.#tellCandidate(candidate); }
    return [{ kind: type, sdp }];
  }

  #lowerOffer(sdp: string): Untaken | undefined {
    if (this.#role === "producer") {
      // The protocol has no offer for a producer but the one in `startSession` (§2).
      if (this.#sessionId !== undefined) return "cannot_renegotiate";
      this.#early = [];
      return this.#startSession(sdp);
    }
    if (this.#sessionId === undefined) {
      const sessionId = this.#sessionId = this.#line.start("consumer");
      if (sessionId === undefined) return "busy";
      this.#line.write({ type: "sessionStarted", sessionId });
    }
    return this.#tell({ sdp: { type: "offer", sdp } });
  }

  #startSession(offer: string | null): Untaken | undefined {
    const sessionId = this.#sessionId ?? this.#line.start("producer");
    if (sessionId === undefined) return "busy";
    this.#sessionId = sessionId;
    this.#line.write({ type: "startSession", sessionId, offer });
  }

  /** A producing page hangs up on candidates that come before its answer. */
  #lowerCandidate(candidate: Candidate): undefined {
    if (this.#early === undefined) return this.#tellCandidate(candidate);
    if (this.#early.length < MAX_EARLY) this.#early.push(candidate);
  }

  #tellCandidate({ candidate, sdpMLineIndex, sdpMid }: Candidate): undefined {
    return this.#tell({ ice: { candidate, sdpMLineIndex, ...sdpMid === null ? {} : { sdpMid } } });
  }

  #tell(body: Pick<Extract<SessionNews, { type: "peer" }>, "sdp" | "ice">): undefined {
    const sessionId = this.#sessionId;
    if (sessionId !== undefined) this.#line.write({ type: "peer", sessionId, ...body });
  }
}

/** The error of version 1.1; null for an ordinary end. */
function wordOf(why: End): string | null {
  if (why === "failed") return "the call failed: both sides have made an offer";
  if (why === "unanswered") return "the other side has not answered";
  return why === "refused" ? "refused by the other side" : null;
}

/** A client's end of a call; a peer without a role is called by nobody, but calls others. */
export function legOf(
  server: Called & { readonly sessions: Sessions },
  client: Party,
  other: PeerSummary,
  role: CallRole,
): Leg | Untaken {
  const { hub, realm, sessions } = server;
  const { peer, status } = client;
  const isProducer = role === "callee" && status.roles.includes("producer");
  const wanted = isProducer ? "consume" : "produce";
  const mayCall = role === "caller" || isCallable(status) && mayCallAs(server, wanted, other.id);
  const handle = hub.find(realm, other.id)?.handle;
  if (peer === undefined || handle === undefined || !mayCall) return "absent";
  return new WebRtcSinkLeg({
    write: (news) => client.tell(news, other.id),
    start: (own) => {
      const [producer, consumer] = own === "producer" ? [peer, handle] : [handle, peer];
      return sessions.tryStart(producer, consumer, role === "callee" ? handle : peer)?.id;
    },
    forget: (id) => {
      const session = sessions.find(id, peer.id);
      if (session !== undefined) sessions.end(session);
    },
  }, isProducer ? "producer" : "consumer");
}
