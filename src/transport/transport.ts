import type { Frame } from "../core/session.ts";

/** Certificate chain and private key, as PEM text. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

/** The settings that a transport needs to listen at one address. */
export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  /**
   * Answers one request; never throws or rejects.
   * @param remote the network address of the client, without a port
   */
  readonly handle: (request: Request, remote: string) => Response | Promise<Response>;
  /** A connection was refused before its request was whole; of transports that notice. */
  readonly onRefused?: ((remote: string, status: number) => void) | undefined;
  /** The listener cannot accept connections and is trying again; called at most once a minute. */
  readonly onBroken: (error: unknown) => void;
}

/** One listening port. It survives a lack of file descriptors. */
export interface Listener {
  /** The port in use; where port 0 was asked for, the one that the system chose. */
  readonly port: number;
  /** Uses another certificate from now on. */
  renew(tls: TlsMaterial): Promise<void>;
  /** Accepts no more connections. */
  stop(): Promise<void>;
}

/** The part of a `WebSocket` that writes. */
export interface FrameWriter {
  /** As a `WebSocket` has it: not `OPEN` during the handshake, and from the close on. */
  readonly readyState: number;
  /** Only while it is open. */
  send(frame: Frame): void;
}

/** One server-side WebSocket, whatever implements the protocol. */
export interface Socket {
  /** Bytes accepted by `send` that the system has not taken yet. */
  readonly bufferedAmount: number;
  /** The innermost object that writes: with a thousand connections each one more is a cache miss. */
  readonly writer: FrameWriter;
  /** Names the observer; called once, in the turn in which the socket was made. */
  observe(observer: SocketObserver): void;
  /** Bounds the messages that are received from now on, where the transport can. */
  limit(maxMessageBytes: number): void;
  /** Starts the closing handshake. A socket that is still opening closes when it has opened. */
  close(code: number | undefined, reason: string): void;
  /** Ends a connection whose client does not read, as abruptly as the transport can. */
  cut(): void;
}

/** Receives a socket's events; none of them is called from inside a method of the socket. */
export interface SocketObserver {
  opened(): void;
  received(frame: Frame): void;
  /** A message exceeds the limit. Nothing more is received. */
  exceeded(): void;
  /** The client broke the protocol, or a limit of the transport. Nothing more is received. */
  violated(code: number, reason: string): void;
  /** The client's closing frame came first. The socket still takes a moment to go. */
  left(code: number, reason: string): void;
  /** The socket is gone; code 0 means that no closing frame came. May be called more than once. */
  closed(code: number, reason: string, wasClean: boolean): void;
}

/** The response to a handshake, and the socket that opens once the response is on its way. */
export interface Upgraded {
  readonly socket: Socket;
  readonly response: Response;
}

/** Carries HTTP requests and WebSockets. Nothing outside a transport's folder knows which one. */
export interface Transport {
  /** Whether connections outlive the renewal of their listener's certificate. */
  readonly keepsConnections: boolean;
  /** Listens at once; throws the system's error if it cannot. */
  listen(options: ListenOptions): Listener;
  /**
   * Accepts a checked handshake.
   * @param maxSilenceMs the client is pinged after half of this time without a byte from it, and
   * disconnected after the whole
   * @param protocol the subprotocol to select, one of the client's offers
   * @returns undefined if the transport finds fault with the request
   */
  upgrade(request: Request, maxSilenceMs: number, protocol?: string): Upgraded | undefined;
}
