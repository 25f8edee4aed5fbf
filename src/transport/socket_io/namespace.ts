import type { Expulsion } from "../../core/expulsion.ts";
import type { LinkLimits } from "../../core/limits.ts";
import type { Frame, Session } from "../../core/session.ts";
import type { Carriage, CountedLink, NamespaceGreeting, NamespaceLink } from "../links.ts";
import type { Visit } from "../../core/visit.ts";
import type { Connection } from "../connections.ts";
import type { Leftover } from "../pump.ts";
import type { Ending } from "../websocket.ts";
import { newSid } from "./sid.ts";
import type { Revision } from "./payload.ts";

/** A namespace that the server offers, and whose it is. */
export interface OfferedNamespace {
  /** Such as "/" or "/ssp". */
  readonly name: string;
  readonly dialect: string;
  readonly limits: LinkLimits;
  /** @param visit of the connection's first request */
  readonly connect: (visit: Visit, link: NamespaceLink, greeting: NamespaceGreeting) => Session;
}

/** The carrier of a namespace. */
export interface NamespaceOwner {
  readonly address: string;
  readonly isOpen: boolean;
  readonly carriage: Carriage;
  /** Bytes that wait for the client, of all its namespaces. */
  readonly backlog: number;
  /** Every connection is being closed as going away, whatever else would end a namespace. */
  readonly isGoingAway: boolean;
  readonly revision: Revision;
  send(packet: string): void;
  /** Ends the whole connection as going away: clients come back, which they do not after DISCONNECT. */
  goAway(): void;
  /** Our side has ended the namespace; the code, if there is one, is for the whole connection. */
  namespaceClosed(namespace: ConnectedNamespace, code: number | undefined, reason: string): void;
}

/** A namespace that a client has asked for, as its session's link. */
export class ConnectedNamespace implements NamespaceLink, CountedLink {
  readonly id: string;
  readonly address: string;
  readonly name: string;
  framesSent = 0;
  bytesSent = 0;
  readonly #connection: Connection;
  readonly #owner: NamespaceOwner;
  /** The part of a packet after its type. */
  readonly #prefix: string;
  #isOpen = true;
  #isAccepted = false;

  constructor(name: string, connection: Connection, owner: NamespaceOwner) {
    this.id = connection.id;
    this.address = connection.address;
    this.name = name;
    this.#connection = connection;
    this.#owner = owner;
    this.#prefix = name === "/" ? "" : `${name},`;
  }

  get isOpen(): boolean {
    return this.#isOpen && this.#owner.isOpen;
  }

  get carriage(): Carriage {
    return this.#owner.carriage;
  }

  get backlog(): number {
    return this.#owner.backlog;
  }

  /** The client's remaining allowance. */
  get leftover(): Leftover {
    return this.#connection.pump.leftover;
  }

  /**
   * Continues with the allowances that the client left here when it was in the namespace before.
   */
  resume(leftover: Leftover): void {
    this.#connection.pump.resume(leftover);
  }

  /** Lets the session begin; the client is answered by what it does, or when it is done. */
  open(): void {
    const pending = this.#connection.opened();
    if (pending === undefined) this.#accept();
    else pending.then(() => this.#accept());
  }

  /** An EVENT came, without the namespace's name; or bytes, where it was a binary packet. */
  receive(frame: Frame): void {
    this.#connection.receive(frame);
  }

  expel(reason: Expulsion): void {
    this.#connection.expel(reason);
  }

  checkIdentified(nowMs: number): void {
    this.#connection.pump.checkIdentified(nowMs);
  }

  send(frame: Frame): void {
    if (!this.isOpen || typeof frame !== "string") return;
    if (!this.#isAccepted) this.#accept();
    this.framesSent++;
    this.bytesSent += frame.length;
    this.#owner.send(
      this.#prefix === "" ? `4${frame}` : `4${frame.charAt(0)}${this.#prefix}${frame.substring(1)}`,
    );
  }

  decline(message: string): void {
    if (!this.isOpen || this.#isAccepted) return;
    // The native clients of revision 3 read nothing but a text.
    const data = this.#owner.revision === 4 ? { message } : message;
    this.#owner.send(`44${this.#prefix}${JSON.stringify(data)}`);
    this.#end({ by: "server", code: 1005, reason: "declined" });
    this.#owner.namespaceClosed(this, undefined, "");
  }

  close(code?: number, reason = ""): void {
    this.#close({ by: "server", code: code ?? 1005, reason }, code, reason);
  }

  fail(error: unknown): void {
    this.#connection.failed(error);
    this.#close({ by: "fault" }, 1011, "internal error");
  }

  /** The client has left, or the whole connection is over. */
  end(ending: Ending): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#connection.ended(ending);
  }

  #accept(): void {
    if (!this.isOpen || this.#isAccepted) return;
    this.#isAccepted = true;
    const data = this.#owner.revision === 4 ? `{"sid":"${newSid()}"}` : "";
    this.#owner.send(`40${this.#prefix}${data}`);
  }

  #close(ending: Ending, code: number | undefined, reason: string): void {
    if (!this.isOpen) return;
    // After a packet that disconnects it, a client does not come back by itself.
    if (this.#owner.isGoingAway || code === 1001) return this.#owner.goAway();
    this.#owner.send(`41${this.#prefix}`);
    this.#end(ending);
    this.#owner.namespaceClosed(this, code, reason);
  }

  #end(ending: Ending): void {
    this.#isOpen = false;
    queueMicrotask(() => this.#connection.ended(ending));
  }
}
