import { createHash } from "node:crypto";
import {
  type Engine,
  type EngineConnection,
  EngineError,
  type Reply,
} from "../../../src/cluster/engine.ts";
import type { FakeClock } from "../session/fake_clock.ts";
import { EngineData } from "./commands.ts";
import { LuaScripts, type LuaValue } from "./lua.ts";

/** Numbers from 0 to 1 that only the seed decides. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

export interface MemoryEngineOptions {
  readonly clock: FakeClock;
  readonly seed?: number;
  /** Longest way of a command or an answer, in ms; 0 for none. */
  readonly delayMs?: number;
}

/**
 * The engine in this process: the real scripts over data that no network is between. Delays, broken
 * connections and restarts are decided by a seed and by the test.
 */
export class MemoryEngine implements Engine {
  readonly place = "redis://memory";
  readonly data: EngineData;
  readonly #options: MemoryEngineOptions;
  readonly #random: () => number;
  readonly #lua: LuaScripts;
  readonly #scripts = new Map<string, string>();
  readonly #connections = new Set<MemoryConnection>();
  #run = 1;
  #isAway = false;
  /** Commands that were carried out, but for reads of empty inboxes. */
  commands = 0;
  #wallMs = 1_700_000_000_000;

  constructor(options: MemoryEngineOptions) {
    this.#options = options;
    this.#random = randomOf(options.seed ?? 1);
    const offset = this.#wallMs - options.clock.now();
    this.data = new EngineData(() => options.clock.now() + offset);
    this.#lua = new LuaScripts((args) => this.data.call(args));
  }

  async connect(): Promise<EngineConnection> {
    await this.way();
    if (this.#isAway) throw new EngineError("unreachable", "connection refused");
    const connection = new MemoryConnection(this, this.#options.clock);
    this.#connections.add(connection);
    return connection;
  }

  /** Breaks every connection; commands under way may have been carried out. */
  breakConnections(): void {
    for (const connection of [...this.#connections]) connection.fail();
  }

  /** Ends the process of the engine. */
  kill(): void {
    this.#isAway = true;
    this.breakConnections();
  }

  /** Starts it again. @param keeps false for one that comes back empty */
  start({ keeps }: { readonly keeps: boolean }): void {
    this.#isAway = false;
    this.#run++;
    this.#scripts.clear();
    if (!keeps) this.data.clear();
  }

  /** Takes as long as the network does. */
  async way(): Promise<void> {
    const { clock, delayMs = 0 } = this.#options;
    if (delayMs > 0) await clock.delay(Math.floor(this.#random() * delayMs) + 1);
  }

  forget(connection: MemoryConnection): void {
    this.#connections.delete(connection);
  }

  /** Carries out one command, but for a read that waits. */
  execute(args: readonly string[]): Reply {
    this.commands++;
    const [name = "", text = "", , ...rest] = args;
    switch (name) {
      case "INFO":
        return `# Server\r\nrun_id:${this.#run}\r\n`;
      case "EVAL":
        this.#scripts.set(createHash("sha1").update(text).digest("hex"), text);
        return replyOf(this.#lua.run(text, rest));
      case "EVALSHA": {
        const script = this.#scripts.get(text);
        if (script === undefined) throw new EngineError("other", "NOSCRIPT No matching script");
        return replyOf(this.#lua.run(script, rest));
      }
      case "HSCAN":
        return ["0", replyOf(this.data.call(["HGETALL", text]))];
      default:
        return replyOf(this.data.call(args));
    }
  }
}

class MemoryConnection implements EngineConnection {
  readonly #engine: MemoryEngine;
  readonly #clock: FakeClock;
  readonly #ended = Promise.withResolvers<never>();
  #isOpen = true;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  constructor(engine: MemoryEngine, clock: FakeClock) {
    this.#engine = engine;
    this.#clock = clock;
    this.#ended.promise.catch(() => {});
  }

  async command(args: readonly string[]): Promise<Reply> {
    return await Promise.race([this.#carryOut(args), this.#ended.promise]);
  }

  close(): void {
    this.fail();
  }

  fail(): void {
    this.#isOpen = false;
    this.#engine.forget(this);
    this.#ended.reject(new EngineError("unreachable", "connection lost"));
  }

  async #carryOut(args: readonly string[]): Promise<Reply> {
    if (!this.#isOpen) throw new EngineError("unreachable", "connection lost");
    await this.#engine.way();
    if (!this.#isOpen) throw new EngineError("unreachable", "connection lost");
    const reply = args[0] === "XREAD" ? await this.#read(args) : this.#engine.execute(args);
    await this.#engine.way();
    return reply;
  }

  /** Waits for items as long as the command says. */
  async #read(args: readonly string[]): Promise<Reply> {
    const [key = "", place = ""] = args.slice(-2);
    const until = this.#clock.now() + Number(args[4]);
    while (this.#isOpen) {
      const entries = this.#engine.data.after(key, place, Number(args[2]));
      if (entries.length > 0) {
        this.#engine.commands++;
        return [[key, entries.map(({ ms, count, fields }) => [`${ms}-${count}`, [...fields]])]];
      }
      if (this.#clock.now() >= until) return null;
      await this.#clock.delay(1);
    }
    throw new EngineError("unreachable", "connection lost");
  }
}

function replyOf(value: LuaValue): Reply {
  if (value === false) return null;
  return typeof value === "object" ? value.map(replyOf) : value;
}
