import type { PeerKey } from "../../core/nodes/backplane.ts";
import type { CallerOwner } from "./caller_owner.ts";
import { type Engine, type EngineConnection, EngineError, listOf } from "../engine/engine.ts";
import type { ReportCluster } from "../events.ts";
import { type KnownNode, KnownNodes } from "../members/known_nodes.ts";
import { APPLY, mistypedKey, run, runOf } from "../engine/scripts.ts";
import { type ProcessFacts, register } from "./registration.ts";
import { Density } from "./density.ts";
import { Standing } from "./standing.ts";
import { END, lengthOf, type Step, type Steps } from "./steps.ts";

const CALL_MS = 2_000;
/** Longest time between two beats; a short lease has shorter ones. */
const BEAT_MS = 2_000;
const BEATS_PER_LEASE = 3;
const FIRST_DELAY_MS = 20;
const LONGEST_DELAY_MS = 250;
/** How often a node looks for others while a lost engine fills again. */
const LOOK_MS = 100;
/** How long calls are carried out step by step after one that met a key of another type. */
const SUSPECT_MS = 60_000;
/** Arguments of one call that fills an engine again, and their characters. */
const MOST_ARGS = 2_000;
const MOST_LENGTH = 512 * 1024;

export interface CallerOptions extends ProcessFacts {
  readonly engine: Engine;
  /** Under which this process is registered already; empty before. */
  readonly incarnation: string;
  readonly report: ReportCluster;
  /** Items of another node's inbox, beyond which it gets no messages. */
  readonly maxInboxItems: number;
}

/** The answer to a call. */
interface Applied {
  readonly formingMs: number;
  readonly outcomes: readonly string[];
  /** Places of steps that failed at a key of another type, from 1 on. */
  readonly failed: ReadonlySet<number>;
  readonly nodes: readonly KnownNode[];
}

interface Call {
  readonly number: number;
  readonly steps: readonly Step[];
}

/** This node's calls to the engine: one at a time, each with everything asked for meanwhile. */
export class Caller {
  readonly #options: CallerOptions;
  readonly #steps: Steps;
  readonly #owner: CallerOwner;
  readonly #standing: Standing;
  #node = "";
  /** The incarnation that the engine knows. */
  #known: string;
  #epoch = "";
  #run = "";
  #greetedRun = "";
  #number = 0;
  /** Sent, and perhaps carried out: it is sent again as it was. */
  #underWay: Call | undefined;
  #isRestoring = false;
  #beatAt = -Infinity;
  #isBeatDue = true;
  #mistypedAt = -Infinity;
  #beat: Disposable | undefined;
  #answeredAt: number;
  #wake = Promise.withResolvers<void>();
  /** Resolves when this node may act again; undefined while nothing waits for that. */
  #acting: PromiseWithResolvers<void> | undefined;
  readonly #density = new Density();
  /** Up to this place the engine has dropped what was read. */
  #trimmed: string | undefined;
  readonly #nodes = new KnownNodes();
  #isStopped = false;
  #close: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(options: CallerOptions, steps: Steps, owner: CallerOwner) {
    this.#options = options;
    this.#known = options.incarnation;
    this.#steps = steps;
    this.#owner = owner;
    this.#standing = new Standing(options.clock, options.report);
    this.#answeredAt = options.clock.now();
  }

  get node(): string {
    return this.#node;
  }

  get standing(): Pick<Standing, "isUp" | "trouble" | "changedAt"> {
    return this.#standing;
  }

  /** True while the engine answers. */
  get isUp(): boolean {
    return this.#standing.isUp;
  }

  /** True while the engine learns what the nodes hold: no step of a client is carried out. */
  get isForming(): boolean {
    return this.isUp && this.#isRestoring;
  }

  /** The run of the engine in which this node is registered. */
  get run(): string {
    return this.#greetedRun;
  }

  /** Messages, or those for this id, are in the call that is under way. */
  isCalling(key?: PeerKey): boolean {
    return this.#underWay?.steps.some(({ parcel }) =>
      parcel !== undefined && (!key || parcel.realm === key.realm && parcel.id === key.id)
    ) === true;
  }

  start(): void {
    this.#running ??= this.#live();
  }

  /** There is something to do. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Finds out whether the engine answers. @returns false if it has not answered lately */
  check(): boolean {
    this.#isBeatDue = true;
    this.#steps.retry();
    this.wake();
    return this.isUp;
  }

  /** By its own clock, others may take this node for dead from the end of its lease on. */
  get isFenced(): boolean {
    return this.#options.clock.now() - this.#answeredAt > this.#options.leaseMs - 1_000;
  }

  /** True once the engine has carried out the last step of this node, or `stop` was called. */
  get hasEnded(): boolean {
    return this.#isStopped;
  }

  /** Resolves when this node may act for its ids; undefined if it may. */
  mayAct(): Promise<void> | undefined {
    if (!this.isFenced || this.#isStopped) return undefined;
    this.#acting ??= Promise.withResolvers();
    return this.#acting.promise.then(() => this.mayAct());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#acting?.resolve();
    this.#close?.();
    this.wake();
    await this.#running;
    this.#beat?.[Symbol.dispose]();
  }

  async #live(): Promise<void> {
    const { engine, clock } = this.#options;
    let delayMs = FIRST_DELAY_MS;
    while (!this.#isStopped) {
      try {
        const connection = await engine.connect("call");
        this.#close = () => connection.close();
        try {
          this.#run = await runOf(connection);
          await this.#greet(connection);
          delayMs = FIRST_DELAY_MS;
          while (!this.#isStopped) await this.#work(connection);
        } finally {
          connection.close();
        }
      } catch (error) {
        if (this.#isStopped) return;
        this.#standing.failed(error);
        await clock.delay(delayMs);
        delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS);
      }
    }
  }

  /** Registers. An engine that forgot this process, or was started again, then learns everything. */
  async #greet(connection: EngineConnection): Promise<void> {
    const isStopped = (): boolean => this.#isStopped;
    const self = { run: this.#run, known: this.#known, owner: this.#owner, isStopped };
    const facts = await register(connection, this.#options, self, CALL_MS);
    const [node = "", epoch = "", , nodes] = facts;
    const wasAway = this.#standing.isAway;
    this.#answered();
    const reached = { type: "reached", epoch: String(epoch), nodes: Number(nodes) } as const;
    if (node === this.#node && epoch === this.#epoch && !this.#isRestoring) {
      if (wasAway && !this.#standing.isAway) this.#options.report(reached);
      return;
    }
    // The engine has kept its data, but not this node: it was taken for dead meanwhile.
    if (this.#node !== "" && node !== this.#node && epoch === this.#epoch) this.#owner.buried();
    this.#options.report(reached);
    // With the same inbox, the connection broke while the engine learned everything.
    const hasNewInbox = node !== this.#node || epoch !== this.#epoch;
    if (hasNewInbox) this.#steps.restart(this.#underWay?.steps ?? []);
    this.#underWay = undefined;
    this.#epoch = String(epoch);
    this.#known = this.#node = String(node);
    this.#greetedRun = this.#run;
    if (hasNewInbox) this.#owner.renamed(this.#node, this.#epoch);
    this.#isRestoring = true;
    await this.#restore(connection);
  }

  /** Ends with a whole engine: every node has had the time to tell what it holds. */
  async #restore(connection: EngineConnection): Promise<void> {
    const { clock } = this.#options;
    // Other nodes have to know first what has come from them: they send the rest again.
    let [chunk, length]: [string[], number] = [[], 0];
    const restoring = this.#owner.restoring();
    const first = await this.#apply(connection, ++this.#number, chunk);
    if (first === undefined) return;
    this.#owner.known(first.nodes, false);
    for (const step of this.#owner.greetings()) chunk.push(...step);
    for await (const step of this.#whole(connection, restoring)) {
      chunk.push(...step);
      length += lengthOf(step);
      if (chunk.length < MOST_ARGS && length < MOST_LENGTH) continue;
      if (await this.#apply(connection, ++this.#number, chunk) === undefined) return;
      [chunk, length] = [[], 0];
    }
    for (;;) {
      const answer = await this.#apply(connection, ++this.#number, chunk);
      if (answer === undefined) return;
      chunk = [];
      this.#owner.known(answer.nodes, answer.formingMs === 0);
      if (answer.formingMs === 0) break;
      await clock.delay(Math.min(LOOK_MS, answer.formingMs));
      for (const step of this.#owner.greetings()) chunk.push(...step);
    }
    this.#isRestoring = false;
    this.#standing.succeeded();
    this.#owner.restored();
  }

  /**
   * An engine that lost its newest data may have ids of this node that it gave up since. What this node
   * loses as it tells what it holds stands in its inbox before a last item.
   */
  async *#whole(
    connection: EngineConnection,
    restoring: Iterable<readonly string[]>,
  ): AsyncGenerator<readonly string[]> {
    yield* restoring;
    const key = `${this.#options.prefix}of:${this.#node}`;
    const ids = await connection.command(["SMEMBERS", key], CALL_MS);
    yield* this.#owner.forgetting(listOf(ids).map(String));
    yield ["T", this.#node, "settled", ""];
  }

  async #work(connection: EngineConnection): Promise<void> {
    await this.#pause();
    if (this.#isStopped) return;
    // Steps that were never sent can still be refused.
    if (!connection.isOpen) throw new EngineError("unreachable", "connection lost");
    const isAgain = this.#underWay !== undefined;
    this.#underWay ??= { number: ++this.#number, steps: this.#steps.take() };
    const { number, steps } = this.#underWay;
    const { clock, report } = this.#options;
    this.#density.begun(clock.now(), steps.length);
    const sent = steps.map((step) => this.#argsOf(step));
    const answer = await this.#apply(connection, number, sent.flat());
    // It was not carried out, and its steps were taken back.
    if (answer === undefined || this.#underWay === undefined) return;
    this.#underWay = undefined;
    this.#standing.succeeded();
    this.#steps.passed();
    if (steps.some(({ args, parcel }) => parcel === undefined && args[0] === END)) {
      this.#isStopped = true;
    }
    report({ type: "call", isAgain });
    const failed = answer.failed.size === 0
      ? []
      : steps.filter((_, index) => sent[index]?.length !== 0)
        .filter((_, index) => answer.failed.has(index + 1));
    this.#owner.passed(steps, answer.outcomes, new Set(failed));
    this.#owner.known(answer.nodes, true);
    const addedAt = clock.now();
    for (const args of this.#owner.greetings()) {
      this.#steps.push({ args, addedAt, isOfEpoch: true });
    }
  }

  /** A step that was refused since the last try has no effect but its place among the outcomes. */
  #argsOf(step: Step): readonly string[] {
    const { args, parcel } = step;
    if (this.#steps.isOver(step)) return parcel === undefined ? [] : ["void"];
    return parcel === undefined ? args : ["S", String(parcel.number), ...parcel.args];
  }

  /** Waits until there is something to do; a moment longer if there was much. */
  async #pause(): Promise<void> {
    const { clock } = this.#options;
    const isIdle = (): boolean =>
      this.#underWay === undefined && this.#steps.size === 0 && !this.#isBeatDue;
    while (isIdle() && !this.#isStopped) {
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
      // Messages that came at the same time travel along.
      await new Promise<void>((resolve) => clock.next(resolve));
    }
    if (this.#density.isHigh(clock.now())) await clock.delay(1);
  }

  /** One call; undefined if the engine had to learn everything first, and the call came to nothing. */
  async #apply(
    connection: EngineConnection,
    number: number,
    steps: readonly string[],
  ): Promise<Applied | undefined> {
    const { prefix, clock, maxInboxItems, report } = this.#options;
    const isBeat = this.#isBeatDue || clock.now() - this.#beatAt >= this.#beatMs / 2;
    const place = this.#owner.place();
    const trim = place === this.#trimmed ? "" : place ?? "";
    const head = [prefix, this.#node, this.#epoch, String(number), trim];
    const modes = [isBeat ? "beat" : "", this.#isRestoring ? "restore" : "", String(maxInboxItems)];
    const sentAt = clock.now();
    const args = [...head, ...modes, ...steps];
    const isSuspect = sentAt - this.#mistypedAt < SUSPECT_MS;
    const reply = await run(connection, APPLY, args, CALL_MS, isSuspect);
    const [word, forming, outcomes, nodes, key, kind] = reply;
    switch (word) {
      case "ok":
        if (typeof key === "string") {
          this.#mistypedAt = sentAt;
          report({ type: "mistyped", why: mistypedKey(key, String(kind)) });
        }
        this.#trimmed = place;
        if (isBeat) this.#hasBeaten(sentAt);
        this.#answered(sentAt);
        return {
          formingMs: Number(forming),
          ...readOutcomes(String(outcomes)),
          nodes: this.#nodes.read(String(nodes)),
        };
      case "dead":
        this.#owner.buried();
        this.#known = this.#node = "";
        await this.#greet(connection);
        return undefined;
      // Another process found first that the engine was started again.
      case "epoch":
        await this.#greet(connection);
        return undefined;
      case "forming":
        await clock.delay(LOOK_MS);
        return undefined;
      default:
        throw new EngineError("other", "answered something unknown");
    }
  }

  get #beatMs(): number {
    return Math.min(BEAT_MS, this.#options.leaseMs / BEATS_PER_LEASE);
  }

  #hasBeaten(at: number): void {
    const { clock } = this.#options;
    this.#beatAt = at;
    this.#isBeatDue = false;
    this.#beat?.[Symbol.dispose]();
    this.#beat = clock.after(Math.max(0, at + this.#beatMs - clock.now()), () => this.check());
  }

  /** @param at the moment at which the engine was asked: it counts the lease from later on */
  #answered(at = this.#options.clock.now()): void {
    this.#answeredAt = Math.max(this.#answeredAt, at);
    this.#acting?.resolve();
    this.#acting = undefined;
    this.#standing.answered();
  }
}

function readOutcomes(words: string): Pick<Applied, "outcomes" | "failed"> {
  const outcomes: string[] = [];
  const failed = new Set<number>();
  for (const word of words.split(" ")) {
    if (word.startsWith("@")) failed.add(Number(word.slice(1)));
    else if (word !== "") outcomes.push(word);
  }
  return { outcomes, failed };
}
