import type * as z from "zod";
import type { Authenticator } from "../auth/authenticator.ts";
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

/** What the server lends to a dialect while it runs. */
export interface DialectContext {
  readonly hub: Hub;
  /** The space of ids and rooms that the dialect's peers live in. */
  readonly realm: string;
  /** The dialect's own name. */
  readonly dialect: string;
  /** True if the realm has peers of other dialects as well. */
  readonly isBridged: boolean;
  readonly clock: Clock;
  /** What clients write before the dialect's own paths, such as "/signal"; mostly empty. */
  readonly basePath: string;
  /** Judges the clients' tokens. */
  readonly authenticator: Authenticator;
  /** What outlives connections and, where so configured, this process. */
  readonly store: DialectStore;
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
  /** What an operator may do with the dialect's rooms. */
  readonly operations?: RoomOperations;
  /** What an operator may do with the dialect's ids. */
  readonly ids?: IdOperations;
  /** Whether the store's secret is behind what it gives out: not where one is configured. */
  readonly usesStoredSecret?: boolean;
  /** Numbers worth watching. */
  readonly gauges?: readonly Gauge[];
  /** Numbers that only grow. */
  readonly counters?: readonly Counter[];
  /**
   * What clients can go on with after a planned restart. Asked once, when all connections are closed
   * and before the dialect is disposed of; the next run finds it in its store.
   */
  readonly seal?: () => Sealing;
}

/** What is sealed; see DialectStore. */
export interface Sealing {
  /** Anything that JSON can hold, one client's or one call's each; the most precious first. */
  readonly items: Iterable<unknown>;
  /** After this long nobody can go on with any of it. */
  readonly lifetimeMs: number;
}

/** A number that is read when somebody asks. */
export interface Gauge {
  /** Such as "held_bytes"; the server's name goes before it. */
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

/** A count that is kept by the dialect and read when somebody asks; it only grows. */
export interface Counter extends Gauge {
  /** Labels beside the dialect's name, such as { reason: "rate" }; never from clients. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * What came of describing a member. "invalid": it is no description of the dialect. "full": the
 * store takes no more.
 */
export type Described = "described" | "unknown" | "invalid" | "too_large" | "full";

/** A room in an operator's list. */
export interface OperatedRoom extends RoomReport {
  /** What the server says in it beside what members say; undefined where that is nothing. */
  readonly standing?: readonly PeerSummary[];
  /** What else the dialect knows of the room, such as { subscribers: 2 }. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

/** Rooms in an operator's hands. */
export interface RoomOperations {
  /** Rooms with their members and descriptions, and those that are kept without members. */
  list(): OperatedRoom[];
  /**
   * Sets a member's description, or takes it away with null; the others are told.
   * @param description JSON, which nobody changes afterwards
   */
  describe(room: string, member: string, description: unknown): Described;
  /** Ends a room: its members are told and hung up on. False where there is none. */
  stop(room: string): boolean;
  /** Makes a room exist without members and after a restart, or changes what is said of it. */
  keep?(room: string, settings?: unknown): KeepOutcome;
  /** Keeps a room no longer: it ends with its last member. False where it was not kept so. */
  forget?(room: string): boolean;
}

/** Ids in an operator's hands: each stays with who knows its token. */
export interface IdOperations {
  /**
   * Keeps an id for a token, whoever had it before, for so long after it was last seen, or for ever;
   * whoever uses it now stays until it leaves.
   */
  reserve(id: string, holder: Holder, lifetimeMs?: number): Promise<KeepOutcome>;
  /** Gives an id up, a client's too; false where it was nobody's. */
  forget(id: string): Promise<boolean>;
  /** Those that operators reserved. */
  list(): Reserved[];
}

/** One wire protocol. The rest of the server knows nothing else about it. */
export interface Dialect {
  /** Its name in options, realms, logs and metrics. */
  readonly name: string;
  /** Its name for people. */
  readonly title: string;
  /** Its part of the configuration. */
  readonly options: z.ZodObject;
  /** The tokens that its part of a checked configuration names for its own clients. */
  tokens?(options: unknown): readonly string[];
  /** True if its peers have legs: then they can be called from other dialects. */
  readonly isBridgeable?: true;
  /** Starts it with its part of a checked configuration. */
  open(options: unknown, context: DialectContext): OpenDialect;
}

/**
 * Ties a dialect's options to their type. The cast holds because the configuration's schema is made
 * of the dialects' own: what `open` is given has been checked by this very `options`.
 */
export function defineDialect<Shape extends z.core.$ZodLooseShape>(
  dialect: Omit<Dialect, "options" | "open" | "tokens"> & {
    readonly options: z.ZodObject<Shape>;
    readonly tokens?: (options: z.output<z.ZodObject<Shape>>) => readonly string[];
    readonly open: (options: z.output<z.ZodObject<Shape>>, context: DialectContext) => OpenDialect;
  },
): Dialect {
  return dialect as Dialect;
}
