import { setImmediate } from "node:timers";
import type { ClusterEvent } from "../../../src/cluster/events.ts";
import { acceptLoss } from "../../../src/cluster/loss.ts";
import { ClusterNode } from "../../../src/cluster/node.ts";
import type { NodeLimits } from "../../../src/cluster/limits.ts";
import { sealOf } from "../../../src/cluster/seal.ts";
import type { Backplane } from "../../../src/core/nodes/backplane.ts";
import { SharedHub } from "../../../src/core/nodes/shared_hub.ts";
import type { HubLimits } from "../../../src/core/limits.ts";
import { FakeClock } from "../session/fake_clock.ts";
import { EngineLink } from "./engine_link.ts";
import { NODE_LIMITS } from "./limits.ts";
import { MemoryEngine } from "./memory_engine.ts";
import { ProcessClock } from "./process_clock.ts";

export interface MemoryClusterOptions {
  readonly nodes?: number;
  readonly seed?: number;
  readonly delayMs?: number;
  /** The share of the commands that arrive late although their connection broke on their way. */
  readonly stragglers?: number;
  readonly limits?: Partial<HubLimits>;
  readonly waitMs?: number;
  /** Those of each node's work for the cluster. */
  readonly work?: Partial<NodeLimits>;
  readonly maxUnconfirmedBytes?: number;
  readonly maxUnconfirmedBytesPerSender?: number;
  /** Seals private bodies in the engine. */
  readonly secret?: string;
  /** Whether nodes give ids out while the engine is away. */
  readonly acceptsLoss?: boolean;
  /** Makes the hub of a node; one with the limits alone elsewhere. */
  readonly hubOf?: (node: Backplane) => SharedHub;
}

/** One node of a cluster in this process. */
export interface MemoryNode {
  readonly node: ClusterNode;
  readonly hub: SharedHub;
  readonly events: ClusterEvent[];
  /** Its own way to the engine. */
  readonly link: EngineLink;
  /** The time of its process. */
  readonly clock: ProcessClock;
}

/** After this time a new cluster is formed. */
const FORMING_MS = 2_500;
/** After this time all nodes have asked whether it is. */
const ASKED_AGAIN_MS = 250;

const NO_LIMITS: HubLimits = {
  maxPeers: Infinity,
  maxRooms: Infinity,
  maxRoomMembers: Infinity,
  maxRoomInfoBytes: Infinity,
};

/** Lets everything happen that needs no time. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Nodes over an engine in this process. Time passes only when a test lets it. */
export class MemoryCluster implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly engine: MemoryEngine;
  readonly nodes: MemoryNode[] = [];
  readonly #options: MemoryClusterOptions;
  /** Nodes that were killed. */
  readonly #killed: MemoryNode[] = [];
  #made = 0;
  #isFormed = false;

  private constructor(options: MemoryClusterOptions) {
    this.#options = options;
    const { seed = 1, delayMs = 0, stragglers = 0 } = options;
    this.engine = new MemoryEngine({ clock: this.clock, seed, delayMs, stragglers });
  }

  get seed(): number {
    return this.#options.seed ?? 1;
  }

  /** A cluster that is formed. */
  static async form(options: MemoryClusterOptions = {}): Promise<MemoryCluster> {
    const cluster = MemoryCluster.begin(options);
    await cluster.pass(FORMING_MS);
    cluster.#isFormed = true;
    return cluster;
  }

  /** A cluster that forms as soon as time passes. */
  static begin(options: MemoryClusterOptions = {}): MemoryCluster {
    const cluster = new MemoryCluster(options);
    for (let index = 0; index < (options.nodes ?? 2); index++) cluster.add();
    return cluster;
  }

  /** One more node. @param process has a dash for one that reads messages as earlier versions do */
  add(name = `n${this.nodes.length + 1}`, process?: string): MemoryNode {
    const one = this.#make(name, process);
    this.nodes.push(one);
    return one;
  }

  /** Kills the process of a node. Another one starts in its place in the list. */
  replace(index: number, name: string): void {
    const old = this.at(index);
    old.clock.stop();
    old.link.cut();
    this.#killed.push(old);
    this.nodes[index] = this.#make(name);
  }

  #make(name: string, process = `${name}p${this.#made++}`): MemoryNode {
    const events: ClusterEvent[] = [];
    const { waitMs = 5_000, maxUnconfirmedBytes = 16_777_216 } = this.#options;
    const { maxUnconfirmedBytesPerSender = maxUnconfirmedBytes } = this.#options;
    const clock = new ProcessClock(this.clock);
    const link = new EngineLink(this.engine, clock);
    const node = new ClusterNode({
      engine: link,
      clock,
      prefix: "test:1:",
      name,
      process,
      incarnation: "",
      leaseMs: 6_000,
      settings: "same",
      seal: sealOf(this.#options.secret),
      report: (event) => events.push(event),
      waitMs,
      ...NODE_LIMITS,
      maxUnconfirmedBytes,
      maxUnconfirmedBytesPerSender,
      ...this.#options.work,
    });
    const { hubOf, limits, acceptsLoss = false } = this.#options;
    const backplane = acceptsLoss ? acceptLoss(node, clock) : node;
    const hub = hubOf?.(backplane) ?? new SharedHub({ ...NO_LIMITS, ...limits }, backplane);
    return { node, hub, events, link, clock };
  }

  at(index: number): MemoryNode {
    const one = this.nodes[index];
    if (one === undefined) throw new RangeError(`Cannot use node ${index}: there is none`);
    return one;
  }

  hub(index: number): SharedHub {
    return this.at(index).hub;
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await breathe();
    for (let left = ms; left > 0;) left -= await this.#step(left);
  }

  /** Lets time pass to the next moment at which something happens. Returns how much it was. */
  async #step(mostMs: number): Promise<number> {
    const stepMs = Math.min(mostMs, Math.max(1, Math.ceil(this.clock.nextMs)));
    this.clock.advance(stepMs);
    await breathe();
    return stepMs;
  }

  /** Lets time pass until the nodes ask the engine for nothing more, and it has nothing for them. */
  async quiet(): Promise<void> {
    if (!this.#isFormed) await this.#form();
    this.#isFormed = true;
    for (let seen = -1; seen !== this.engine.commands;) {
      seen = this.engine.commands;
      await this.pass(3);
    }
  }

  /** Forms the cluster soon: nodes that wait for it ask the engine again and again. */
  async #form(): Promise<void> {
    await this.pass(ASKED_AGAIN_MS);
    this.engine.skip(FORMING_MS);
    await this.pass(ASKED_AGAIN_MS);
  }

  /** Lets time pass until a step is done. */
  async during<T>(step: T | Promise<T>, mostMs = 20_000): Promise<T> {
    let isDone = false;
    const done = Promise.resolve(step).finally(() => isDone = true);
    done.catch(() => {});
    await breathe();
    for (let left = mostMs; !isDone && left > 0;) left -= await this.#step(left);
    if (!isDone) throw new Error(`Cannot wait longer than ${mostMs} ms for a step`);
    return await done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = Promise.all(this.nodes.map(({ node }) => node.stop()));
    await this.during(stopped);
    for (const { events } of [...this.nodes, ...this.#killed]) {
      for (const event of events) if (event.type === "fault") throw event.error;
    }
  }
}
