import type { ClaimOutcome, Hub } from "../../../src/core/hub.ts";
import type { Claim } from "../../../src/core/peer.ts";
import type { PeerEvent, PeerHandle, Receiver } from "../../../src/core/types.ts";
import { FakeLink } from "./fake_link.ts";

/** The side of a session that the hub sees: keeps what it is told. */
export class FakeReceiver implements Receiver {
  readonly link = new FakeLink();
  readonly events: PeerEvent[] = [];
  /** Thrown by `deliver` when it is set. */
  fault: Error | undefined = undefined;
  #peer: PeerHandle | undefined;

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

  /** What it was told since this was last asked, in short words. */
  told(): string[] {
    return this.events.splice(0).map(word);
  }
}

/** The parts of a claim that a test does not care about. */
export function claimOf(id: string, receiver: Receiver, more: Partial<Claim> = {}): Claim {
  return { realm: "test", id, dialect: "test", receiver, ...more };
}

/** Claims an id for a receiver of its own, which forgets that it was told so. */
export async function admit(
  hub: Hub,
  id: string,
  more: Partial<Claim> = {},
): Promise<FakeReceiver> {
  const receiver = new FakeReceiver();
  const outcome: ClaimOutcome = await hub.claim(claimOf(id, receiver, more));
  if (outcome !== "admitted") throw new Error(`Cannot admit "${id}": ${outcome}`);
  receiver.told();
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
  }
}
