import type {
  ClaimAnswer,
  Passed,
  PeerKey,
  SharedClaim,
  SharedPeer,
  SharedPermits,
  Sink,
} from "../../core/nodes/backplane.ts";
import type { Clock } from "../../core/clock.ts";
import type { ReportCluster } from "../events.ts";
import { guarded } from "../guarded.ts";
import type { Registry, ReservationNote } from "./held.ts";
import { AllArrivals, type Item } from "./inbox.ts";
import { InboxDelay } from "./inbox_delay.ts";
import { type Letter, readMessage } from "./letter.ts";
import type { Outbox } from "./outbox.ts";
import { newerOf, processOf, readRoom, roomName } from "../names.ts";
import type { Questions } from "./questions.ts";
import type { SharedRecords } from "../records.ts";
import type { Roster } from "../members/roster.ts";
import type { Seal } from "../seal.ts";
import { messageName, packName, TOLD, unpackAny, unpackBody, unpackName } from "../texts.ts";

export interface ItemParts {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly outbox: Outbox;
  /** This process. */
  readonly process: string;
  readonly questions: Questions;
  readonly records: SharedRecords;
  /** For private bodies. */
  readonly seal: Seal;
  readonly report: ReportCluster;
  /** Messages, or those for this id, are in the call that is under way. */
  readonly isCalling: (key?: PeerKey) => boolean;
  /** The ticket is one of this node. */
  readonly isOwn: (ticket: string) => boolean;
  readonly roster: Pick<Roster, "hasGone" | "reaped" | "settled">;
  /** The incarnation of a living process. */
  readonly nodeOf: (process: string) => string | undefined;
  /** The name of an incarnation's node. */
  readonly nameOf: (node: string) => string;
  readonly push: (...args: readonly string[]) => void;
  /** Puts steps before all others. */
  readonly resend: (steps: readonly (readonly string[])[]) => void;
  /** A step needs no repetition any more. */
  readonly answered: (ticket: string, refusal: string) => void;
}

/** The outcome of a claim or a move. */
interface Granted {
  /** The fence of a claim, or the new node of a move. */
  readonly fence: string;
  readonly note: ReservationNote;
}

/** Takes the answer to a step: a refusal's reason, or "" and what was granted. */
export type Answer = (refusal: string, granted: Granted) => void;

export const NOTHING: Granted = { fence: "", note: "" };

/** How long a confirmation waits for others. */
const CONFIRM_MS = 200;
const PEER_PARTS = 7;

/** Handles the items of this node's inbox, in order. */
export class ItemHandler {
  readonly #parts: ItemParts;
  readonly #answers = new Map<string, Answer>();
  /** Claims that also enter a room, whose end has not come. */
  readonly #granted = new Map<string, Granted>();
  readonly #arrivals: AllArrivals;
  /** Processes that wait for a confirmation. */
  readonly #unconfirmed = new Set<string>();
  #confirming: Disposable | undefined;
  /** Ids that have appeared while messages for them are under way. */
  #wanted: PeerKey[] = [];
  /** Nodes that have told their last numbers meanwhile. */
  #told: (readonly [node: string, last: number])[] = [];
  #members: SharedPeer[] = [];
  readonly #delay = new InboxDelay();
  #sink: Sink | undefined;

  constructor(parts: ItemParts) {
    this.#parts = parts;
    this.#arrivals = new AllArrivals((process) => parts.nodeOf(process) !== undefined);
  }

  attach(sink: Sink): void {
    this.#sink = sink;
  }

  /** Has `answer` called when the answer to a step comes. */
  expect(ticket: string, answer: Answer): void {
    this.#answers.set(ticket, answer);
  }

  /** The same for a claim, whose answer comes with that of the room that it enters. */
  expectClaim(ticket: string, claim: SharedClaim, answer: (outcome: ClaimAnswer) => void): void {
    this.expect(ticket, (refusal, { fence, note }) => {
      // The engine answers with these words only.
      if (refusal !== "") return answer({ refused: refusal as "id_taken" | "room_full" });
      this.#parts.registry.add(claim, fence, ticket, note);
      const { realm, id, entry } = claim;
      if (entry !== undefined) {
        this.#parts.registry.entered(realm, packName(id), fence, roomName(entry));
      }
      answer({ fence: Number(fence) });
    });
    if (claim.entry !== undefined) this.#granted.set(ticket, NOTHING);
  }

  /** The step is refused: its answer means nothing any more. */
  forget(ticket: string): void {
    this.#answers.delete(ticket);
    this.#granted.delete(ticket);
  }

  handle({ place, parts }: Item): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    const { clock, report } = this.#parts;
    report({ type: "item", delayMs: this.#delay.of(place, clock.now()) });
    guarded(report, () => this.#handle(sink, parts));
  }

  /** A call has ended: what it told of is known. */
  called(): void {
    for (const [node, last] of this.#told.splice(0)) this.#resend(node, last);
    for (const key of this.#wanted.splice(0)) {
      guarded(this.#parts.report, () => this.#sink?.wanted(key));
    }
  }

  /** The inbox begins anew. */
  restart(epoch: string): void {
    this.#parts.outbox.enter(epoch);
    this.#arrivals.restart();
    // The greetings tell of these.
    this.#unconfirmed.clear();
    this.#told = [];
  }

  /**
   * Tells nodes that this one has not met what it has of their messages from before its inbox began. It
   * confirms later ones behind the refusals that still wait.
   */
  *greetings(strangers: Iterable<string>): Generator<readonly string[]> {
    for (const id of strangers) {
      const { sure, first, last } = this.#arrivals.rangeOf(processOf(id));
      yield ["T", id, "last", String(sure)];
      if (last > first) this.#confirmSoon(processOf(id));
    }
  }

  [Symbol.dispose](): void {
    this.#confirming?.[Symbol.dispose]();
  }

  #handle(sink: Sink, [kind = "", ...parts]: readonly string[]): void {
    const [a = "", b = "", c = "", d = ""] = parts;
    switch (kind) {
      case "m":
        return this.#message(sink, readMessage(parts));
      case "c":
        return this.#parts.outbox.confirmed(a, Number(b));
      case "o": {
        const [number, outcome] = b.split(" ");
        // The other node answers with these words only.
        return this.#parts.outbox.answered(processOf(a), Number(number), outcome as Passed);
      }
      case "last":
        return this.#tell(a, Number(b));
      case "claimed":
        return this.#claimed(a, b, c, d);
      case "entered":
        return this.#answer(a, "", this.#granted.get(a) ?? NOTHING);
      case "refused":
        return this.#answer(a, b, NOTHING);
      case "lost":
        return this.#lost(sink, parts);
      case "wanted":
        return this.#appear(a, b);
      case "list":
        return void this.#members.splice(0);
      case "member":
        return void this.#members.push(this.#peer(parts));
      case "listed":
        return sink.listed(readRoom(a, b), this.#members.splice(0), c === "moving");
      case "joined":
        return sink.joined(readRoom(a, b), this.#peer(parts.slice(2)));
      case "described":
        return this.#described(sink, parts);
      case "unlisted":
        return sink.unlisted({ realm: a, id: unpackName(b) }, Number(c));
      case "left":
        this.#parts.registry.unpair(a, { id: b, fence: c });
        return sink.left({ realm: a, id: unpackName(b) }, Number(c), unpackBody(d));
      case "paired":
      case "met":
        return this.#pair(sink, kind, a, parts.slice(1));
      case "parted":
        return this.#part(sink, parts);
      case "arriving":
        return this.#arrive(sink, parts);
      case "nodeGone":
        return this.#nodeGone(a);
      case "missing":
        return this.#parts.roster.hasGone(b) ? this.#giveUp(b) : undefined;
      case "tell": {
        const body = unpackAny(this.#parts.seal, TOLD, b);
        if (Array.isArray(body)) sink.told(String(body[0]), body[1]);
        return;
      }
      default:
        if (!this.#talk(kind, parts)) this.#parts.report({ type: "unknown" });
    }
  }

  #described(
    sink: Sink,
    [realm = "", id = "", fence, bytes, info = "", news = ""]: readonly string[],
  ): void {
    sink.described({ realm, id: unpackName(id) }, Number(fence), {
      bytes: Number(bytes),
      info: unpackBody(info),
      news: unpackBody(news),
    });
  }

  #part(
    sink: Sink,
    [realm = "", id = "", other = "", fence = "", otherFence = ""]: readonly string[],
  ): void {
    const [one, two] = [{ id, fence }, { id: other, fence: otherFence }];
    if (!this.#parts.registry.part(realm, one, two)) return;
    sink.parted(realm, unpackName(id), unpackName(other));
  }

  #lost(sink: Sink, [realm = "", id = "", fence = "", why]: readonly string[]): void {
    this.#parts.registry.remove(realm, id, fence);
    const key = { realm, id: unpackName(id) };
    sink.lost(key, Number(fence), why === undefined ? "replaced" : "lost");
  }

  /** Handles the items that the hub has no part in; false for an item that means nothing. */
  #talk(kind: string, parts: readonly string[]): boolean {
    const { questions, records, report, roster } = this.#parts;
    const [from = "", body = ""] = parts;
    if (kind === "settled") {
      roster.settled(from);
      return true;
    }
    if (kind === "reaped") {
      report({ type: "reaped", ids: Number(from) });
      return true;
    }
    if (kind === "ask") return questions.asked(from, unpackBody(body));
    if (kind === "answer") return questions.answered(unpackBody(body));
    return kind === "kept" && records.changed(parts);
  }

  #message(sink: Sink, letter: Letter | undefined): void {
    if (letter === undefined) return this.#parts.report({ type: "unknown" });
    const { node, number, firstNumber, isConfirmed } = letter;
    const process = processOf(node);
    const arrivals = this.#arrivals.of(process);
    const isNew = arrivals.take(number) && !arrivals.hasTaken(firstNumber);
    const isTaken = isNew ? this.#deliver(sink, letter) : !arrivals.refused.has(number);
    if (!isNew) this.#parts.report({ type: "duplicate" });
    arrivals.note(number, isTaken, isNew ? firstNumber : undefined);
    if (process === this.#parts.process) {
      this.#parts.outbox.answered(process, number, isTaken ? "taken" : "gone");
    } else if (!isTaken || isConfirmed) {
      // The engine may have named a former incarnation last, and this one may have left `node` since.
      const to = newerOf(node, this.#parts.nodeOf(process) ?? node);
      this.#parts.push("T", to, "o", `${number} ${isTaken ? "taken" : "gone"}`);
    }
    this.#confirmSoon(process);
  }

  #deliver(sink: Sink, { realm, id, from, room, fence, isCall, body }: Letter): boolean {
    let payload: unknown;
    try {
      payload = unpackAny(this.#parts.seal, messageName(realm, packName(id)), body);
    } catch (error) {
      this.#parts.report({ type: "fault", error });
      return false;
    }
    return sink.deliver({ realm, id, from, room, payload, fence, isCall });
  }

  #confirmSoon(process: string): void {
    this.#unconfirmed.add(process);
    this.#confirming ??= this.#parts.clock.after(CONFIRM_MS, () => this.#confirm());
  }

  #confirm(): void {
    this.#confirming = undefined;
    for (const process of this.#unconfirmed) {
      const to = this.#parts.nodeOf(process);
      const { last } = this.#arrivals.rangeOf(process);
      if (to !== undefined) this.#parts.push("T", to, "c", String(last));
    }
    this.#unconfirmed.clear();
  }

  /** A node tells what it has. The messages of a call under way may be in its inbox already. */
  #tell(node: string, last: number): void {
    if (this.#parts.isCalling()) this.#told.push([node, last]);
    else this.#resend(node, last);
  }

  /** Everything that a node does not have is sent again, before anything newer. */
  #resend(node: string, last: number): void {
    const { outbox, resend } = this.#parts;
    const parcels = outbox.told(node, last);
    resend(parcels.map(({ number, args }) => ["Z", node, String(number), ...args]));
  }

  #claimed(ticket: string, fence: string, outcome: string, address: string): void {
    // The engine notes with these words only; that of an earlier version notes nothing.
    const note = outcome as ReservationNote;
    if (note !== "" && note !== "kept") this.#parts.records.noteReservation(note, address);
    const granted = { fence, note };
    if (this.#granted.has(ticket)) this.#granted.set(ticket, granted);
    else this.#answer(ticket, "", granted);
  }

  #answer(ticket: string, refusal: string, granted: Granted): void {
    const answer = this.#answers.get(ticket);
    // Asked again after a loss, it may be answered twice.
    if (answer === undefined) return;
    this.forget(ticket);
    this.#parts.answered(ticket, refusal);
    answer(refusal, granted);
  }

  #appear(realm: string, id: string): void {
    const key = { realm, id: unpackName(id) };
    if (this.#parts.isCalling({ realm, id })) this.#wanted.push(key);
    else this.#sink?.wanted(key);
  }

  #pair(sink: Sink, how: "paired" | "met", realm: string, parts: readonly string[]): void {
    const [caller, callee] = [parts.slice(0, PEER_PARTS), parts.slice(PEER_PARTS, 2 * PEER_PARTS)];
    const [permitted = "", ticket = ""] = parts.slice(2 * PEER_PARTS);
    // The caller on this node was refused meanwhile.
    if (this.#parts.isOwn(ticket) && !this.#answers.has(ticket)) return;
    const { registry } = this.#parts;
    const sides = [[caller, callee, "caller"], [callee, caller, "callee"]] as const;
    for (const [one, other, role] of sides) {
      const part = { fence: other[2] ?? "", role: how === "met" ? how : role, permits: permitted };
      registry.paired(realm, one[0] ?? "", one[2] ?? "", other[0] ?? "", part);
    }
    // Written by another node's hub.
    const permits = unpackBody(permitted) as SharedPermits | undefined;
    sink[how](realm, { ...this.#peer(caller), permits }, this.#peer(callee));
  }

  /** A peer of another node moves to this one. */
  #arrive(sink: Sink, [realm = "", ...parts]: readonly string[]): void {
    const [proof = "", ...rooms] = parts.slice(PEER_PARTS);
    this.#parts.registry.adopt(realm, parts, proof, rooms);
    sink.arriving(realm, this.#peer(parts), rooms.map((room) => readRoom(realm, room)));
  }

  #nodeGone(node: string): void {
    const process = processOf(node);
    this.#parts.roster.reaped(node);
    this.#parts.report({ type: "node", name: this.#parts.nameOf(node), change: "reaped" });
    const now = this.#parts.nodeOf(process);
    // The process may be back under another name.
    if (now === undefined || now === node) this.#giveUp(process);
  }

  /** A process is gone, and has said everything. */
  #giveUp(process: string): void {
    this.#parts.outbox.gone(process);
    guarded(this.#parts.report, () => this.#sink?.nodeGone(process));
    this.#arrivals.gone(process);
  }

  #peer(
    [id = "", node = "", fence, dialect = "", exclusive, bytes, info = ""]: readonly string[],
  ): SharedPeer {
    return {
      id: unpackName(id),
      node: this.#parts.nameOf(node),
      fence: Number(fence),
      dialect,
      isExclusive: exclusive === "1",
      bytes: Number(bytes),
      info: unpackBody(info),
    };
  }
}
