import { createHash } from "node:crypto";
import {
  type Engine,
  type EngineConnection,
  EngineError,
  type Reply,
} from "../../../src/cluster/engine/engine.ts";
import type { FakeClock } from "../session/fake_clock.ts";
import { type EngineCopy, EngineData } from "./commands.ts";
import { LuaScripts, type LuaValue, Status } from "./lua.ts";

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
  /** The share of the commands that arrive late although their connection broke on their way. */
  readonly stragglers?: number;
}

/** The answers of Redis to a write. */
const REFUSALS = {
  memory: "OOM command not allowed when used memory > 'maxmemory'.",
  replica: "READONLY You can't write against a read only replica.",
};
/** How long a connection may take to be made. */
const CONNECT_MS = 2_500;
/** Longest way of a command whose connection broke. */
const STRAY_MS = 400;
/** Shared by all engines: compiling the scripts takes longer than most tests. */
const LUA = new LuaScripts();

/**
 * The engine in this process: the real scripts over data that no network is between. Delays, broken
 * connections and restarts are decided by a seed and by the test.
 */
export class MemoryEngine implements Engine {
  readonly place = "redis://memory";
  readonly data: EngineData;
  readonly #options: MemoryEngineOptions;
  readonly #random: () => number;
  readonly #scripts = new Map<string, string>();
  readonly #connections = new Set<MemoryConnection>();
  #run = 1;
  #isAway = false;
  #refusal: EngineError | undefined;
  /** Resolves with the next command. */
  #carriedOut = Promise.withResolvers<void>();
  #thawed: PromiseWithResolvers<void> | undefined;
  /** Commands that were carried out, but for reads of empty inboxes. */
  commands = 0;
  #wallMs = 1_700_000_000_000;

  constructor(options: MemoryEngineOptions) {
    this.#options = options;
    this.#random = randomOf(options.seed ?? 1);
    const begunAtMs = options.clock.now();
    this.data = new EngineData(() => this.#wallMs + options.clock.now() - begunAtMs);
  }

  async connect(): Promise<EngineConnection> {
    await this.way();
    if (this.#isAway) throw new EngineError("unreachable", "connection refused");
    await within(this.#options.clock, this.awake(), CONNECT_MS);
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
    this.thaw();
  }

  /**
   * Starts it again.
   * @param keeps false for one that comes back empty, or a copy of data that is older
   */
  start({ keeps }: { readonly keeps: boolean | EngineCopy }): void {
    this.#isAway = false;
    this.#run++;
    this.#scripts.clear();
    if (keeps === false) this.data.clear();
    else if (keeps !== true) this.data.restore(keeps);
  }

  /** Stops its process: commands that arrive wait, and connections stay. */
  freeze(): void {
    this.#thawed ??= Promise.withResolvers();
  }

  /** Continues it, and carries out the commands that have arrived, also by connections given up. */
  thaw(): void {
    this.#thawed?.resolve();
    this.#thawed = undefined;
  }

  /** Takes no write from now on, or every write again. */
  refuse(why: "memory" | "replica" | undefined): void {
    this.#refusal = why && new EngineError(why, REFUSALS[why]);
  }

  /** Resolves while it is not frozen. */
  async awake(): Promise<void> {
    while (this.#thawed !== undefined) await this.#thawed.promise;
  }

  /** Whether a command arrives whose connection has broken on its way, after a while then. */
  async strays(): Promise<boolean> {
    const { clock, stragglers = 0 } = this.#options;
    if (stragglers === 0 || this.#random() >= stragglers) return false;
    const { run } = this;
    await clock.delay(Math.floor(this.#random() * STRAY_MS) + 1);
    return !this.#isAway && run === this.run;
  }

  /** Puts its clock forward, and not that of the nodes. */
  skip(ms: number): void {
    this.#wallMs += ms;
  }

  /** Which start of the process this is. */
  get run(): number {
    return this.#run;
  }

  /** Takes as long as the network does. */
  async way(): Promise<void> {
    const { clock, delayMs = 0 } = this.#options;
    if (delayMs > 0) await clock.delay(Math.floor(this.#random() * delayMs) + 1);
  }

  forget(connection: MemoryConnection): void {
    this.#connections.delete(connection);
  }

  /** Resolves when a command has been carried out, or after a time. */
  async news(mostMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    using _timer = this.#options.clock.after(mostMs, over.resolve);
    await Promise.race([this.#carriedOut.promise, over.promise]);
  }

  /** Carries out one command, but for a read that waits. */
  execute(args: readonly string[]): Reply {
    this.commands++;
    try {
      return this.#carryOut(args);
    } finally {
      this.#carriedOut.resolve();
      this.#carriedOut = Promise.withResolvers();
    }
  }

  #carryOut(args: readonly string[]): Reply {
    const [name = "", text = "", , ...rest] = args;
    // The first command of every script that changes something is a write.
    if (name.startsWith("EVAL") && this.#refusal !== undefined) throw this.#refusal;
    switch (name) {
      case "INFO":
        return `# Server\r\nrun_id:${this.#run}\r\n`;
      case "EVAL":
        this.#scripts.set(createHash("sha1").update(text).digest("hex"), text);
        return this.#runScript(text, rest);
      case "EVALSHA": {
        const script = this.#scripts.get(text);
        if (script === undefined) throw new EngineError("other", "NOSCRIPT No matching script");
        return this.#runScript(script, rest);
      }
      case "HSCAN":
        return ["0", replyOf(this.data.call(["HGETALL", text]))];
      default:
        return replyOf(this.data.call(args));
    }
  }

  #runScript(text: string, args: readonly string[]): Reply {
    try {
      return replyOf(LUA.run(text, args, (command) => this.data.call(command)));
    } catch (error) {
      const message = error instanceof Error ? error.message : "";
      throw message.startsWith("WRONGTYPE") ? new EngineError("type", message) : error;
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

  async command(args: readonly string[], limitMs: number): Promise<Reply> {
    const answer = this.#carryOut(args);
    answer.catch(() => {});
    return await within(this.#clock, Promise.race([answer, this.#ended.promise]), limitMs);
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
    const { run } = this.#engine;
    await this.#engine.way();
    if (!this.#isOpen && !await this.#engine.strays()) {
      throw new EngineError("unreachable", "connection lost");
    }
    await this.#engine.awake();
    if (this.#engine.run !== run) throw new EngineError("unreachable", "connection lost");
    const reply = args[0] === "XREAD" ? await this.#read(args) : this.#engine.execute(args);
    await this.#engine.way();
    return reply;
  }

  /** Waits for items as long as the command says. */
  async #read(args: readonly string[]): Promise<Reply> {
    const [key = "", place = ""] = args.slice(-2);
    const until = this.#clock.now() + Number(args[4]);
    while (this.#isOpen) {
      await this.#engine.awake();
      const entries = this.#engine.data.after(key, place, Number(args[2]));
      if (entries.length > 0) {
        this.#engine.commands++;
        return [[key, entries.map(({ ms, count, fields }) => [`${ms}-${count}`, [...fields]])]];
      }
      const leftMs = until - this.#clock.now();
      if (leftMs <= 0) return null;
      await Promise.race([this.#engine.news(leftMs), this.#ended.promise]);
    }
    throw new EngineError("unreachable", "connection lost");
  }
}

async function within<T>(clock: FakeClock, work: Promise<T>, limitMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  using _timer = clock.after(
    limitMs,
    () => late.reject(new EngineError("unreachable", "timed out")),
  );
  return await Promise.race([work, late.promise]);
}

function replyOf(value: LuaValue): Reply {
  if (value === false) return null;
  if (typeof value !== "object") return value;
  return value instanceof Status ? value.word : value.map(replyOf);
}
