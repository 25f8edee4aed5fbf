import type { Identity } from "../../auth/authenticator.ts";
import type { ErrorCode, SignalError } from "../../core/errors.ts";
import type { PeerId } from "../../core/events.ts";
import type { Expulsion } from "../../core/expulsion.ts";
import type { Departure } from "../../core/session.ts";
import { isObject } from "../kit/json.ts";
import type { JoinRequest, StreamPosition } from "./connection.ts";
import type { FrameRef, InstanceCredentials } from "./messages.ts";

// Messages between a node that carries a connection and the home of its peer. The home has the peer; the
// other node has the socket.

/** A token's facts about a carried client; its node checks the token, and ends it in time. */
export type CarriedIdentity = Omit<Identity, "expiresAt">;

/** The facts of a token that one node has judged for the connection of another one. */
export interface JudgedIdentity {
  readonly facts: CarriedIdentity;
  /** The rest of the token's time; null for no end. */
  readonly leftMs: number | null;
}

/** A posted token, judged where it was posted, for the connection of an instance. */
export interface Renewal {
  readonly credentials: InstanceCredentials;
  readonly ref: FrameRef;
  /** Undefined where no token is needed. */
  readonly judged: JudgedIdentity | undefined;
}

/** To the peer, at its home. */
export type ToHome =
  | {
    readonly op: "open";
    readonly connection: string;
    readonly frame: JoinRequest;
    readonly address: string;
    /** The answer to an HTTP request. */
    readonly isStream: boolean;
    readonly identity: CarriedIdentity | undefined;
    readonly iceServers: readonly unknown[];
  }
  | { readonly op: "frame"; readonly connection: string; readonly text: string }
  | { readonly op: "identity"; readonly connection: string; readonly identity: CarriedIdentity }
  | {
    readonly op: "closed";
    readonly connection: string;
    readonly departure: Departure;
    /** Its client was gone before the answer to the join. */
    readonly isUnheard?: boolean;
  }
  | { readonly op: "expelled"; readonly connection: string; readonly reason: Expulsion }
  | {
    readonly op: "post";
    readonly ticket: string;
    readonly body: string;
    /** A ping that another frame follows, which alone counts for the rates. */
    readonly isProbe?: boolean;
  }
  | { readonly op: "renew"; readonly ticket: string; readonly renewal: Renewal };

/** A refusal on its way between nodes. */
export interface SentRefusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: SignalError["details"];
}

/** To another node. */
export type ToNode =
  /** The answers to "open". */
  | { readonly op: "joined"; readonly connection: string; readonly peerId: PeerId }
  | { readonly op: "refused"; readonly connection: string; readonly refusal: SentRefusal }
  /** The peer has moved, perhaps to the node that asks: ask again. */
  | { readonly op: "again"; readonly connection: string }
  /** The client need not come back. */
  | { readonly op: "over"; readonly connection: string }
  /** For the client of a connection. */
  | { readonly op: "send"; readonly connection: string; readonly frames: readonly string[] }
  | { readonly op: "begin"; readonly connection: string; readonly position: StreamPosition }
  | { readonly op: "end"; readonly connection: string }
  | {
    readonly op: "close";
    readonly connection: string;
    readonly code?: number | undefined;
    readonly reason?: string | undefined;
  }
  /** The client's token was replaced by a POST. */
  | { readonly op: "renewed"; readonly connection: string; readonly judged: JudgedIdentity }
  /** The answer to "post" and "renew". */
  | {
    readonly op: "posted";
    readonly ticket: string;
    readonly outcome: SentPosted;
  }
  /** A peer has moved, as sealed.ts writes it. */
  | { readonly op: "state"; readonly state: unknown }
  /** For all nodes: a stream has left. */
  | { readonly op: "departed"; readonly secret: string };

/** The outcome of a posted frame at the home. */
export type SentPosted =
  & ({ readonly frame: string } | { readonly refusal: SentRefusal })
  & { readonly isProven: boolean };

/** Another version of the server may send something else. */
export function hasOp(payload: unknown): payload is { readonly op: string } {
  return isObject(payload) && typeof payload["op"] === "string";
}

export function sentRefusal({ code, message, details }: SignalError): SentRefusal {
  return { code, message, details };
}

/** A token's facts for the home. */
export function carriedIdentity(identity: Identity | undefined): CarriedIdentity | undefined {
  if (identity === undefined) return undefined;
  const { expiresAt: _, ...facts } = identity;
  return facts;
}

/** Clocks of two nodes are not compared. */
export function judgedIdentity({ expiresAt, ...facts }: Identity, nowMs: number): JudgedIdentity {
  return { facts, leftMs: expiresAt === undefined ? null : expiresAt - nowMs };
}

/** Reads what `judgedIdentity` wrote. */
export function identityOf({ facts, leftMs }: JudgedIdentity, nowMs: number): Identity {
  return { ...facts, expiresAt: leftMs === null ? undefined : nowMs + leftMs };
}
