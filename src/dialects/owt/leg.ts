import type { Description, Track } from "../../core/calls/description.ts";
import type { Crossing, End, Leg, Lifted, Signal, Untaken } from "../../core/calls/signal.ts";
import type { PeerId } from "../../core/events.ts";
import { type P2p, readP2p, type Relayed } from "./messages.ts";

/** The session of the client that a leg speaks for. */
export interface ClientLine {
  readonly id: PeerId;
  /** Sends a P2P message from the other peer. */
  write(message: P2p): void;
  /** Tracks that the client has announced to the other peer, which may be before it calls. */
  readonly announced: Set<string>;
}

/** Announcements that one call keeps or makes. */
const MAX_STREAMS = 64;
/** Told by the client itself: the user does not allow the other peer. */
const DENIED = 2202;

/** First message of a connection. Acknowledgements of texts are not worth translating. */
const USER_AGENT: P2p = {
  type: "chat-ua",
  data: {
    sdk: { type: "signalbox", version: "1" },
    capabilities: {
      continualIceGathering: true,
      streamRemovable: true,
      ignoreDataChannelAcks: true,
      unifiedPlan: true,
    },
  },
};

/** An OWT client's end of a call with a peer of another dialect. It never names a `connectionId` (§7). */
export class OwtLeg implements Leg {
  readonly showsPresence = false;
  readonly refusesAsks = true;
  readonly crossing: Crossing;
  readonly #line: ClientLine;
  readonly #streams = new Set<string>();
  #isIntroduced = false;

  constructor(line: ClientLine, other: PeerId) {
    this.#line = line;
    // The peer whose id sorts first gives way (§7).
    this.crossing = line.id < other ? "yields" : "insists";
  }

  lift(payload: unknown): readonly Lifted[] | End | Untaken {
    const message = readP2p(payload as Relayed); // the session hands nothing else to the hub
    switch (message?.type) {
      case "chat-signal": {
        const { data } = message;
        if (data.type === "candidates") return [{ kind: "candidate", candidate: data }];
        return [{ kind: data.type, sdp: data.sdp }];
      }
      case "chat-closed":
        return message.data?.code === DENIED ? "refused" : "hung-up";
      case "chat-stream-info":
        for (const track of message.data.tracks) {
          if (this.#line.announced.size < MAX_STREAMS) this.#line.announced.add(track);
        }
        return [];
      case undefined:
        return [];
      default:
        return message satisfies never;
    }
  }

  lower(signal: Signal): Untaken | undefined {
    switch (signal.kind) {
      case "offer":
        return this.#describe("offer", signal.sdp, signal.description);
      case "answer":
        if (signal.isProvisional) return "cannot_be_told";
        this.#describe("answer", signal.sdp, signal.description);
        return this.#confirmTracks();
      case "candidate": {
        const { candidate, sdpMid, sdpMLineIndex } = signal.candidate;
        const data = { type: "candidates", candidate, sdpMid, sdpMLineIndex };
        this.#line.write({ type: "chat-signal", data });
        return undefined;
      }
      // There is no message for it (§7).
      case "end-of-candidates":
        return undefined;
      case "ask":
        return "cannot_be_asked";
      case "data":
        return "cannot_be_told";
      default:
        return signal satisfies never;
    }
  }

  end(_why: End, isOwn: boolean): void {
    this.#line.announced.clear();
    if (!isOwn) this.#line.write({ type: "chat-closed" });
  }

  #describe(type: "offer" | "answer", sdp: string, { streams }: Description): undefined {
    if (!this.#isIntroduced) this.#line.write(USER_AGENT);
    this.#isIntroduced = true;
    // The client drops tracks of streams that were not announced (§7).
    for (const [id, tracks] of streams) this.#announce(id, tracks);
    this.#line.write({ type: "chat-signal", data: { type, sdp } });
  }

  #announce(id: string, tracks: readonly Track[]): void {
    if (this.#streams.has(id) || this.#streams.size >= MAX_STREAMS) return;
    this.#streams.add(id);
    const sources = tracks.map(({ id, kind }) => ({ id, source: sourceOf(kind) }));
    this.#line.write({ type: "chat-track-sources", data: sources });
    const source = Object.fromEntries(tracks.map(({ kind }) => [kind, sourceOf(kind)]));
    const data = { id, tracks: tracks.map(({ id }) => id), source };
    this.#line.write({ type: "chat-stream-info", data });
  }

  /** `publish()` waits for it (§7). */
  #confirmTracks(): undefined {
    const { announced } = this.#line;
    if (announced.size > 0) {
      this.#line.write({ type: "chat-tracks-added", data: [...announced] });
    }
    announced.clear();
  }
}

function sourceOf(kind: string): string {
  return kind === "audio" ? "mic" : "camera";
}
