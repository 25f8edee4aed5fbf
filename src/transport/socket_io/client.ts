import { Allowance, InputAllowance } from "../../core/allowance.ts";
import type { SignalError } from "../../core/errors.ts";
import type { Expulsion } from "../../core/expulsion.ts";
import type { Carriage, NamespaceGreeting } from "../links.ts";
import type { Visit } from "../../core/visit.ts";
import type { Acceptance, Connections } from "../connections.ts";
import type { Leftover } from "../pump.ts";
import type { Ending } from "../websocket.ts";
import type { SocketIoLimits } from "./limits.ts";
import { ConnectedNamespace, type NamespaceOwner, type OfferedNamespace } from "./namespace.ts";
import {
  isAck,
  isAddressed,
  isConnect,
  isEvent,
  PACKET,
  readAddress,
  readAnnouncement,
} from "./packet.ts";
import type { Revision } from "./payload.ts";

/** The Engine.IO connection under a client. */
export interface EngineIoConnection {
  readonly address: string;
  readonly isOpen: boolean;
  readonly isGoingAway: boolean;
  readonly isPolling: boolean;
  /** Bytes that wait for the client. */
  readonly backlog: number;
  readonly revision: Revision;
  readonly limits: SocketIoLimits;
  /** The URL of the connection's first request. */
  readonly visit: Visit;
  now(): number;
  send(packet: string): void;
  close(code?: number, reason?: string): void;
}

/** Decides which clients may come back into a namespace. */
export interface ReentryGate {
  /** Counts it like a new connection of the address; why not, where that is one too many. */
  readmit(address: string): SignalError | undefined;
}

/** The parts that clients share. */
export interface ClientHost {
  readonly connections: Pick<Connections, "attach" | "budgetOf">;
  readonly namespaces: ReadonlyMap<string, OfferedNamespace>;
  readonly gate: ReentryGate;
}

/** A binary packet whose attachments are still to come: they are counted, and not kept. */
interface Announced {
  /** Undefined where the client is in it no longer. */
  readonly namespace: ConnectedNamespace | undefined;
  /** Attachments that are missing. */
  missing: number;
  /** Bytes of the packet and of the attachments that have arrived. */
  bytes: number;
}

/** How long a client has to go by itself once the server has ended its last namespace. */
const LINGER_MS = 5_000;
/** Where the type of a Socket.IO packet stands in an Engine.IO message. */
const TYPE_AT = 1;
const GOING_AWAY_CODE = 1001;
const NO_GREETING: NamespaceGreeting = { query: "", auth: "" };
const TOO_LARGE = [1009, "too big"] as const;
const TURNED_OUT = [1013, "try again later"] as const;
const FAREWELL = { by: "client", code: 1000, reason: "", isFarewell: true } as const;

/** One Socket.IO client: its namespaces, each with a session of its own. */
export class SocketClient implements NamespaceOwner {
  readonly #engine: EngineIoConnection;
  readonly #host: ClientHost;
  readonly #control: Allowance;
  /** The namespace "/", which most clients use, and no other. */
  #root: ConnectedNamespace | undefined = undefined;
  #others: Map<string, ConnectedNamespace> | undefined = undefined;
  /**
   * Left-over allowances of the namespaces that it has been in, by name: coming back brings no new
   * ones.
   */
  #leftovers: Map<string, Leftover> | undefined = undefined;
  /** Nothing else may come before its attachments have. */
  #announced: Announced | undefined = undefined;
  /** When the connection ends for being in no namespace, and how. */
  #endsAt: number | undefined;
  #closing: readonly [code: number | undefined, reason: string] = [undefined, ""];
  /** It has asked for a namespace. */
  #hasAsked = false;
  /** The server has ended its last namespace: it is to go, and not to come back. */
  #isDismissed = false;
  #isTurnedOut = false;
  /** The namespace that it entered last: frames for it may arrive after its end. */
  #latest: OfferedNamespace | undefined = undefined;
  /** How much of that; made with the first. */
  #strays: InputAllowance | undefined = undefined;

  constructor(engine: EngineIoConnection, host: ClientHost) {
    const { controlPacketsPerSecond, controlPacketBurst, connectTimeoutMs } = engine.limits;
    this.#engine = engine;
    this.#host = host;
    this.#control = new Allowance(controlPacketsPerSecond, controlPacketBurst, engine.now());
    this.#endsAt = engine.now() + connectTimeoutMs;
  }

  get address(): string {
    return this.#engine.address;
  }

  get isOpen(): boolean {
    return this.#engine.isOpen;
  }

  /** The dialect of the namespace that it entered last. */
  get dialect(): string | undefined {
    return this.#latest?.dialect;
  }

  get carriage(): Carriage {
    return this.#engine.isPolling ? "polling" : "websocket";
  }

  get backlog(): number {
    return this.#engine.backlog;
  }

  get revision(): Revision {
    return this.#engine.revision;
  }

  get isGoingAway(): boolean {
    return this.#engine.isGoingAway;
  }

  /** How to close the connection of a client that is to go: with any other code it comes back. */
  get farewell(): readonly [code: number | undefined, reason: string] | undefined {
    return this.#isDismissed ? this.#closing : undefined;
  }

  get hasAsked(): boolean {
    return this.#hasAsked;
  }

  goAway(): void {
    this.#engine.close(GOING_AWAY_CODE);
  }

  send(packet: string): void {
    this.#engine.send(packet);
  }

  /** Takes the client into the namespace "/" without being asked, where that is offered. */
  welcome(): void {
    if (this.#root === undefined && this.#host.namespaces.has("/")) this.#connect("/", NO_GREETING);
  }

  /**
   * A message came. False where it breaks the protocol. The path of a relayed event: one substring,
   * no closure.
   */
  receive(packet: string): boolean {
    if (this.#announced !== undefined) return false;
    if (packet.charCodeAt(TYPE_AT) !== PACKET.EVENT) return this.#receiveOther(packet);
    let frame: string;
    let namespace: ConnectedNamespace | undefined;
    if (isAddressed(packet, TYPE_AT)) {
      const address = readAddress(packet, TYPE_AT);
      if (address === undefined) return false;
      frame = `2${packet.substring(address.rest)}`;
      namespace = this.#find(address.name);
    } else {
      frame = packet.substring(TYPE_AT);
      namespace = this.#root;
    }
    if (!isEvent(frame, 1)) return false;
    // A frame may have been on its way when the server ended the namespace: no fault of the client.
    if (namespace === undefined) return this.#takeStray(packet);
    namespace.receive(frame);
    return true;
  }

  /** A binary message of so many bytes came. False where none was announced. */
  attach(bytes: number): boolean {
    const announced = this.#announced;
    if (announced === undefined) return false;
    announced.missing--;
    announced.bytes += bytes;
    if (announced.bytes > this.#engine.limits.maxPayloadBytes) this.#engine.close(...TOO_LARGE);
    else if (announced.missing === 0) this.#deliver(announced);
    return true;
  }

  /** Whether one more packet that is no event may come now. */
  takeControl(): boolean {
    return this.#control.take(this.#engine.now());
  }

  /** The connection is over. */
  end(ending: Ending): void {
    for (const namespace of this.#all()) namespace.end(ending);
  }

  /**
   * A client that was refused in its namespaces enters no other, and is closed after it had time to
   * read why.
   */
  turnOut(reason: Expulsion): void {
    this.#isTurnedOut = true;
    for (const namespace of this.#all()) namespace.expel(reason);
    this.#closing = TURNED_OUT;
    this.#endsAt = Math.min(this.#endsAt ?? Infinity, this.#engine.now() + LINGER_MS);
  }

  /** Call about once a second. */
  check(nowMs: number): void {
    for (const namespace of this.#all()) namespace.checkIdentified(nowMs);
    if (this.#endsAt !== undefined && nowMs >= this.#endsAt) this.#engine.close(...this.#closing);
  }

  namespaceClosed(namespace: ConnectedNamespace, code: number | undefined, reason: string): void {
    this.#remove(namespace, LINGER_MS);
    this.#isDismissed = this.#count() === 0;
    if (code !== undefined) this.#closing = [code, reason];
  }

  #receiveOther(packet: string): boolean {
    const type = packet.charCodeAt(TYPE_AT);
    if (type === PACKET.BINARY_EVENT || type === PACKET.BINARY_ACK) {
      return this.#receiveBinary(packet, type);
    }
    const address = readAddress(packet, TYPE_AT);
    if (address === undefined || !this.takeControl()) return false;
    const { name, query, rest } = address;
    switch (type) {
      case PACKET.CONNECT:
        if (!isConnect(packet, rest)) return false;
        this.#hasAsked = true;
        this.#connect(name, { query, auth: packet.substring(rest) });
        return true;
      case PACKET.DISCONNECT:
        if (rest !== packet.length) return false;
        this.#disconnect(name);
        return true;
      case PACKET.ACK:
        // Nothing was asked for that would need one.
        return isAck(packet, rest);
      default:
        return false;
    }
  }

  /** An event or acknowledgement with attachments; only the dialect can word its refusal. */
  #receiveBinary(packet: string, type: number): boolean {
    const announcement = readAnnouncement(packet, TYPE_AT);
    if (announcement === undefined) return false;
    const { count, end } = announcement;
    const address = readAddress(packet, end);
    if (address === undefined || count > this.#engine.limits.maxAttachments) return false;
    const { name, rest } = address;
    const isWhole = type === PACKET.BINARY_EVENT ? isEvent(packet, rest) : isAck(packet, rest);
    const namespace = this.#find(name);
    if (!isWhole || (namespace === undefined && !this.#takeStray(packet))) return false;
    const announced = { namespace, missing: count, bytes: packet.length };
    if (count === 0) this.#deliver(announced);
    else this.#announced = announced;
    return true;
  }

  /** As one frame of the size that came: no dialect reads bytes, but each has its words for them. */
  #deliver({ namespace, bytes }: Announced): void {
    this.#announced = undefined;
    if (namespace === undefined) this.#strays?.overdraw(bytes);
    else namespace.receive(new Uint8Array(bytes));
  }

  /**
   * Whether an event for a namespace that the client is not in may be one that was on its way. No
   * session counts it: so many may come as to the last namespace that it was in.
   */
  #takeStray({ length }: string): boolean {
    if (this.#latest === undefined) return this.revision === 3 && this.takeControl();
    const now = this.#engine.now();
    this.#strays ??= new InputAllowance(this.#latest.limits, now);
    return this.#strays.take(length, now);
  }

  #connect(asked: string, greeting: NamespaceGreeting): void {
    if (this.#find(asked) !== undefined) return;
    const offered = this.#host.namespaces.get(asked);
    if (offered === undefined) return this.#refuse(asked, "Invalid namespace");
    // Not as it was asked for: a part of a text keeps the whole.
    const { name, dialect, limits, connect } = offered;
    if (this.#isTurnedOut) return this.#refuse(name, "Forbidden");
    if (this.#count() >= this.#engine.limits.maxNamespaces) {
      return this.#refuse(name, "Too many namespaces");
    }
    const { visit, address } = this.#engine;
    const leftover = this.#leftovers?.get(name);
    const refusal = leftover === undefined ? undefined : this.#host.gate.readmit(address);
    const acceptance: Acceptance<ConnectedNamespace> = {
      dialect,
      address,
      limits,
      origin: visit.origin,
      userAgent: visit.userAgent,
      refusal,
      createSession: (link) => connect(visit, link, greeting),
      onReleased: keepDescriptor,
    };
    const namespace = this.#host.connections.attach(
      acceptance,
      (connection) => new ConnectedNamespace(name, connection, this),
    );
    if (leftover !== undefined) namespace.resume(leftover);
    if (name === "/") this.#root = namespace;
    else (this.#others ??= new Map()).set(name, namespace);
    this.#latest = offered;
    this.#isDismissed = false;
    this.#endsAt = undefined;
    this.#closing = [undefined, ""];
    namespace.open();
  }

  #refuse(name: string, message: string): void {
    const prefix = name === "/" ? "" : `${name},`;
    this.#engine.send(`44${prefix}${JSON.stringify({ message })}`);
  }

  #find(name: string): ConnectedNamespace | undefined {
    return name === "/" ? this.#root : this.#others?.get(name);
  }

  #disconnect(name: string): void {
    const namespace = this.#find(name);
    if (namespace === undefined) return;
    namespace.end(FAREWELL);
    this.#remove(namespace, this.#engine.limits.connectTimeoutMs);
  }

  /** @param lingerMs for the connection, if this was its last namespace */
  #remove({ name, leftover }: ConnectedNamespace, lingerMs: number): void {
    (this.#leftovers ??= new Map()).set(name, leftover);
    if (name === "/") this.#root = undefined;
    else this.#others?.delete(name);
    if (this.#count() === 0) this.#endsAt = this.#engine.now() + lingerMs;
  }

  #count(): number {
    return (this.#root === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  #all(): ConnectedNamespace[] {
    const others = this.#others === undefined ? [] : [...this.#others.values()];
    return this.#root === undefined ? others : [this.#root, ...others];
  }
}

/** The descriptor is the connection's. No closure: one would keep the greeting. */
function keepDescriptor(): void {}
