import type { Authenticator } from "../../auth/authenticator.ts";
import type { Clock } from "../../core/clock.ts";
import type { PeerId } from "../../core/events.ts";
import type { StoredRooms } from "../../core/kept.ts";
import type { DialectContext } from "../dialect.ts";
import type { EncodeOnce } from "../kit/encode_once.ts";
import type { JsonOnce } from "../kit/json_once.ts";
import type { Place } from "../kit/seat.ts";
import type { IdHalf } from "../kit/server_ids.ts";
import type { Departed } from "./departed.ts";
import type { ProfileLimits } from "./description.ts";
import type { HeldInstances } from "./held.ts";
import type { InstanceContext } from "./instance.ts";
import type { FrameLimits } from "./messages.ts";
import type { OtherNodes } from "./other_nodes.ts";
import type { Posts } from "./posts.ts";
import type { Secrets } from "./secrets.ts";

/** The dialect's bounds, each an option. */
export interface SimpleLimits extends ProfileLimits, FrameLimits {
  readonly maxMembers: number;
  readonly maxInstances: number;
  readonly maxRoomLength: number;
  /** Take-backs of one instance within the window. */
  readonly maxTakeBacks: number;
  readonly takeBackWindowMs: number;
  /** How long a node waits for the state of a peer on its way. */
  readonly moveMs: number;
}

/** Shared by all sessions of the dialect. */
export interface SimpleServer extends Place {
  readonly clock: Pick<Clock, "now" | "after" | "delay">;
  readonly secrets: Secrets;
  readonly authenticator: Authenticator;
  /** How peers' ids begin. */
  readonly idHalf: IdHalf;
  /** A p_id needs no secret: for closed networks. */
  readonly trustIds: boolean;
  readonly limits: SimpleLimits & InstanceContext["limits"];
  readonly news: EncodeOnce<string>;
  readonly json: JsonOnce;
  /** Keeps what an operator says of peers. */
  readonly rooms: Pick<StoredRooms, "description" | "describe">;
  /** Instances that are held for their clients to come back. */
  readonly held: HeldInstances;
  readonly total: InstanceContext["total"];
  readonly departed: Departed;
  readonly posts: Posts;
  /** The other nodes; undefined for a server that is alone. */
  nodes: OtherNodes | undefined;
  /** The realm has peers of other dialects. */
  readonly isBridged: boolean;
  readonly warn: DialectContext["warn"];
  /** Claims of ids that wait for their answer, and peers on the move; they end without an error. */
  readonly claims: Map<PeerId, Promise<void>>;
  /** How long a lost instance is held; 0 means not at all. */
  readonly resumeMs: number;
  readonly maxFrameBytes: number;
  readonly iceServers: DialectContext["iceServers"];
}
