import type { Clock } from "../../core/clock.ts";
import type { ClaimAnswer, SharedClaim } from "../../core/nodes/backplane.ts";
import type { Caller } from "./caller.ts";
import type { ReportCluster } from "../events.ts";
import { guarded } from "../guarded.ts";
import { type Answer, type ItemHandler, NOTHING } from "../items/items.ts";
import type { Outbox } from "../items/outbox.ts";
import type { Outcomes } from "./outcomes.ts";
import type { Steps } from "./steps.ts";

export interface AskingParts {
  readonly clock: Clock;
  readonly steps: Steps;
  readonly outbox: Outbox;
  readonly outcomes: Outcomes;
  readonly items: Pick<ItemHandler, "expect" | "expectClaim" | "forget">;
  /** This process, whose name every ticket begins with. */
  readonly process: string;
  /** How long a client's step waits for an engine that is away. */
  readonly waitMs: number;
  readonly node: Pick<Caller, "isUp" | "isFenced" | "isForming">;
  readonly wake: () => void;
  readonly report: ReportCluster;
}

interface Asked {
  /** The step that undoes this one, should the engine carry it out after its refusal. */
  readonly undo?: (ticket: string) => readonly string[] | undefined;
  /** It waits as long as it has to. */
  readonly isPatient?: boolean;
  /** It cannot be undone: its answer is waited for once it was sent. */
  readonly isFinal?: boolean;
}

/** A step whose answer comes by the inbox. */
export interface Question extends Asked {
  /** The step's letter, and its arguments behind the ticket. */
  readonly step: readonly [letter: string, ...args: readonly string[]];
  /** Takes "" or the reason of a refusal, which may be "unavailable". */
  readonly answer: Answer;
}

/** The same for a claim. */
export interface ClaimQuestion extends Asked {
  readonly claim: SharedClaim;
  readonly step: readonly [letter: string, ...args: readonly string[]];
  readonly answer: (outcome: ClaimAnswer) => void;
}

/** The same for one whose answer is expected already. */
interface TicketedStep extends Asked {
  readonly ticket: string;
  readonly args: readonly string[];
  /** Answers that the other nodes are out of reach. */
  readonly refuse: () => void;
}

/** How often steps that have waited too long are refused. */
const SWEEP_MS = 250;
/** How long an engine that has started again learns from the nodes what they hold (common.lua). */
const FORMING_MS = 2_000;
/** How much longer a step may take that was sent: longer than the call that carries it. */
const SENT_MS = 2_000;

/** The steps of clients, none of which waits for ever. */
export class Asking implements Disposable {
  readonly #parts: AskingParts;
  readonly #sweep: Disposable;
  #tickets = 0;

  constructor(parts: AskingParts) {
    this.#parts = parts;
    this.#sweep = parts.clock.every(SWEEP_MS, () => this.#sweepLate());
  }

  ask({ step: [letter, ...args], answer, ...asked }: Question): void {
    const ticket = this.#ticket();
    this.#parts.items.expect(ticket, answer);
    this.#add({
      ...asked,
      ticket,
      args: [letter, ticket, ...args],
      refuse: () => answer("unavailable", NOTHING),
    });
  }

  claim({ claim, step: [letter, ...args], answer, ...asked }: ClaimQuestion): void {
    const ticket = this.#ticket();
    this.#parts.items.expectClaim(ticket, claim, answer);
    this.#add({
      ...asked,
      ticket,
      args: [letter, ticket, ...args],
      refuse: () => answer({ refused: "unavailable" }),
    });
  }

  [Symbol.dispose](): void {
    this.#sweep[Symbol.dispose]();
  }

  #ticket(): string {
    return `${this.#parts.process}-${++this.#tickets}`;
  }

  #add(
    { ticket, args, refuse: answer, undo, isPatient = false, isFinal = false }: TicketedStep,
  ): void {
    const { clock, steps, items, node, wake, report } = this.#parts;
    const refuse = (): void => {
      items.forget(ticket);
      guarded(report, answer);
    };
    const isVain = steps.isFull || node.isFenced && !node.isUp;
    if (isVain && !isPatient) return refuse();
    const abandon = (): void => {
      const undoing = undo?.(ticket);
      // Nothing that was asked for later may come before it.
      if (undoing !== undefined) steps.unshift([{ args: undoing, addedAt: clock.now() }]);
      wake();
      refuse();
    };
    const [letter, , realm, id] = args;
    steps.push({
      args,
      addedAt: clock.now(),
      // An operator describes a peer again.
      subject: letter === "D" && isPatient ? `D ${realm} ${id}` : undefined,
      pending: { ticket, refuse, abandon, isPatient, isFinal },
    });
    wake();
  }

  #sweepLate(): void {
    const { clock, steps, outbox, outcomes, waitMs, node } = this.#parts;
    // An engine that came back in time has to learn first what the nodes hold.
    const addedBy = clock.now() - waitMs - (node.isForming ? FORMING_MS : 0);
    for (const step of steps.expire(addedBy)) outcomes.late(step, steps.wasSent(step));
    const sentBy = addedBy - SENT_MS;
    for (const step of steps.abandon(sentBy)) outcomes.late(step, true);
    // While the engine answers, the receiver's node answers or is found to be dead.
    if (node.isUp) return;
    for (const parcel of outbox.unanswered(sentBy)) outcomes.unanswered(parcel);
  }
}
