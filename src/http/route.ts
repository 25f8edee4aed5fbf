import type { LinkLimits } from "../core/limits.ts";
import type { ErrorCode, SignalError } from "../core/errors.ts";
import type { Frame, Link, Session } from "../core/session.ts";
import type { StreamLink } from "../transport/links.ts";
import type { Visit } from "../core/visit.ts";

/** A path is exact, or has `*` for one segment of any name that no other route begins with. */
interface RouteBase {
  readonly path: string;
}

/** The outcome of a check before an upgrade. */
export type Checked =
  | { readonly connect: UpgradeRoute["connect"] }
  | { readonly refusal: SignalError };

/** Where WebSockets are accepted. */
export interface UpgradeRoute extends RouteBase {
  readonly kind: "upgrade";
  readonly limits: LinkLimits;
  /** Longest silence of a client; without one the server's own counts. */
  readonly maxSilenceMs?: number | undefined;
  /** The close code that tells clients that the server is going away, where it is not 1001. */
  readonly goingAwayCode?: number;
  /** Subprotocols to choose from where a client offers some; the first offered one that fits. */
  readonly protocols?: readonly string[];
  /** Where none of those is offered, select the client's first, as the npm library `ws` does. */
  readonly acceptsAnyProtocol?: true;
  /**
   * True if a connection's first frame can only be this dialect's, where the path belongs to another
   * one.
   */
  readonly recognises?: (frame: Frame) => boolean;
  /** Makes the session; it must do nothing before `opened`. */
  readonly connect: (visit: Visit, link: Link) => Session;
  /**
   * Checks a client before the upgrade. A route with a check refuses by an HTTP status, because its
   * clients return at once to a socket that was opened and closed. Never rejects.
   */
  readonly check?: (visit: Visit) => Checked | Promise<Checked>;
}

/** Methods of plain resources; HEAD follows from GET, and OPTIONS is answered everywhere. */
export type Method = "GET" | "POST" | "PUT" | "DELETE";

type HttpAnswer = Response | Promise<Response>;

/**
 * The clients that may use a resource: all of them, or those without a refusal from this function.
 */
export type Access =
  | "open"
  | ((visit: Visit) => Response | undefined | Promise<Response | undefined>);

/** A plain resource. */
export interface HttpRoute extends RouteBase {
  readonly kind: "http";
  readonly method: Method;
  readonly access: Access;
  /** Only for clients that prefer this type; another route may serve the others at the same path. */
  readonly prefers?: "text/html";
  readonly handle: (request: Request, visit: Visit) => HttpAnswer;
}

/** The content of a request that opens a stream or posts a frame. */
export interface Posting {
  readonly method: "GET" | "POST";
  /** Complete; empty where the request has none. */
  readonly body: string;
  /** Where a client's EventSource left off. */
  readonly lastEventId: string | undefined;
}

/** The outcome of a posted frame. */
export type Posted =
  & ({ readonly response: Response } | { readonly refusal: SignalError })
  /** True if the sender proved its identity; other posts are subject to a rate per address. */
  & { readonly isProven: boolean };

/**
 * Frames by plain HTTP, for clients that cannot open a WebSocket: a GET or POST that asks for an
 * event stream gets one, any other POST brings a frame.
 */
export interface StreamRoute extends RouteBase {
  readonly kind: "stream";
  /** Those of input hold for bodies. */
  readonly limits: LinkLimits;
  /** Time in which a body has to be complete. */
  readonly bodyTimeoutMs: number;
  /** Makes the session of a stream; it must do nothing before `opened`. */
  readonly connect: (visit: Visit, link: StreamLink, posting: Posting) => Session;
  /** Carries out what was posted. */
  readonly post: (visit: Visit, posting: Posting) => Promise<Posted>;
  /** Words a refusal as an answer. */
  readonly refuse: (error: SignalError) => Response;
  /** The dialect's name of a refusal, for logs. */
  readonly wordFor: (code: ErrorCode) => string;
}

/** Anything that can be reached by a path. */
export type Route = UpgradeRoute | HttpRoute | StreamRoute;

/** One way in, for the start-up lines and the page at `/`. */
export interface Entrance {
  readonly path: string;
  readonly scheme: "http" | "ws";
  readonly hint: string;
}
