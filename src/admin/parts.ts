import type { Turns } from "../core/breaks.ts";
import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/kept.ts";
import type { Hub } from "../core/hub.ts";
import type { OpenDialect } from "../dialects/dialect.ts";
import type { ConnectionFacts } from "../transport/connections.ts";
import type { SenderReport } from "../webhooks/mod.ts";
import type { EventFeed } from "./events.ts";
import type { Fleet } from "./fleet.ts";
import type { Operator } from "./operator.ts";

/** A dialect at work. */
export interface AdminDialect {
  readonly name: string;
  readonly title: string;
  /** Its space of ids and rooms, which bridged dialects share. */
  readonly realm: string;
  readonly dialect: OpenDialect;
}

/** An option, its value and where that came from; a secret has no value here. */
export interface ConfigItem {
  readonly option: string;
  readonly value?: unknown;
  readonly source: "flag" | "variable" | "file" | "default";
  readonly isSecret?: true;
  readonly isSet?: boolean;
}

/** Facts of the server itself. */
export interface ServerFacts {
  readonly version: string;
  readonly deno: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  readonly instance: string;
  readonly basePath: string;
  readonly auth: { readonly mode: string; readonly dialects: readonly string[] };
  readonly store: () => { readonly kind: string; readonly trouble: string | undefined };
  readonly urls: () => readonly string[];
  readonly state: () => "starting" | "ready" | "draining";
  /** Connections that were admitted. */
  readonly connections: () => number;
}

/** The parts of the server that operators reach. */
export interface AdminParts {
  readonly server: ServerFacts;
  /** The other nodes; undefined on a server of one node. */
  readonly fleet?: Fleet | undefined;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly turns: Turns;
  readonly hub: Hub;
  readonly connections: {
    find(id: string): ConnectionFacts | undefined;
  };
  readonly dialects: readonly AdminDialect[];
  readonly operator: Operator;
  readonly events: EventFeed;
  readonly configItems: () => readonly ConfigItem[];
  readonly webhooks: () => readonly SenderReport[];
  readonly drain: (request: {
    readonly closeOverSeconds?: number | undefined;
    readonly exit?: boolean | undefined;
  }) => void;
  /** False if the process is going to end. */
  readonly undrain: () => boolean;
  /** Resolves with what cannot be used. */
  readonly reload: () => Promise<readonly string[]>;
  readonly expose: () => string | Promise<string>;
}
