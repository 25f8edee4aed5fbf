import { Buffer } from "node:buffer";
import type { Clock } from "../../core/clock.ts";
import type { Expulsion } from "../../core/expulsion.ts";
import type { Frame } from "../../core/session.ts";
import type { Visit } from "../../core/visit.ts";
import type { Carrier, Sweepable } from "../connections.ts";
import type { OutputBudget } from "../output_budget.ts";
import { exceeds } from "../pump.ts";
import type { Socket } from "../transport.ts";
import type { Ending } from "../websocket.ts";
import { type ClientHost, type EngineIoConnection, SocketClient } from "./client.ts";
import { EngineSocket, type SocketOwner } from "./engine_socket.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { SocketIoLimits } from "./limits.ts";
import { type PollAnswer, PollOutbox } from "./outbox.ts";
import { decodeTwice, escapeNonAscii, type Revision } from "./payload.ts";
import { Upgrade } from "./upgrade.ts";

/** The parts that sessions share. */
export interface SessionHost extends ClientHost {
  readonly limits: SocketIoLimits;
  readonly clock: Clock;
  readonly isGoingAway: boolean;
  newSid(): string;
  /** The session is over: its sid means nothing any more. */
  ended(session: EngineSession): void;
  /** Its last socket is gone, too. */
  released(session: EngineSession): void;
}

/** How a session begins. */
export interface EngineHandshake {
  readonly visit: Visit;
  readonly revision: Revision;
  readonly transport: "polling" | "websocket";
  /** The session is over, and everything that it held is given back. */
  readonly onReleased: () => void;
}

/** Types of Engine.IO packets, as character codes. */
const PACKET = { CLOSE: 49, PING: 50, PONG: 51, MESSAGE: 52, UPGRADE: 53, NOOP: 54, BASE64: 98 };
/** The first character of a message in bytes in revision 3; since revision 4 bytes have none. */
const MESSAGE_BYTE = 4;
const [PING, PONG, NOOP] = ["2", "3", "6"] as const;
/** A client that says 4 and means 3 waits to be welcomed; others speak at once. */
const IMPOSTOR_MS = 2_000;
const PROTOCOL_ERROR = "protocol error";

/** An Engine.IO connection: over polls, over a websocket, or from the one to the other. */
export class EngineSession implements EngineIoConnection, SocketOwner, Carrier, Sweepable {
  readonly sid: string;
  readonly address: string;
  readonly visit: Visit;
  readonly onReleased: () => void;
  readonly #host: SessionHost;
  readonly #client: SocketClient;
  /** The budget of bytes for the client, over polls and WebSocket. */
  readonly budget: OutputBudget;
  readonly #outbox: PollOutbox;
  readonly #heartbeat: Heartbeat;
  readonly #openedAt: number;
  #revision: Revision;
  /** The websocket that carries the session, from its opening on; undefined while it polls. */
  #socket: EngineSocket | undefined = undefined;
  #isFlowing = false;
  /** It began with a websocket. */
  #isDirect = false;
  #upgrade: Upgrade | undefined = undefined;
  /** Sockets that are not gone yet, those that lost their use included. */
  #socketCount = 0;
  #isOpen = true;
  #hasReportedEnd = false;
  #isPosting = false;
  /** When the client was last answered a poll; it has to come again. */
  #polledAt: number;
  /** It was taken into "/" unasked: it may be one of those who say 4 and mean 3. */
  #mayBeImpostor = false;
  /** Whether what it posts is encoded twice; undefined while that is not clear. */
  #encodesTwice: boolean | undefined = undefined;

  constructor(handshake: EngineHandshake, host: SessionHost) {
    this.sid = host.newSid();
    this.visit = handshake.visit;
    this.address = handshake.visit.address;
    this.onReleased = handshake.onReleased;
    this.#revision = handshake.revision;
    this.#host = host;
    this.budget = host.connections.budgetOf(handshake.visit.address);
    this.#outbox = new PollOutbox(this.budget);
    this.#openedAt = this.#polledAt = host.clock.now();
    this.#heartbeat = new Heartbeat(host.limits, this.#openedAt);
    this.#client = new SocketClient(this, host);
    const { pingIntervalMs: pingInterval, pingTimeoutMs: pingTimeout } = host.limits;
    const upgrades = handshake.transport === "polling" ? ["websocket"] : [];
    const maxPayload = host.limits.maxPayloadBytes;
    const open = { sid: this.sid, upgrades, pingInterval, pingTimeout, maxPayload };
    this.send(`0${JSON.stringify(open)}`);
  }

  get revision(): Revision {
    return this.#revision;
  }

  get limits(): SocketIoLimits {
    return this.#host.limits;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isGoingAway(): boolean {
    return this.#host.isGoingAway && this.#client.farewell === undefined;
  }

  get isPolling(): boolean {
    return this.#socket === undefined;
  }

  /** Whether a poll waits for packets. */
  get isPolled(): boolean {
    return this.#outbox.isPolled;
  }

  get backlog(): number {
    return this.#outbox.bytes + (this.#socket?.link.backlog ?? 0);
  }

  now(): number {
    return this.#host.clock.now();
  }

  /** The client can be spoken to: in revision 3 it is in the namespace "/" from the beginning. */
  begin(): void {
    if (this.#revision === 3) this.#client.welcome();
  }

  send(packet: string): void {
    if (this.#isFlowing) return this.#socket?.link.send(packet);
    if (!this.#isOpen) return;
    this.#outbox.push(this.#revision === 3 ? escapeNonAscii(packet) : packet);
    const { bytes, bytesBehind } = this.#outbox;
    const isOver = !this.budget.hasRoom(0) && !this.budget.spares(bytes);
    if (isOver || bytesBehind > this.limits.maxQueuedBytes) this.giveUp();
  }

  /** Runs over this socket from its opening on. */
  carry(socket: Socket): void {
    this.#isDirect = true;
    this.#socket = this.#adopt(socket);
  }

  /** Takes a socket that is to carry the session once it is probed; false where it has one. */
  probe(socket: Socket): boolean {
    if (!this.mayProbe) return false;
    const probe = this.#adopt(socket);
    this.#upgrade = new Upgrade(probe, this.#host, () => {
      if (this.#outbox.isPolled) this.#outbox.answer([NOOP]);
    });
    return true;
  }

  /** Whether a websocket may be opened beside the polls: one at a time. */
  get mayProbe(): boolean {
    return this.isPolling && this.#socketCount === 0;
  }

  /** A poll; false where the session is over, as it is when there is a poll already. */
  poll(answer: PollAnswer): boolean {
    if (this.#outbox.isPolled) this.close(1002, "two polls at once");
    if (!this.#isOpen) return false;
    this.#outbox.wait((packets) => {
      this.#polledAt = this.now();
      answer(packets);
    });
    return true;
  }

  /** The client of a poll that was not answered has gone. */
  pollAborted(): void {
    this.#end({ by: "network" });
  }

  /** A POST begins; false where the session is over, as it is when there is one already. */
  beginPost(): boolean {
    if (this.#isPosting) this.close(1002, "two posts at once");
    if (!this.#isOpen) return false;
    this.#isPosting = true;
    return true;
  }

  /** A POST has come with these packets, or with none that could be used. False: the session ends. */
  endPost(packets: readonly (string | Uint8Array)[] | undefined): boolean {
    this.#isPosting = false;
    if (packets === undefined) this.#breach();
    let isGood = this.#isOpen;
    for (const packet of packets ?? []) {
      if (!this.#isOpen) return isGood;
      isGood = typeof packet === "string"
        ? this.#receive(this.#decode(packet))
        : this.#receiveBytes(packet);
    }
    return isGood;
  }

  socketOpened(socket: EngineSocket): void {
    if (socket !== this.#socket) return;
    this.#flow(socket);
    this.begin();
  }

  socketReceived(socket: EngineSocket, frame: Frame): void {
    if (socket === this.#socket) {
      if (exceeds(frame, this.limits.maxPayloadBytes)) socket.link.close(1009, "too big");
      else if (typeof frame === "string") this.#receive(frame);
      else this.#receiveBytes(frame);
    } else if (this.#upgrade?.socket === socket && this.#upgrade.receive(frame)) {
      this.#switch(this.#upgrade);
    }
  }

  socketEnded(socket: EngineSocket, ending: Ending): void {
    if (socket === this.#socket) this.#end(ending);
    else if (this.#upgrade?.socket === socket) this.#stopUpgrade();
  }

  socketReleased(socket: EngineSocket): void {
    // The socket may be gone before its end is reported, and another one be on trial by then.
    if (this.#upgrade?.socket === socket) this.#stopUpgrade();
    this.#socketCount--;
    this.#releaseIfGone();
  }

  close(code?: number, reason = ""): void {
    const [how, why] = this.#client.farewell ?? [code, reason];
    // The socket's end is the session's: its link reports it best.
    if (this.#isOpen) this.#socket?.link.close(how, why);
    const drain = this.isGoingAway ? { isDrain: true } as const : {};
    this.#end({ by: "server", code: how ?? 1005, reason: why, ...drain });
  }

  /** Closes the client, after a little time to read why. */
  turnOut(reason: Expulsion): void {
    this.#client.turnOut(reason);
  }

  giveUp(): void {
    this.#socket?.link.giveUp();
    this.#end({ by: "slow reader" });
  }

  checkStall(nowMs: number): void {
    this.#socket?.link.checkStall(nowMs);
  }

  /** The dialect that it entered last. */
  get countsAs(): string {
    return this.#client.dialect ?? "socket.io";
  }

  /** Everything that has to be looked at once a second. */
  checkIdentified(nowMs: number): void {
    if (!this.#isOpen) return;
    this.#client.check(nowMs);
    const isAway = this.isPolling && !this.#outbox.isPolled &&
      nowMs - this.#polledAt >= this.limits.pingTimeoutMs;
    const advice = this.#heartbeat.check(nowMs, this.#revision);
    if (isAway || advice === "lost") return this.#lose();
    if (advice === "ping") this.send(PING);
    this.#upgrade?.check(nowMs);
    if (this.#isDirect && nowMs - this.#openedAt >= IMPOSTOR_MS) this.#welcomeImpostor();
  }

  #adopt(socket: Socket): EngineSocket {
    this.#socketCount++;
    return new EngineSocket(socket, this, this.limits);
  }

  /** From here on everything goes out by the socket, first what has waited. */
  #flow(socket: EngineSocket): void {
    this.#isFlowing = true;
    for (const packet of this.#outbox.takeAll()) socket.link.send(packet);
  }

  #switch(upgrade: Upgrade): void {
    this.#stopUpgrade();
    this.#outbox.answer([NOOP]);
    this.#socket = upgrade.socket;
    this.#heartbeat.isHeard = true;
    this.#flow(upgrade.socket);
  }

  #stopUpgrade(): void {
    this.#upgrade?.[Symbol.dispose]();
    this.#upgrade = undefined;
  }

  /**
   * Clients of Socket.IO 1 encode posted text twice; one packet that is, or is not, encoded so
   * decides.
   */
  #decode(packet: string): string {
    // deno-lint-ignore no-control-regex
    if (this.#revision === 4 || this.#encodesTwice === false || !/[^\x00-\x7f]/.test(packet)) {
      return packet;
    }
    const decoded = decodeTwice(packet);
    this.#encodesTwice = decoded !== undefined;
    return decoded ?? packet;
  }

  /** One packet of the client. False where it breaks the protocol, which ends the session. */
  #receive(packet: string): boolean {
    this.#heartbeat.isHeard = true;
    const isMessage = packet.charCodeAt(0) === PACKET.MESSAGE;
    const isGood = isMessage ? this.#client.receive(packet) : this.#receiveOther(packet);
    if (!isGood) this.#breach();
    return isGood;
  }

  /** A packet in bytes: it can only be an attachment. */
  #receiveBytes(packet: Uint8Array): boolean {
    this.#heartbeat.isHeard = true;
    const isTyped = this.#revision === 3;
    const isGood = (!isTyped || packet[0] === MESSAGE_BYTE) &&
      this.#client.attach(packet.length - (isTyped ? 1 : 0));
    if (!isGood) this.#breach();
    return isGood;
  }

  /** The same as text: `b` and, in revision 3, the type of a message go before the base64. */
  #receiveBase64(packet: string): boolean {
    const isTyped = this.#revision === 3;
    if (isTyped && packet.charCodeAt(1) !== PACKET.MESSAGE) return false;
    return this.#client.attach(Buffer.byteLength(packet.substring(isTyped ? 2 : 1), "base64"));
  }

  #receiveOther(packet: string): boolean {
    if (packet.charCodeAt(0) === PACKET.BASE64) return this.#receiveBase64(packet);
    if (packet.length !== 1 || !this.#client.takeControl()) return false;
    switch (packet.charCodeAt(0)) {
      case PACKET.CLOSE:
        this.#socket?.link.close();
        this.#outbox.answer([NOOP]);
        this.#end({ by: "client", code: 1000, reason: "", isFarewell: true });
        return true;
      case PACKET.PING:
        if (this.#mayBeImpostor) this.#revision = 3;
        if (this.#revision === 4) return false;
        this.send(PONG);
        return true;
      case PACKET.PONG:
        return this.#revision === 4;
      // The original server ignores an upgrade of nothing.
      case PACKET.UPGRADE:
      case PACKET.NOOP:
        return true;
      default:
        return false;
    }
  }

  /** Old native clients claim revision 4, and wait to be taken into "/". */
  #welcomeImpostor(): void {
    if (this.#mayBeImpostor || this.#revision === 3 || this.#client.hasAsked) return;
    this.#mayBeImpostor = true;
    this.#client.welcome();
  }

  #breach(): void {
    this.close(1002, PROTOCOL_ERROR);
  }

  #lose(): void {
    this.#socket?.link.close(1001, "no heartbeat");
    this.#end({ by: "network" });
  }

  /** Ends the connection for whatever reason. Observers learn of it in a later turn. */
  #end(ending: Ending): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#isFlowing = false;
    const probe = this.#upgrade?.socket;
    this.#stopUpgrade();
    probe?.link.close();
    this.#outbox.answer(undefined);
    this.#outbox.takeAll();
    this.#host.ended(this);
    queueMicrotask(() => {
      this.#client.end(ending);
      this.#hasReportedEnd = true;
      this.#releaseIfGone();
    });
  }

  #releaseIfGone(): void {
    if (this.#hasReportedEnd && this.#socketCount === 0) this.#host.released(this);
  }
}
