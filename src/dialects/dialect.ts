import type * as z from "zod";
import type { Authenticator, Identity } from "../auth/authenticator.ts";
import type { Clock } from "../core/clock.ts";
import type { Hub } from "../core/hub.ts";
import type { RoomReport } from "../core/rooms.ts";
import type { LinkLimits } from "../core/limits.ts";
import type { DialectStore, Holder, KeepOutcome, Reserved } from "../core/kept.ts";
import type { PeerSummary } from "../core/events.ts";
import type { Session } from "../core/session.ts";
import type { NamespaceGreeting, NamespaceLink } from "../transport/links.ts";
import type { Visit } from "../core/visit.ts";
import type { Entrance, Route } from "../http/route.ts";

/** The server's parts for a dialect while it runs. */
export interface DialectContext {
  readonly hub: Hub;
  /** The space of ids and rooms that the dialect's peers live in. */
  readonly realm: string;
  /** The dialect's own name. */
  readonly dialect: string;
  /** True if the realm has peers of other dialects as well. */
  readonly isBridged: boolean;
  readonly clock: Clock;
  /** STUN and TURN servers for one client, as a browser takes them; fresh at each call. */
  readonly iceServers: (identity: Identity | undefined) => readonly unknown[];
  /** The prefix of the dialect's own paths, such as "/signal"; mostly empty. */
  readonly basePath: string;
  /** Judges the clients' tokens. */
  readonly authenticator: Authenticator;
  /** State that outlives connections and, if configured, this process. */
  readonly store: DialectStore;
  /** Logs a warning about a client, for operators. The facts are no text of clients. */
  readonly warn: (what: string, facts: Readonly<Record<string, string | number>>) => void;
}

/** A namespace of the one Socket.IO server, which answers at `/socket.io`. */
export interface Namespace {
  /** Such as "/" or "/ssp". */
  readonly name: string;
  readonly limits: LinkLimits;
  /**
   * Makes the session; it must do nothing before `opened`.
   * @param visit of the connection's first request
   * @param greeting the client's words to this namespace alone
   */
  readonly connect: (visit: Visit, link: NamespaceLink, greeting: NamespaceGreeting) => Session;
}

/** A dialect at work. */
export interface OpenDialect extends Partial<Disposable> {
  readonly routes: readonly Route[];
  /** Where Socket.IO clients reach it. */
  readonly namespaces?: readonly Namespace[];
  /** Where clients reach it: a path, and what to tell people about it. */
  readonly entrances: readonly Entrance[];
  /** The operator's actions on the dialect's rooms. */
  readonly operations?: RoomOperations;
  /** The operator's actions on the dialect's ids. */
  readonly ids?: IdOperations;
  /** Whether the store's secret is behind what it gives out: not where one is configured. */
  readonly usesStoredSecret?: boolean;
  /** Numbers that return to 0 when all clients have gone. */
  readonly gauges?: readonly Reading[];
  /** Numbers that only grow. */
  readonly counters?: readonly Reading[];
  /**
   * Gives what clients can resume to the other nodes, as far as there are any. Called once, when all
   * connections are closed and before `seal`.
   */
  readonly moveAway?: () => Promise<void>;
  /**
   * Returns the state that clients can resume after a planned restart. Called once, when all
   * connections are closed and before the dialect is disposed of; the next run finds it in its
   * store.
   */
  readonly seal?: () => Sealing;
  /** Takes over some of these items from another node of the cluster that has ended as planned. */
  readonly adopt?: (items: readonly unknown[]) => void;
}

/** The sealed items; see DialectStore. */
export interface Sealing {
  /** Anything that JSON can hold, one client's or one call's each; the most precious first. */
  readonly items: Iterable<unknown>;
  /** The time after which no client can resume any of it. */
  readonly lifetimeMs: number;
}

/** A number that the dialect keeps, and that is read at each scrape. */
export interface Reading {
  /** Such as "held_bytes"; with the server's name before it, the catalogue of metrics has it. */
  readonly name: string;
  readonly read: () => number;
  /** Labels beside the dialect's name, such as { reason: "rate" }; never from clients. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * The outcome of describing a member. "invalid": the dialect has no such description. "full": the
 * store takes no more. "unsupported": the dialect has no descriptions.
 */
export type DescribeOutcome =
  | "described"
  | "unknown"
  | "invalid"
  | "too_large"
  | "full"
  | "unsupported";

/** A room in an operator's list. */
export interface OperatedRoom extends RoomReport {
  /** The server's descriptions beside those of members; undefined if there are none. */
  readonly standing?: readonly PeerSummary[];
  /** More facts of the dialect about the room, such as { subscribers: 2 }. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

/** Rooms in an operator's hands. */
export interface RoomOperations {
  /** Rooms without members of the hub's: those that are kept, and those of clients without ids. */
  listIdle?(): OperatedRoom[];
  /** True if the room exists without members. */
  isKept?(room: string): boolean;
  /** The server's descriptions beside those of members. */
  standing?(room: string): readonly PeerSummary[];
  /** Rooms with their members and descriptions, and those that are kept without members. */
  list(): OperatedRoom[];
  /**
   * Sets a member's description, or removes it with null; the others are informed.
   * @param description JSON that stays unchanged afterwards
   */
  describe(room: string, member: string, description: unknown): DescribeOutcome;
  /** Ends a room: its members are informed and closed. False if there is no such room. */
  stop(room: string): boolean;
  /** Makes a room exist without members and after a restart, or changes what is said of it. */
  keep?(room: string, settings?: unknown): KeepOutcome;
  /** Keeps a room no longer: it ends with its last member. False where it was not kept so. */
  forget?(room: string): boolean;
}

/** Ids in an operator's hands: each stays with who knows its token. */
export interface IdOperations {
  /**
   * Keeps an id for a token and replaces any earlier owner, for a time after it was last seen, or
   * for ever. The current user of the id stays until it leaves.
   */
  reserve(id: string, holder: Holder, lifetimeMs?: number): Promise<KeepOutcome>;
  /** Releases an id, a client's too; false if it is not reserved. Rejects while nodes cannot be asked. */
  forget(id: string): Promise<boolean>;
  /** Those that operators reserved. */
  list(): Reserved[];
}

/** Ways to reach a client of another dialect, as people write them. */
export interface BridgedWays {
  /** Calls a client by its id; absent if clients reach nobody outside their room. */
  readonly call?: string;
  /** Enters a room and meets everybody there; absent in a dialect without rooms. */
  readonly meet?: string;
}

/** One wire protocol. The rest of the server knows nothing else about it. */
export interface Dialect<
  Name extends string = string,
  Options extends z.ZodObject = z.ZodObject,
> {
  /** Its name in options, realms, logs and metrics. */
  readonly name: Name;
  /** Its name for people. */
  readonly title: string;
  /** Its part of the configuration. */
  readonly options: Options;
  /** The tokens that its part of a checked configuration names for its own clients. */
  tokens?(options: unknown): readonly string[];
  /** How its clients reach those of other dialects; absent if its peers have no legs. */
  readonly bridging?: BridgedWays;
  /** Starts it with its part of a checked configuration. */
  open(options: unknown, context: DialectContext): OpenDialect;
}

/**
 * Ties a dialect's options to their type. The cast holds because the configuration's schema is made
 * of the dialects' own, so that `options` has checked everything that `open` gets.
 */
export function defineDialect<const Name extends string, Options extends z.ZodObject>(
  dialect: Omit<Dialect<Name, Options>, "open" | "tokens"> & {
    readonly tokens?: (options: z.output<Options>) => readonly string[];
    readonly open: (options: z.output<Options>, context: DialectContext) => OpenDialect;
  },
): Dialect<Name, Options> {
  return dialect as Dialect<Name, Options>;
}
