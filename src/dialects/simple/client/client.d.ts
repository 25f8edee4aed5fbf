/// <reference lib="dom" />

/** The browser client of Simple Signalling: rooms whose members call each other. */

/** A peer's own fields, beside its id. */
export interface PeerDescription {
  readonly peer_id: string;
  readonly [field: string]: unknown;
}

export interface RoomOptions {
  /** Where the server is; by default where this module came from. */
  readonly url?: string;
  /** This page's fields for the others: any JSON values by name. */
  readonly peer?: Readonly<Record<string, unknown>>;
  /** Access token, where the server asks for one. */
  readonly token?: string;
  /** Audio and video for everybody. */
  readonly stream?: MediaStream;
  /** Label of a data channel with everybody; null for none. */
  readonly channel?: string | null;
  /** More for `new RTCPeerConnection`; the server's ICE servers are in it already. */
  readonly rtc?: RTCConfiguration;
  /** Silence of the server after which it is asked for a sign of life; when none has come after as
   * long again, the connection is made anew. */
  readonly pingMs?: number;
  /** How much may wait to be said while the server is out of reach (1000); more is refused with an
   * `error` event, code `queue_full`. */
  readonly maxWaiting?: number;
}

/** The connection between this page and one instance of a peer. */
export interface Call {
  readonly id: string;
  readonly instance: number;
  /** The latest; a new object after each change. */
  readonly peer: PeerDescription;
  /** Undefined until one side has offered, and after the end. */
  readonly connection: RTCPeerConnection | undefined;
  readonly channel: RTCDataChannel | undefined;
  /** The streams of the other side. */
  readonly streams: readonly MediaStream[];
  /** Sends tracks that are not sent yet; the call is negotiated anew, or begun. They are sent again
   * where the other side has to be connected anew, until it ends the call. */
  share(stream: MediaStream): void;
  /** Sends over the data channel, if it is open. */
  send(data: string | ArrayBuffer | ArrayBufferView): void;
  /**
   * Sends JSON through the server, connected or not; it arrives as a `data` event. Values for one
   * peer leave in order, each after the one before was confirmed. A value that does not fit into a
   * frame causes an `error` event with the code `too_large`.
   */
  signal(data: unknown): void;
}

/** The events of a room and their details. */
export interface RoomEvents {
  /** In the room. `isBack`: the connection was lost, and nothing has been missed. After a restart of
   * the server, values on their way by `signal` may be lost. */
  ready: { readonly isBack: boolean };
  /** Somebody is there, at first or later. */
  call: Call;
  /** A peer has changed what it says of itself. */
  change: Call;
  /** Somebody has left, was lost or removed. */
  leave: { readonly call: Call; readonly reason: "left" | "lost" | "kicked" };
  /** A data channel is open. */
  open: Call;
  /** Came over a data channel. */
  message: { readonly call: Call; readonly data: unknown };
  /** The other side sends audio or video. */
  stream: { readonly call: Call; readonly stream: MediaStream };
  /** Came by way of the server. */
  data: { readonly call: Call; readonly data: unknown };
  /** The other side has ended the call; it is still in the room. */
  bye: { readonly call: Call; readonly reason: string | undefined };
  /**
   * The server is out of reach. The room reconnects by itself, and calls continue meanwhile. After
   * a restart of the server they continue too, if it knows its ids (`--store`, `--simple-secret`)
   * and the other side also comes back. Otherwise every peer gets a new id and is called again.
   */
  lost: { readonly code: number };
  /** Something was refused, or failed in a call. */
  error: { readonly code: string; readonly message: string };
  /** Over for good: left, removed, or taken over by another page. */
  closed: { readonly code: number | string; readonly reason: string };
}

/** A room. It is joined at once, and kept until `leave`, whatever happens to the network. */
export class Room extends EventTarget {
  /** Throws where `peer` is no JSON. */
  constructor(name: string, options?: RoomOptions);
  /** This page's id and number in the room; undefined before the first `ready`. */
  readonly id: string | undefined;
  readonly instance: number | undefined;
  /** By peer id and instance number, such as `1a8e351e-b851-468c-947b-cab7d29f1f74/0`. */
  readonly calls: ReadonlyMap<string, Call>;
  /** The server's ICE servers, and the largest frame that it accepts. */
  readonly ice_servers: readonly RTCIceServer[] | undefined;
  readonly max_bytes: number | undefined;
  /** Sends to everybody, over the data channels that are open. */
  send(data: string | ArrayBuffer | ArrayBufferView): void;
  /** Changes this page's fields for the others; null removes a field. */
  change(peer: Readonly<Record<string, unknown>>): void;
  /** Replaces the token by a fresh one of the same user, for this connection and for later ones. If
   * the server refuses it, an `error` event has the reason and the room goes on as before. */
  refresh(token: string): void;
  /** Ends all calls. */
  leave(): void;
  addEventListener<Type extends keyof RoomEvents>(
    type: Type,
    listener: (event: CustomEvent<RoomEvents[Type]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
