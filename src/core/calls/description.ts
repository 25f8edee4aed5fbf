/** One media section of an SDP. */
export interface Section {
  /** Such as "audio", "video", "application". */
  readonly kind: string;
  /** Undefined where the section has no name. */
  readonly mid: string | undefined;
}

/** A track of a stream, as the SDP names it. */
export interface Track {
  /** Empty where the SDP does not name the track. */
  readonly id: string;
  readonly kind: string;
}

/** The facts that bridging needs from an SDP. */
export interface Description {
  /** From the `o=` line; empty where there is none. */
  readonly sessionId: string;
  readonly sections: readonly Section[];
  /** Tracks by the id of their stream, from `a=msid` and from `a=ssrc:… msid`. */
  readonly streams: ReadonlyMap<string, readonly Track[]>;
  readonly ufrags: ReadonlySet<string>;
}

interface SdpReading {
  sessionId: string;
  readonly sections: { kind: string; mid: string | undefined }[];
  readonly streams: Map<string, Track[]>;
  readonly ufrags: Set<string>;
}

/**
 * Reads an SDP line by line in one pass, without regular expressions. Unknown and malformed lines
 * are skipped: the text itself is passed on unread, and the receiving client judges it.
 */
export function readDescription(sdp: string): Description {
  const reading: SdpReading = {
    sessionId: "",
    sections: [],
    streams: new Map(),
    ufrags: new Set(),
  };
  let start = 0;
  while (start < sdp.length) {
    const newline = sdp.indexOf("\n", start);
    const next = newline === -1 ? sdp.length : newline;
    const end = next > start && sdp.charCodeAt(next - 1) === CARRIAGE_RETURN ? next - 1 : next;
    // Every line of interest begins with one of these three letters and "=".
    if (sdp.charCodeAt(start + 1) === EQUALS) readLine(sdp.slice(start, end), reading);
    start = next + 1;
  }
  return reading;
}

/** Whether a client's offer is that of another connection than its description before. */
export function isOtherConnection(before: Description, offer: Description): boolean {
  // webrtcbin answers under the session id of the offer, and offers later under one of its own.
  return before.sessionId !== offer.sessionId && before.ufrags.isDisjointFrom(offer.ufrags);
}

const CARRIAGE_RETURN = 13;
const EQUALS = 61;
/** Sections beyond these are not read: candidates look their section up in a list. */
const MAX_SECTIONS = 1_024;

function readLine(line: string, reading: SdpReading): void {
  switch (line[0]) {
    case "o":
      if (reading.sections.length === 0) reading.sessionId = line.split(" ", 2)[1] ?? "";
      return;
    case "m":
      if (reading.sections.length < MAX_SECTIONS) {
        reading.sections.push({ kind: wordAt(line, 2), mid: undefined });
      }
      return;
    case "a":
      return readAttribute(line, reading);
  }
}

function readAttribute(line: string, reading: SdpReading): void {
  const section = reading.sections.at(-1);
  if (line.startsWith("a=ice-ufrag:")) {
    reading.ufrags.add(wordAt(line, "a=ice-ufrag:".length));
  } else if (section === undefined) {
    return;
  } else if (line.startsWith("a=mid:")) {
    section.mid = wordAt(line, "a=mid:".length);
  } else if (line.startsWith("a=msid:")) {
    addTrack(reading, section, line, "a=msid:".length);
  } else if (line.startsWith("a=ssrc:")) {
    const at = line.indexOf(" msid:");
    if (at !== -1) addTrack(reading, section, line, at + " msid:".length);
  }
}

/** Adds `<stream> [<track>]`; "-" stands for a track without a stream. */
function addTrack(reading: SdpReading, section: Section, line: string, at: number): void {
  const stream = wordAt(line, at);
  if (stream === "" || stream === "-") return;
  const track = { id: wordAt(line, at + stream.length + 1), kind: section.kind };
  const tracks = reading.streams.get(stream);
  if (tracks === undefined) reading.streams.set(stream, [track]);
  // Each of a track's sources names it again.
  else if (!isSame(tracks.at(-1), track)) tracks.push(track);
}

function isSame(a: Track | undefined, b: Track): boolean {
  return a !== undefined && a.id === b.id && a.kind === b.kind;
}

function wordAt(line: string, start: number): string {
  const end = line.indexOf(" ", start);
  return line.slice(start, end === -1 ? line.length : end);
}
