import { createClient, type RedisClientType } from "@redis/client";
import type { Clock } from "../../core/clock.ts";
import { Deadlines } from "./deadlines.ts";
import {
  type Engine,
  type EngineConnection,
  EngineError,
  type EngineTrouble,
  LATE,
  type Reply,
} from "./engine.ts";
import type { EngineAddress, HostAndPort } from "./address.ts";
import { connectPrimary } from "./sentinels.ts";

export interface RedisOptions {
  readonly clock: Clock;
  readonly place: EngineAddress;
  /** For the engine's list of its clients. */
  readonly name: string;
  /** Beside those of the place, read at every connection, because a reload changes them. */
  readonly passwords?: () => Passwords;
  readonly connectMs?: number;
  /** PEM texts, read at every connection. */
  readonly tls?: () => Tls;
}

export interface Passwords {
  /** For the engine, where its URL has none. */
  readonly engine: string | undefined;
  readonly sentinels: string | undefined;
}

export interface Tls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

const CONNECT_MS = 2_000;
const SPARE_MS = 500;

/** A Redis or Valkey. Nothing is sent twice, queued or connected again by the library itself. */
export class RedisEngine implements Engine {
  readonly place: string;
  readonly #options: RedisOptions;

  constructor(options: RedisOptions) {
    this.#options = options;
    this.place = options.place.shown;
  }

  async connect(purpose: "call" | "read"): Promise<EngineConnection> {
    const { place: { at, user, database, ...place }, name, passwords } = this.#options;
    const { engine, sentinels } = passwords?.() ?? {};
    const password = place.password ?? engine;
    const login = { database, name: `signalbox:${name}:${purpose}`, username: user, password };
    if (!("sentinels" in at)) return await this.#open(at, login);
    return await connectPrimary(at, {
      sentinel: (where) => this.#open(where, { password: sentinels }),
      engine: (where) => this.#open(where, login),
    });
  }

  async #open(
    at: HostAndPort | { readonly path: string },
    login: Login,
  ): Promise<EngineConnection> {
    const { place: { isSecure }, clock, connectMs = CONNECT_MS } = this.#options;
    const socket = { connectTimeout: connectMs, reconnectStrategy: false as const };
    const where = "path" in at
      ? { path: at.path, tls: false as const }
      : isSecure
      ? { host: at.host, port: at.port, tls: true as const, ...this.#tls() }
      : { host: at.host, port: at.port };
    const client = createClient({
      socket: { ...socket, ...where },
      disableOfflineQueue: true,
      disableClientInfo: true,
      // By default each command makes a signal whose timer lives for 5 s, also after the answer.
      commandOptions: { timeout: 0 },
      RESP: 2,
      ...Object.fromEntries(Object.entries(login).filter(([, value]) => value !== undefined)),
    });
    // Every failure also ends the commands that are under way.
    client.on("error", () => {});
    // With another version of the protocol its replies would have other types.
    const connection = new RedisConnection(client as unknown as RedisClientType, clock);
    try {
      await connection.connect(connectMs + SPARE_MS);
      return connection;
    } catch (error) {
      connection.close();
      throw troubleOf(error);
    }
  }

  /** Read at every connection: an unreadable file may be there at the next one. */
  #tls(): Tls {
    try {
      return this.#options.tls?.() ?? {};
    } catch (error) {
      throw new EngineError("unreachable", `TLS: ${wordsOf(error).message}`);
    }
  }
}

/** How a connection introduces itself. */
interface Login {
  readonly name?: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: number;
}

class RedisConnection implements EngineConnection {
  readonly #client: RedisClientType;
  readonly #deadlines: Deadlines;
  #isClosed = false;

  get isOpen(): boolean {
    return !this.#isClosed && this.#client.isReady;
  }

  constructor(client: RedisClientType, clock: Clock) {
    this.#client = client;
    this.#deadlines = new Deadlines(clock);
  }

  async connect(limitMs: number): Promise<void> {
    await this.#deadlines.within(this.#client.connect(), limitMs);
  }

  command(args: readonly string[], limitMs: number): Promise<Reply> {
    if (this.#isClosed) return Promise.reject(new EngineError("unreachable", "connection lost"));
    // The library's own type of replies has more members than these commands can answer.
    const reply = this.#client.sendCommand([...args]) as Promise<Reply>;
    return this.#deadlines.within(reply, limitMs, troubleOf);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#deadlines[Symbol.dispose]();
    this.#client.destroy();
  }
}

/** The engine's own words, or the system's, for each kind of trouble. */
const TROUBLES: readonly [RegExp, EngineTrouble, string?][] = [
  [/^LOADING/, "loading"],
  [/^READONLY|-READONLY|^MASTERDOWN/, "replica"],
  // Redis before 7 puts the refusal of a command behind that of the script.
  [/^OOM|-OOM/, "memory"],
  [/^(MISCONF|BUSY|NOREPLICAS)|-(MISCONF|NOREPLICAS)/, "unwritable"],
  [/^WRONGTYPE|: -?WRONGTYPE/, "type"],
  [/^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH|ERR Client sent AUTH)/, "login"],
  [/^NOPERM/, "forbidden"],
  [/DB index is out of range|invalid DB index/, "database"],
  [/^Requires \w+ access to /, "permission"],
  [/ECONNREFUSED|refused/i, "unreachable", "connection refused"],
  [/ENOTFOUND|EAI_|getaddrinfo|dns error/i, "unreachable", "no such host"],
  [/ENOENT/, "unreachable", "no such socket"],
  [/timed? ?out/i, "unreachable", LATE],
  [/cert|self.signed|SSL|TLS|handshake/i, "unreachable", "TLS: $"],
];

function troubleOf(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const { code, message } = wordsOf(error);
  const text = `${message} ${code}`.trim();
  for (const [pattern, trouble, words] of TROUBLES) {
    if (pattern.test(text)) {
      return new EngineError(trouble, words?.replace("$", message) ?? message);
    }
  }
  return new EngineError(/^[A-Z]+ /.test(message) ? "other" : "unreachable", message || "lost");
}

function wordsOf(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof AggregateError && error.message === "") return wordsOf(error.errors[0]);
  if (!(error instanceof Error)) return { code: "", message: String(error) };
  return { code: "code" in error ? String(error.code) : "", message: error.message };
}
