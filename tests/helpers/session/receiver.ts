import type { Hub, Reserve } from "../../../src/core/hub.ts";
import type { Claim } from "../../../src/core/peer.ts";
import type { PeerEvent, PeerHandle } from "../../../src/core/events.ts";
import type { Receiver } from "../../../src/core/session.ts";
import { FakeLink } from "./fake_link.ts";
import { newTestHub } from "./hub.ts";

/** The side of a session that the hub sees: it keeps its events. */
export class FakeReceiver implements Receiver {
  readonly link = new FakeLink();
  readonly events: PeerEvent[] = [];
  /** Thrown by `deliver` when it is set. */
  fault: Error | undefined = undefined;
  #peer: PeerHandle | undefined;

  get links(): readonly FakeLink[] {
    return [this.link];
  }

  expel(): void {}

  deliver(event: PeerEvent): void {
    if (this.fault !== undefined) throw this.fault;
    this.events.push(event);
    if (event.type === "admitted") this.#peer = event.peer;
  }

  /** Its handle; throws before it was admitted. */
  get peer(): PeerHandle {
    if (this.#peer === undefined) throw new Error("Cannot use a receiver that was not admitted");
    return this.#peer;
  }

  /** Events since the last call, in short words. */
  told(): string[] {
    return this.events.splice(0).map(word);
  }

  /** Takes the newest event, if it is a refusal, and returns its reason. */
  refusal(): string | undefined {
    const event = this.events.at(-1);
    if (event?.type !== "refused") return undefined;
    this.events.pop();
    return event.reason;
  }
}

/** A hub that asks before it gives out an id of the realm "test". */
export function newReservingHub(reserve: Reserve): Hub {
  const hub = newTestHub();
  hub.reserve("test", reserve);
  return hub;
}

/** The parts of a claim that a test does not care about. */
export function claimOf(id: string, receiver: Receiver, more: Partial<Claim> = {}): Claim {
  return { realm: "test", id, dialect: "test", receiver, ...more };
}

/** A claim of a receiver that keeps its events. */
type TestClaim = Claim & { readonly receiver: FakeReceiver };

/** Claims, and returns the answer: the reason of a refusal, or "abandoned" if none comes. */
export async function claimed(hub: Hub, claim: Claim): Promise<string> {
  const { receiver } = claim as TestClaim; // every claim of these tests has one
  const before = receiver.events.length;
  await hub.claim(claim);
  const isAdmitted = receiver.events.slice(before).some(({ type }) => type === "admitted");
  return receiver.refusal() ?? (isAdmitted ? "admitted" : "abandoned");
}

/** Joins, and returns the answer. */
export function joined(hub: Hub, receiver: FakeReceiver, room: string): string {
  const before = receiver.events.length;
  hub.join(receiver.peer, { room });
  const answers = receiver.events.slice(before).map(({ type }) => type);
  return receiver.refusal() ?? answers.find((type) => type === "entered") ?? "no answer";
}

/** Pairs, and returns the answer. */
export function paired(hub: Hub, receiver: FakeReceiver, to: string): string {
  const before = receiver.events.length;
  hub.pair(receiver.peer, to);
  const answers = receiver.events.slice(before).map(({ type }) => type);
  return receiver.refusal() ?? answers.find((type) => type === "paired") ?? "no answer";
}

/** Claims an id for a receiver of its own, which forgets the answer. */
export async function admit(
  hub: Hub,
  id: string,
  more: Partial<Claim> = {},
): Promise<FakeReceiver> {
  const receiver = new FakeReceiver();
  await hub.claim(claimOf(id, receiver, more));
  const [told] = receiver.told();
  if (told !== `admitted ${id}`) throw new Error(`Cannot admit "${id}": ${told}`);
  return receiver;
}

function word(event: PeerEvent): string {
  switch (event.type) {
    case "admitted":
      return `admitted ${event.peer.id}`;
    case "relay": {
      const room = event.room === undefined ? "" : ` in ${event.room}`;
      return `relay ${event.from}${room}: ${JSON.stringify(event.payload)}`;
    }
    case "entered":
      return `entered ${event.room}: ${event.members.map(({ id }) => id).join(" ")}`;
    case "joined":
    case "left":
    case "described":
      return `${event.type} ${event.room}: ${event.peer.id}`;
    case "paired":
      return `paired ${event.peer.id} ${event.isCaller ? "as caller" : "as callee"}`;
    case "gone":
    case "undelivered":
      return `${event.type} ${event.peer}`;
    case "replaced":
      return "replaced";
    case "stopped":
      return `stopped ${event.room}`;
    case "updated":
      return `updated ${JSON.stringify(event.info)}`;
    case "refused":
      return `refused ${event.step}: ${event.reason}`;
  }
}
