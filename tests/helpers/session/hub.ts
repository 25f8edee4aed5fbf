import type { Abroad } from "../../../src/core/calls/abroad.ts";
import type { ErrorCode, SignalError } from "../../../src/core/errors.ts";

import type { Happenings } from "../../../src/core/happenings.ts";
import { Hub } from "../../../src/core/hub.ts";
import type { HubLimits, InputLimits } from "../../../src/core/limits.ts";
import type { Frame, Session } from "../../../src/core/session.ts";
import { Pump } from "../../../src/transport/pump.ts";
import { FakeClock } from "./fake_clock.ts";
import { type Closing, FakeLink } from "./fake_link.ts";
import { settleClusters } from "../cluster/dealt.ts";
import { delaySteps, hubs, writeEvents } from "./hub_modes.ts";

export const NO_LIMITS: HubLimits = {
  maxPeers: Infinity,
  maxRooms: Infinity,
  maxRoomMembers: Infinity,
  maxRoomInfoBytes: Infinity,
};

/** Input limits that no test meets by accident. */
export const WIDE_LIMITS: InputLimits = {
  maxFrameBytes: 1024 * 1024,
  framesPerSecond: Infinity,
  frameBurst: Infinity,
  bytesPerSecond: Infinity,
  byteBurst: Infinity,
  identifyTimeoutMs: 10_000,
  maxHeldFrames: 1_000,
  floodTimeoutMs: 10_000,
  floodPauseMs: 1_000,
};

/** A hub with no limits but the given ones. */
export function newTestHub(
  limits: Partial<HubLimits> = {},
  abroad?: Abroad,
  happenings?: Happenings,
): Hub {
  const hub = new Hub({ ...NO_LIMITS, ...limits }, abroad, happenings);
  if (hubs.mode === "written") writeEvents(hub);
  if (hubs.mode === "late") delaySteps(hub);
  return hub;
}

/** Lets everything happen that is only waiting for its microtask. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 12; round++) await Promise.resolve();
  await settleClusters();
}

/** A client of a session, without a network: its frames go through the real pump. */
export class TestClient {
  readonly link: FakeLink;
  readonly pump: Pump;
  /** Refusals, oldest first. */
  readonly refusals: ErrorCode[] = [];
  #read = 0;

  constructor(
    createSession: (link: FakeLink, client: TestClient) => Session,
    limits: InputLimits = WIDE_LIMITS,
    now: () => number = new FakeClock().now,
  ) {
    this.link = new FakeLink();
    const session = createSession(this.link, this);
    const onRefused = ({ code }: SignalError) => void this.refusals.push(code);
    this.pump = new Pump(session, this.link, limits, now, onRefused);
    this.link.takes = (size) => this.pump.takes(size);
    this.link.refuse = (error) => this.pump.refuse(error);
    // As the transport does: an end that the server decided on is no farewell of the client.
    this.link.onEnded = () => this.pump.end(this.closing === undefined ? "left" : "lost");
  }

  /** The session that has the connection now. */
  get session(): Session {
    return this.pump.session;
  }

  /** Continues with another session, as a connection does. */
  settle(session: Session, terms?: { readonly limits: InputLimits }): void {
    this.pump.handOver(session, terms?.limits);
  }

  /** How the server closed the connection; undefined where it did not. */
  get closing(): Closing | undefined {
    return this.link.closing;
  }

  get isOpen(): boolean {
    return this.link.isOpen;
  }

  /** Every frame that it was ever sent. */
  get sent(): readonly Frame[] {
    return this.link.sent;
  }

  /** The frames that it was sent since this was last asked. */
  heard(): Frame[] {
    const fresh = this.link.sent.slice(this.#read);
    this.#read = this.link.sent.length;
    return fresh;
  }

  /** The same, read as JSON. */
  heardJson(): unknown[] {
    return this.heard().map((frame) => JSON.parse(String(frame)));
  }

  /** Says frames one after the other, without waiting for anything. */
  blurt(...frames: Frame[]): void {
    for (const frame of frames) this.pump.receive(frame);
  }

  /** Says frames and waits until everything has come of them that will. */
  async say(...frames: Frame[]): Promise<void> {
    this.blurt(...frames);
    await settle();
  }

  /** Hangs up. */
  async leave(): Promise<void> {
    this.link.drop();
    await settle();
  }

  /** The network is cut. */
  async lose(): Promise<void> {
    this.cut();
    await settle();
  }

  /** Closes with 1001. */
  async goAway(): Promise<void> {
    if (this.isOpen) this.pump.end("away");
    this.link.drop();
    await settle();
  }

  /** Cuts the network without waiting for what comes of it. */
  cut(): void {
    if (this.isOpen) this.pump.end("lost");
    this.link.drop();
  }
}

/** Connects a client to a session and waits until the session is done with the opening. */
export async function connect(
  createSession: (link: FakeLink, client: TestClient) => Session,
  limits?: InputLimits,
  now?: () => number,
): Promise<TestClient> {
  const client = new TestClient(createSession, limits, now);
  client.pump.open();
  await settle();
  return client;
}
