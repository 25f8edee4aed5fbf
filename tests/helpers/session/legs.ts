import type { CallPeer } from "../../../src/core/calls/call_end.ts";
import { type CallEvent, type CallLimits, Calls } from "../../../src/core/calls/calls.ts";
import type {
  CallRole,
  Crossing,
  End,
  Leg,
  Lifted,
  Signal,
  Untaken,
} from "../../../src/core/calls/signal.ts";
import { FakeClock } from "./fake_clock.ts";

/**
 * The words of a scripted leg's client: its signals, the end of the call, or the reason why it
 * cannot.
 */
export type Said = readonly Lifted[] | End | Untaken;

/** How the leg of a scripted peer behaves. */
export interface Manners {
  crossing?: Crossing;
  offersFirst?: boolean;
  askTimeoutMs?: number;
  showsPresence?: boolean;
  canRestart?: boolean;
  /** Kinds that the leg refuses to lower; a renegotiation is "reoffer". */
  refuses?: Partial<Record<Signal["kind"] | "reoffer", Untaken>>;
  /** Why the peer makes no leg. */
  unavailable?: Untaken;
}

/** A peer whose legs keep their news in short words. */
export class ScriptedPeer implements CallPeer {
  readonly realm = "test";
  readonly told: string[] = [];
  /** Called with all news of its legs; the legs of one peer are numbered. */
  onTold: (leg: number, told: Signal | End) => void = () => {};
  /** Called when its client has to drop its connection. */
  onRestart: () => void = () => {};
  readonly faults: unknown[] = [];
  readonly roles: CallRole[] = [];
  /** Thrown by its legs when it is set. */
  fault: Error | undefined = undefined;
  readonly receiver: CallPeer["receiver"];
  #legs = 0;

  constructor(readonly id: string, public manners: Manners = {}, readonly dialect: string = id) {
    this.receiver = {
      link: { fail: (error) => void this.faults.push(error) },
      leg: (_other, role) => this.#leg(role),
    };
  }

  summary(): { id: string; dialect: string; info: null } {
    return { id: this.id, dialect: this.dialect, info: null };
  }

  /** News since the last call. */
  heard(): string[] {
    return this.told.splice(0);
  }

  #restart(): void {
    this.told.push("restart");
    this.onRestart();
  }

  #leg(role: CallRole): Leg | Untaken {
    const { manners } = this;
    if (manners.unavailable !== undefined) return manners.unavailable;
    this.roles.push(role);
    const leg = this.#legs++;
    return {
      crossing: manners.crossing ?? "insists",
      offersFirst: manners.offersFirst ?? false,
      ...manners.askTimeoutMs === undefined ? {} : { askTimeoutMs: manners.askTimeoutMs },
      showsPresence: manners.showsPresence ?? true,
      lift: (payload) => {
        if (this.fault !== undefined) throw this.fault;
        return payload as Said; // tests say nothing else
      },
      lower: (signal) => {
        if (this.fault !== undefined) throw this.fault;
        const isReoffer = signal.kind === "offer" && signal.isRenegotiation;
        const untaken = manners.refuses?.[isReoffer ? "reoffer" : signal.kind];
        if (untaken !== undefined) return untaken;
        this.told.push(wordOf(signal));
        this.onTold(leg, signal);
      },
      end: (why, isOwn) => {
        this.told.push(isOwn ? `end ${why} (own)` : `end ${why}`);
        this.onTold(leg, why);
      },
      ...manners.canRestart ? { restart: () => this.#restart() } : {},
    };
  }
}

function wordOf(signal: Signal): string {
  switch (signal.kind) {
    case "offer": {
      const re = signal.isRenegotiation ? "re" : "";
      return `${signal.isCrossing ? "crossing " : ""}${re}offer ${signal.description.sessionId}`;
    }
    case "answer":
      return `${signal.isProvisional ? "pr" : ""}answer ${signal.description.sessionId}`;
    case "candidate":
      return `candidate ${signal.candidate.candidate}`;
    case "data":
      return `data ${JSON.stringify(signal.data)}`;
    default:
      return signal.kind;
  }
}

/** Shape of a description that a test does not care about. */
export interface SdpShape {
  readonly ufrag?: string;
  readonly mids?: readonly string[];
}

/** An SDP whose `o=` line names the session, with its name for a ufrag and one data section. */
export function sdpOf(session: string, { ufrag = session, mids = ["0"] }: SdpShape = {}): string {
  const sections = mids.map((mid) =>
    `m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:${ufrag}\r\na=mid:${mid}\r\n`
  );
  return `v=0\r\no=- ${session} 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n${sections.join("")}`;
}

export function offer(session: string, shape?: SdpShape): readonly Lifted[] {
  return [{ kind: "offer", sdp: sdpOf(session, shape) }];
}

export function answer(session: string, isProvisional = false): readonly Lifted[] {
  return [{ kind: "answer", sdp: sdpOf(session), isProvisional }];
}

/** A candidate whose line is its ufrag, unless another text is given. */
export function candidate(usernameFragment: string, text = usernameFragment): readonly Lifted[] {
  return [{ kind: "candidate", candidate: { candidate: text, sdpMid: "0", usernameFragment } }];
}

export const ASK: readonly Lifted[] = [{ kind: "ask" }];

/** Limits that no test meets by accident. */
export const WIDE_CALLS: CallLimits = {
  answerTimeoutMs: 120_000,
  maxDescriptionLength: 128 * 1024,
  maxHeldCandidates: 128,
  maxHeldLength: 64 * 1024,
  maxCalls: Infinity,
  maxCallsPerPeer: Infinity,
};

/** Calls with no limits but the given ones, on a clock that stands still. */
export class CallBench {
  readonly clock = new FakeClock();
  readonly events: CallEvent[] = [];
  readonly calls: Calls;

  constructor(limits: Partial<CallLimits> = {}) {
    this.calls = new Calls(
      { ...WIDE_CALLS, ...limits },
      this.clock,
      (event) => this.events.push(event),
    );
  }

  /** Two peers, and what the first says to the second and the other way round. */
  pair(one: Manners = {}, other: Manners = {}): {
    a: ScriptedPeer;
    b: ScriptedPeer;
    fromA: (said: Said) => string;
    fromB: (said: Said) => string;
  } {
    const a = new ScriptedPeer("a", one);
    const b = new ScriptedPeer("b", other);
    return {
      a,
      b,
      fromA: (said) => this.calls.send(a, b, said),
      fromB: (said) => this.calls.send(b, a, said),
    };
  }

  /** Dropped signals so far, by kind. */
  dropped(): string[] {
    return this.events.flatMap((event) => event.type === "dropped" ? [event.kind] : []);
  }
}
