import type { Clock } from "../../core/clock.ts";
import { type Engine, type EngineConnection, EngineError } from "../engine/engine.ts";
import { type Item, itemsIn } from "./inbox.ts";
import { runOf } from "../engine/scripts.ts";

/** How long a read waits for items, and how much longer for an answer. */
const BLOCK_MS = 1_000;
const SPARE_MS = 3_000;
const MOST_ITEMS = 512;
const FIRST_DELAY_MS = 20;
const LONGEST_DELAY_MS = 250;

export interface ReaderOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly prefix: string;
  /** The run of the engine in which the node is registered. */
  readonly run: () => string;
  /** Resolves when this node may act on what it reads; undefined if it may. */
  readonly mayAct: () => Promise<void> | undefined;
  readonly handle: (item: Item) => void;
  /** The connection has ended, or there is none. */
  readonly failed: () => void;
}

/** Reads a node's inbox by a connection of its own, in order. */
export class Reader {
  readonly #options: ReaderOptions;
  #node = "";
  #place = "0-0";
  #isStopped = false;
  #close: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** The place of the newest item that was handled; undefined before the first. */
  get place(): string | undefined {
    return this.#place === "0-0" ? undefined : this.#place;
  }

  /** Reads the inbox of this incarnation from now on, from its beginning. */
  follow(node: string): void {
    this.#node = node;
    this.#place = "0-0";
    this.#close?.();
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#close?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    let delayMs = FIRST_DELAY_MS;
    while (!this.#isStopped) {
      try {
        const connection = await this.#options.engine.connect("read");
        this.#close = () => connection.close();
        try {
          await this.#checkRun(connection);
          for (; !this.#isStopped; delayMs = FIRST_DELAY_MS) await this.#read(connection);
        } finally {
          connection.close();
        }
      } catch {
        // The calls' connection reports the loss, as soon as it is used.
        if (!this.#isStopped) this.#options.failed();
        await clock.delay(delayMs);
        delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS);
      }
    }
  }

  /** Another run of the engine has other items, and the node has to be registered in it first. */
  async #checkRun(connection: EngineConnection): Promise<void> {
    if (await runOf(connection) !== this.#options.run()) {
      throw new EngineError("other", "was started again");
    }
  }

  async #read(connection: EngineConnection): Promise<void> {
    const node = this.#node;
    const key = `${this.#options.prefix}in:${node}`;
    const count = ["COUNT", String(MOST_ITEMS), "BLOCK", String(BLOCK_MS)];
    const command = ["XREAD", ...count, "STREAMS", key, this.#place];
    const items = itemsIn(await connection.command(command, BLOCK_MS + SPARE_MS));
    const isWaiting = items.length > 0 ? this.#options.mayAct() : undefined;
    if (isWaiting !== undefined) await isWaiting;
    for (const item of items) {
      // An incarnation that has ended is not heard any more.
      if (this.#node !== node || this.#isStopped) return;
      this.#place = item.place;
      this.#options.handle(item);
    }
  }
}
