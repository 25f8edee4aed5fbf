import type {
  Actor,
  Awaited,
  Backplane,
  Caller as CallingPeer,
  ClaimAnswer,
  DescribeAnswer,
  JoinAnswer,
  LookAnswer,
  MeetAnswer,
  MoveAnswer,
  MoveRefusal,
  NodeInfo,
  OutgoingMessage,
  PairAnswer,
  PassAnswer,
  PeerKey,
  RoomKey,
  SharedClaim,
  SharedDescription,
  SharedEntry,
  Sink,
} from "../core/nodes/backplane.ts";
import { Asking } from "./steps/asking.ts";
import { Caller, type CallerOptions } from "./steps/caller.ts";
import type { CallerOwner } from "./steps/caller_owner.ts";
import type { EngineError } from "./engine/engine.ts";
import { Directory } from "./items/directory.ts";
import { Registry } from "./items/held.ts";
import { openIntake } from "./steps/intake.ts";
import type { ItemHandler } from "./items/items.ts";
import {
  actorArgs,
  claimArgs,
  entryArgs,
  limitText,
  partnerArgs,
  processOf,
  roomName,
  wantStep,
} from "./names.ts";
import type { KnownNode } from "./members/known_nodes.ts";
import type { NodeLimits } from "./limits.ts";
import { MeasuredEngine } from "./engine/measured.ts";
import { Offers } from "./steps/offers.ts";
import { Outbox } from "./items/outbox.ts";
import { Outcomes } from "./steps/outcomes.ts";
import { Questions } from "./items/questions.ts";
import type { Reader } from "./items/reader.ts";
import { SharedRecords } from "./records.ts";
import { Reaper } from "./members/reaper.ts";
import { Recovery } from "./recovery.ts";
import { Roster } from "./members/roster.ts";
import type { Seal } from "./seal.ts";
import { END, Steps } from "./steps/steps.ts";
import { isNews, subjectOf } from "./subjects.ts";
import { packBody, packName, packPrivate, TOLD } from "./texts.ts";
import { undoClaim, undoDescription, undoJoin, undoMeeting, undoPair } from "./steps/undo.ts";

export interface NodeOptions extends CallerOptions, NodeLimits {
  readonly seal: Seal;
  /** How long a client's step waits for an engine that is away. */
  readonly waitMs: number;
}

/** How long the steps of the end may take: longer than a new cluster forms. */
const END_MS = 2_500;

/** This process as a node of a cluster. */
export class ClusterNode implements Backplane {
  readonly node: string;
  readonly address: string;
  readonly waitMs: number;
  /** Questions to other nodes, and theirs. */
  readonly questions: Questions;
  /** Offers of nodes that end. */
  readonly offers: Offers;
  /** The records that all nodes keep. */
  readonly records: SharedRecords;
  readonly #options: NodeOptions;
  readonly #steps: Steps;
  readonly #caller: Caller;
  readonly #reader: Reader;
  readonly #outbox: Outbox;
  readonly #outcomes: Outcomes;
  readonly #registry = new Registry();
  readonly #directory: Directory;
  readonly #items: ItemHandler;
  readonly #asking: Asking;
  #sink: Sink | undefined;
  readonly #roster: Roster;
  readonly #reaper = new Reaper((node) => this.#push(["Q", node], true));
  readonly #recovery: Recovery;

  constructor(options: NodeOptions) {
    const { clock, engine, prefix, report, name, process } = options;
    this.node = name;
    this.#registry.addNode(this.address = process);
    this.#options = options;
    this.waitMs = options.waitMs;
    this.#roster = new Roster(report);
    this.#steps = new Steps(options);
    this.#outbox = new Outbox(options, () => report({ type: "undelivered", cause: "gone" }));
    this.#outcomes = new Outcomes(this.#steps, this.#outbox, report);
    const push = (...args: readonly string[]): void => this.#push(args);
    this.records = new SharedRecords({ engine, clock, prefix, push, seal: options.seal });
    this.questions = new Questions({
      ...{ clock, push, limits: options },
      nodeCalled: (name) => this.isUp ? this.#roster.called(name) : undefined,
      check: () => this.#caller.check(),
      onFault: (error) => report({ type: "fault", error }),
    });
    const parts = {
      ...options,
      registry: this.#registry,
      steps: this.#steps,
      records: this.records,
      roster: this.#roster,
      outbox: this.#outbox,
    };
    this.#recovery = new Recovery({ ...parts, reaper: this.#reaper, questions: this.questions });
    const others = (): readonly string[] => this.#roster.others(name);
    this.#directory = new Directory({ engine, prefix, questions: this.questions, others });
    const measured = new MeasuredEngine(engine, clock, report);
    this.#caller = new Caller({ ...options, engine: measured }, this.#steps, this.#owner());
    const { items, reader } = openIntake({
      ...parts,
      engine: measured,
      caller: this.#caller,
      outcomes: this.#outcomes,
      questions: this.questions,
      push,
      resend: (steps) => this.#pushFirst(steps),
    });
    this.#items = items;
    this.#reader = reader;
    this.#asking = new Asking({
      ...options,
      steps: this.#steps,
      outbox: this.#outbox,
      outcomes: this.#outcomes,
      items,
      node: this.#caller,
      wake: () => this.#caller.wake(),
    });
    this.offers = new Offers(this.#asking, (actor) => this.release(actor, undefined));
  }

  get isUp(): boolean {
    return this.#caller.isUp;
  }

  /** The newest failure of the engine. */
  get trouble(): EngineError | undefined {
    return this.#caller.standing.trouble;
  }

  /** How long the engine has answered, or not. */
  get sinceMs(): number {
    return this.#options.clock.now() - this.#caller.standing.changedAt;
  }

  /** True while others may take this node for dead. */
  get isFenced(): boolean {
    return this.#caller.isFenced;
  }
  get nodes(): readonly NodeInfo[] {
    return this.#roster.living;
  }
  get waitingSteps(): number {
    return this.#steps.size;
  }
  get unconfirmedBytes(): number {
    return this.#outbox.bytes;
  }
  get spareBytes(): number {
    return this.#outbox.spareBytes;
  }

  attach(sink: Sink): void {
    this.#sink = sink;
    this.#items.attach(sink);
    this.#directory.attach((...of) => sink.callable(...of));
    this.#caller.start();
  }

  claim(claim: SharedClaim, answer: (outcome: ClaimAnswer) => void, isPatient = false): void {
    const undo = (ticket: string) => undoClaim(this.#registry, claim, ticket);
    this.#asking.claim({ claim, step: ["C", ...claimArgs(claim)], answer, undo, isPatient });
  }

  release(actor: Actor, news: unknown): void {
    const who = actorArgs(actor);
    this.#push(["R", ...who, this.#registry.remove(...who), packBody(news)]);
  }

  send(
    message: OutgoingMessage,
    isConfirmed: boolean,
    answer: (outcome: PassAnswer, firstNumber?: number) => void,
  ): void {
    const addedAt = this.#options.clock.now();
    const parcel = this.#steps.isFull
      ? undefined
      : this.#outbox.add(message, isConfirmed, addedAt, answer);
    if (parcel === undefined) {
      this.#options.report({ type: "undelivered", cause: "unavailable" });
      return answer("unavailable");
    }
    this.#steps.push({ args: [], addedAt, parcel });
    this.#caller.wake();
  }

  isSending({ realm, id }: PeerKey, from?: string): boolean {
    return this.#outbox.isSending(realm, id, from);
  }

  join(
    actor: Actor,
    entry: SharedEntry,
    description: SharedDescription | undefined,
    answer: (outcome: JoinAnswer) => void,
  ): void {
    const who = actorArgs(actor);
    const described = description === undefined
      ? ["", "0", ""]
      : ["1", String(description.bytes), packBody(description.info)];
    this.#asking.ask({
      step: ["J", ...who, ...entryArgs(entry), ...described],
      undo: () => undoJoin(this.#registry, actor, entry),
      answer: (refusal) => {
        // The engine refuses with these words only.
        if (refusal !== "") return answer(refusal as JoinAnswer);
        this.#registry.entered(...who, roomName(entry));
        if (description !== undefined) {
          this.#registry.described(...who, description.bytes, description.info);
        }
        answer("entered");
      },
    });
  }

  describe(
    actor: Actor,
    maxBytes: number,
    { bytes, info, news }: SharedDescription,
    answer: (outcome: DescribeAnswer) => void,
    isPatient = false,
  ): void {
    const who = actorArgs(actor);
    this.#asking.ask({
      step: ["D", ...who, limitText(maxBytes), String(bytes), packBody(info), packBody(news)],
      undo: () => undoDescription(this.#registry, actor, { bytes, info }),
      isPatient,
      answer: (refusal) => {
        if (refusal !== "") return answer(refusal as DescribeAnswer);
        this.#registry.described(...who, bytes, info);
        answer("described");
      },
    });
  }

  pair(caller: CallingPeer, to: string, answer: (outcome: PairAnswer) => void): void {
    this.#asking.ask({
      step: ["P", ...partnerArgs(caller, to)],
      undo: (ticket) => undoPair(this.#registry, caller, to, ticket),
      answer: (refusal) => answer(refusal === "" ? "paired" : refusal as PairAnswer),
    });
  }
  meet(caller: CallingPeer, to: string, answer: (outcome: MeetAnswer) => void): void {
    this.#asking.ask({
      step: ["M", ...partnerArgs(caller, to)],
      undo: (ticket) => undoMeeting(this.#registry, caller, to, ticket),
      answer: (refusal) => answer(refusal === "" ? "met" : refusal as MeetAnswer),
    });
  }

  part(actor: Actor, from: string): void {
    this.#push(this.#registry.parting(...actorArgs(actor), packName(from)));
  }
  move(actor: Actor, to: string | undefined, answer: (outcome: MoveAnswer) => void): void {
    const who = actorArgs(actor);
    this.#asking.ask({
      step: ["move", ...who, to ?? ""],
      isFinal: true,
      answer: (refusal, { fence: node }) => {
        if (refusal !== "") return answer({ refused: refusal as MoveRefusal });
        this.#registry.remove(...who);
        answer({ to: processOf(node), node: this.#roster.nameOf(node) });
      },
    });
  }

  settled(actor: Actor): void {
    this.#registry.settled(...actorArgs(actor));
  }
  shun(answer: () => void): void {
    this.#registry.isShunned = true;
    this.#asking.ask({ step: ["shun"], answer });
  }
  list(actor: Actor, isGuest: boolean): void {
    this.#push(this.#registry.listed(...actorArgs(actor), isGuest));
  }
  look(room: RoomKey, answer: (outcome: LookAnswer) => void): void {
    this.#asking.ask({
      step: ["W", room.realm, roomName(room)],
      answer: (refusal) => answer(refusal === "" ? "listed" : "unavailable"),
    });
  }
  follow(room: RoomKey): void {
    this.#registry.follow(room.realm, roomName(room));
    this.#push(["F", room.realm, roomName(room)]);
  }
  hold(bytes: number, receiver = ""): boolean {
    const isHeld = this.#outbox.hold(bytes, receiver);
    if (!isHeld) this.#options.report({ type: "undelivered", cause: "unavailable" });
    return isHeld;
  }
  unhold(bytes: number, receiver = ""): void {
    this.#outbox.unhold(bytes, receiver);
  }
  tell(topic: string, body: unknown, isPrivate = false): void {
    const news = [topic, body];
    const { seal } = this.#options;
    this.#push(["B", "tell", isPrivate ? packPrivate(seal, TOLD, news) : packBody(news)]);
  }
  async unreserve(dialect: string, id: string): Promise<boolean> {
    return await this.records.unreserve(dialect, id);
  }
  want(awaited: Awaited): void {
    this.#push(wantStep(awaited));
  }
  ids(...of: [realm: string, dialect: string, isBridged: boolean]): Promise<string[]> {
    return this.#directory.ids(...of);
  }

  /** Gives everything up in order, as far as the engine answers in time. */
  async stop(): Promise<void> {
    const { clock } = this.#options;
    if (this.isUp) {
      this.#push([END]);
      const until = clock.now() + END_MS;
      while (!this.#caller.hasEnded && clock.now() < until) await clock.delay(5);
    }
    this.#asking[Symbol.dispose]();
    this.#items[Symbol.dispose]();
    this.records.stop();
    await Promise.all([this.#caller.stop(), this.#reader.stop()]);
  }

  #owner(): CallerOwner {
    return {
      place: () => this.#reader.place,
      renamed: (node, epoch) => {
        this.#items.restart(epoch);
        this.#reader.follow(node);
      },
      buried: () => this.#recovery.buried(this.#sink),
      restoring: () => this.#recovery.begin(),
      forgetting: (ids) => this.#recovery.forgetting(ids),
      greetings: () => this.#items.greetings(this.#roster.strangers()),
      restored: () => this.#restored(),
      passed: (...of) => this.#passed(...of),
      known: (...of) => this.#known(...of),
      nodes: () => this.#roster.known,
    };
  }

  #restored(): void {
    this.records.refresh().catch((error) => this.#options.report({ type: "fault", error }));
    this.#pushFirst(this.#recovery.questions(this.#sink));
  }

  #passed(...[steps, ...outcomes]: Parameters<CallerOwner["passed"]>): void {
    for (const { args } of steps) if (args[0] === "Q") this.#reaper.done(args[1] ?? "");
    this.#outcomes.passed(steps, ...outcomes);
    this.#items.called();
  }

  #known(nodes: readonly KnownNode[], isWhole: boolean): void {
    const steps = this.#recovery.known(nodes, this.#caller.node, isWhole);
    for (const step of steps) this.#push(step, true);
  }

  /** @param isOfEpoch as the words of node to node always are */
  #push(args: readonly string[], isOfEpoch = args[0] === "T"): void {
    const step = { args, addedAt: this.#options.clock.now(), ...(isOfEpoch && { isOfEpoch }) };
    const about = { subject: subjectOf(args), isNews: isNews(args) };
    this.#outcomes.dropped(this.#steps.push({ ...step, ...about }));
    this.#caller.wake();
  }

  #pushFirst(steps: readonly (readonly string[])[]): void {
    const addedAt = this.#options.clock.now();
    this.#steps.unshift(steps.map((args) => ({ args, addedAt, isOfEpoch: true })));
    this.#caller.wake();
  }
}
