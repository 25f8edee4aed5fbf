import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readDescription } from "../../src/core/calls/description.ts";
import {
  type End,
  isEnd,
  type Leg,
  type Lifted,
  type Signal,
} from "../../src/core/calls/signal.ts";
import { RoomLeg, SessionLeg } from "../../src/dialects/gstreamer/leg.ts";
import { OwtLeg } from "../../src/dialects/owt/leg.ts";
import { decode as decodeOwt, encodeP2p } from "../../src/dialects/owt/messages.ts";
import { PeerJsLeg } from "../../src/dialects/peerjs/leg.ts";
import { decode as decodePeerJs, encodeRelay } from "../../src/dialects/peerjs/messages.ts";
import { SimpleLeg } from "../../src/dialects/simple/leg.ts";
import { decode as decodeSimple, encodeSignal } from "../../src/dialects/simple/messages.ts";
import { SspLeg } from "../../src/dialects/ssp/leg.ts";
import { decode as decodeSsp, encodeRelay as encodeSsp } from "../../src/dialects/ssp/messages.ts";
import { readMessage, relayOf } from "../../src/dialects/ssp/messages.ts";
import { WebRtcSinkLeg } from "../../src/dialects/webrtcsink/leg.ts";
import { decode as decodeSink, encodeNews } from "../../src/dialects/webrtcsink/messages.ts";
import { capturesOf } from "../helpers/session/captures.ts";
import { sdpOf } from "../helpers/session/legs.ts";

/** One kind of leg, with how its session hands it messages. */
interface Subject {
  readonly name: string;
  /** Its folder of captures. */
  readonly dialect: string;
  /** Makes a leg whose frames are added to a list. */
  readonly make: (sent: string[]) => Leg;
  /** The payload of a client's frame, as its session gives it to the hub; undefined for others. */
  readonly payloadOf: (frame: string) => unknown;
  /** A payload whose content is any JSON value. */
  readonly any: (value: unknown) => unknown;
}

const SESSION = "8f0c7f8e-0000-4000-8000-000000000000";
const OTHER = { id: "other", dialect: "other", info: null };

const gstreamer = {
  dialect: "gstreamer",
  payloadOf: (frame: string) => /^(?:ROOM_PEER_MSG \S+ )?(\{.*|OFFER_REQUEST)$/s.exec(frame)?.[1],
  any: (value: unknown) => JSON.stringify(value) ?? "",
};

const SUBJECTS: readonly Subject[] = [
  {
    name: "PeerJS",
    dialect: "peerjs",
    make: (sent) => new PeerJsLeg((message) => sent.push(encodeRelay(message, "a", "b")), "other"),
    payloadOf: (frame) => {
      const message = decodePeerJs(frame);
      return typeof message === "object" ? message : undefined;
    },
    any: (payload) => ({ type: "OFFER", dst: "a", payload }),
  },
  {
    ...gstreamer,
    name: "GStreamer in a session",
    make: (sent) =>
      new SessionLeg({
        write: (text) => sent.push(text),
        engage: () => {},
        close: (error = "") => sent.push(`close ${error}`),
      }),
  },
  {
    ...gstreamer,
    name: "GStreamer in a room",
    make: (sent) =>
      new RoomLeg({ write: (text) => sent.push(text), restart: () => sent.push("restart") }, true),
  },
  {
    name: "ssp",
    dialect: "ssp",
    make: (sent) =>
      new SspLeg({
        write: (relayed) => sent.push(...encodeSsp(relayed, "a", "v2")),
        announce: (news) => sent.push(news),
        isMate: () => true,
      }, "elder"),
    payloadOf: (frame) => {
      const action = decodeSsp(frame, "auto", true, readMessage);
      switch (action?.type) {
        case "sdp":
          return relayOf(action.description);
        case "answer":
          return { kind: "answer", description: action.answer };
        case "offers": {
          const [description] = action.offers.values();
          return description && { kind: "offer", description };
        }
        case "candidate":
          return { kind: "candidate", candidate: action.candidate };
      }
    },
    any: (candidate) => ({ kind: "candidate", candidate }),
  },
  {
    name: "OWT",
    dialect: "owt",
    make: (sent) =>
      new OwtLeg({
        id: "me",
        write: (message) => sent.push(encodeP2p(message, "a")),
        announced: new Set(),
      }, "other"),
    payloadOf: (frame) => {
      const action = decodeOwt(frame);
      return action?.type === "message" ? action.relayed : undefined;
    },
    any: (value) => ({ name: "owt-message", message: { data: JSON.stringify(value) } }),
  },
  {
    name: "Simple",
    dialect: "simple",
    make: (sent) =>
      new SimpleLeg(
        {
          id: "me",
          instanceCount: 1,
          hand: (signal) => sent.push(encodeSignal(1, signal)) > 0,
          introduce: () => sent.push("introduce"),
          retire: () => sent.push("retire"),
        },
        OTHER,
        { isGone: false },
        true,
      ),
    payloadOf: (frame) => {
      const message = decodeSimple(frame, { maxDepth: 32, maxCallLength: 128 });
      return message.event === "signal"
        ? { peer_id: "me", peer_instance: 0, frame: message }
        : undefined;
    },
    any: (data) => ({ peer_id: "me", peer_instance: 0, frame: { type: "data", data } }),
  },
  {
    name: "webrtcsink",
    dialect: "webrtcsink",
    make: (sent) =>
      new WebRtcSinkLeg(
        {
          write: (news) => sent.push(encodeNews(news, "a", "v1_1")),
          start: () => SESSION,
          forget: () => {},
        },
        "producer",
      ),
    payloadOf: (frame) => {
      const message = decodeSink(frame);
      if (message.type === "startSession") {
        return { ...message, sessionId: SESSION, offer: message.offer ?? null };
      }
      return message.type === "peer" ? { ...message, sessionId: SESSION } : undefined;
    },
    any: (ice) => ({ type: "peer", sessionId: SESSION, ice }),
  },
];

/** All that a dialect's real clients said to each other, lifted. */
function liftedOf({ dialect, payloadOf, make }: Subject): Lifted[] {
  return capturesOf(dialect).flatMap(({ lines }) => {
    const leg = make([]);
    // A producer's session begins with its being asked.
    leg.lower({ kind: "ask" });
    return lines.flatMap((line) => {
      if (line.dir !== "in") return [];
      const payload = attempt(() => payloadOf(line.frame));
      const lifted = payload === undefined ? [] : leg.lift(payload);
      return typeof lifted === "string" ? [] : lifted;
    });
  });
}

/** Captures hold frames that are no messages as well. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function signalOf(lifted: Lifted): Signal {
  switch (lifted.kind) {
    case "offer": {
      const description = readDescription(lifted.sdp);
      return { ...lifted, description, isRenegotiation: false, isCrossing: false };
    }
    case "answer":
      return { ...lifted, description: readDescription(lifted.sdp), isProvisional: false };
    case "candidate": {
      const candidate = { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 };
      return { kind: "candidate", candidate };
    }
    default:
      return lifted;
  }
}

const EVERY_SIGNAL: readonly Signal[] = [
  signalOf({ kind: "offer", sdp: sdpOf("A") }),
  signalOf({ kind: "answer", sdp: sdpOf("A") }),
  signalOf({ kind: "candidate", candidate: null }),
  { kind: "end-of-candidates" },
  { kind: "ask" },
  { kind: "data", data: 1 },
];
const EVERY_END: readonly End[] = [
  "hung-up",
  "refused",
  "gone",
  "replaced",
  "failed",
  "unanswered",
];

for (const subject of SUBJECTS) {
  const { name, make, any } = subject;

  Deno.test(`${name}: a leg lifts what the captures of real clients hold`, () => {
    const kinds = new Set(liftedOf(subject).map(({ kind }) => kind));
    assert(kinds.has("offer") && kinds.has("candidate"), `only ${[...kinds]}`);
    // A PeerJS answer belongs to an offer under a label that only the leg itself makes.
    if (subject.dialect !== "peerjs") assert(kinds.has("answer"), `only ${[...kinds]}`);
  });

  Deno.test(`${name}: a leg passes on the messages of every dialect's real clients`, () => {
    for (const source of SUBJECTS) {
      for (const lifted of liftedOf(source)) {
        const sent: string[] = [];
        const leg = make(sent);
        // An answer follows an offer of its own client.
        if (lifted.kind === "answer") leg.lower({ kind: "ask" });
        const untaken = leg.lower(signalOf(lifted));
        if (lifted.kind !== "offer" && lifted.kind !== "answer") continue;
        assertEquals([source.name, untaken], [source.name, undefined]);
        // OWT has JSON in JSON.
        const inJson = JSON.stringify(lifted.sdp).slice(1, -1);
        const inText = JSON.stringify(inJson).slice(1, -1);
        assert(sent.some((frame) => frame.includes(inJson) || frame.includes(inText)));
      }
    }
  });

  Deno.test(`${name}: a leg takes or refuses every kind of signal, and ends in every way`, () => {
    for (const why of EVERY_END) {
      for (const isOwn of [true, false]) {
        const leg = make([]);
        for (const signal of EVERY_SIGNAL) leg.lower(signal);
        leg.restart?.();
        leg.end(why, isOwn);
      }
    }
  });

  Deno.test(`${name}: a leg survives every JSON value`, () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const lifted = make([]).lift(any(value));
      assert(Array.isArray(lifted) || isEnd(lifted) || typeof lifted === "string");
    }));
  });
}
