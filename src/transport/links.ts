import type { Frame, Link } from "../core/session.ts";

/** How frames travel to a client. */
export type Carriage = "websocket" | "polling" | "event-stream";

/** Receives the frames of a link. */
export interface FrameReceiver {
  receive(frame: Frame): void;
}

/** A link that counts what it sends. */
export interface CountedLink extends Link {
  readonly carriage: Carriage;
  readonly framesSent: number;
  /** A text counts as its UTF-16 units where its bytes are not counted anyway. */
  readonly bytesSent: number;
  /** Bytes that waited for the client at the last check. */
  readonly backlog: number;
  /** Hands frames to this receiver from now on, past the observer. Absent where none come in. */
  feed?(receiver: FrameReceiver): void;
}

/** Frames and bytes in both directions; they only grow. */
export interface Traffic {
  readonly framesReceived: number;
  readonly framesSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** A link over the answer to an HTTP request: it only sends, and each frame is an event of the stream. */
export interface StreamLink extends Link {
  /** Answers with this response in place of a stream, and ends the link; only before the first frame. */
  decline(response: Response): void;
}

/**
 * One namespace of a Socket.IO connection. Its frames are the namespace's packets without "4" and
 * without the namespace's name: EVENTs come in (`2["name",…]`, or `217["name",…]` with an
 * acknowledgement id), EVENTs and ACKs (`317[…]`) go out. The first frame that is sent accepts the
 * client's CONNECT; without one, the end of `opened` does. Closing sends DISCONNECT first. The
 * connection is closed with its last namespace.
 */
export interface NamespaceLink extends Link {
  /** Answers the client's CONNECT with CONNECT_ERROR, and ends the link; only before the first frame. */
  decline(message: string): void;
}

/** A Socket.IO client's own words in its CONNECT, unread and perhaps empty. */
export interface NamespaceGreeting {
  /** The text after `?` in the namespace's name; clients up to Socket.IO 2 send it. */
  readonly query: string;
  /** The JSON of `auth`; clients since Socket.IO 3 send it. */
  readonly auth: string;
}
