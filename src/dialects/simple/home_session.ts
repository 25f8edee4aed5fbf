import { covers } from "../../auth/grants.ts";
import { type Identity, NO_CONNECTION, refused } from "../../auth/authenticator.ts";
import { SignalError } from "../../core/errors.ts";
import type { PeerId } from "../../core/events.ts";
import type { Departure } from "../../core/session.ts";
import type { Expulsion } from "../../core/expulsion.ts";
import type { ConnectionPass } from "./connection.ts";
import { FarLink } from "./far_link.ts";
import {
  type CarriedIdentity,
  judgedIdentity,
  sentRefusal,
  type ToHome,
  type ToNode,
} from "./node_messages.ts";
import type { SimpleServer } from "./server.ts";
import { SimpleSession } from "./session.ts";

type Open = Extract<ToHome, { op: "open" }>;

/** The parts of a home session. */
export interface HomeParts {
  readonly server: SimpleServer;
  /** Names the connection among those of all nodes. */
  readonly name: string;
  readonly peerId: PeerId;
  readonly open: Open;
  readonly send: (message: ToNode) => void;
  /** The same; rejects if the other node does not take it. */
  readonly entrust: (message: ToNode) => Promise<void>;
  /** The session is over. */
  readonly over: () => void;
}

/** The permissions of a client whose token another node has checked. */
class CarriedPass implements ConnectionPass {
  identity: ConnectionPass["identity"];
  readonly #parts: HomeParts;

  constructor(identity: CarriedIdentity, parts: HomeParts) {
    this.identity = { ...identity, expiresAt: undefined };
    this.#parts = parts;
  }

  /** The other node ends the connection in time. */
  get expiresAt(): undefined {
    return undefined;
  }
  get user(): string | undefined {
    return this.identity?.user;
  }
  get info(): ConnectionPass["info"] {
    return this.identity?.info;
  }
  get granted(): ConnectionPass["granted"] {
    return this.identity === undefined ? [] : [this.identity.grants];
  }
  grantsRoom(room: string): boolean {
    return this.identity !== undefined && covers(this.identity.grants.rooms, room);
  }
  grantsRole(role: "produce" | "consume"): boolean {
    return this.identity?.grants.roles.includes(role) === true;
  }
  present(): void {}

  /** A token that was posted here is judged here. */
  async renew(token: string): Promise<void> {
    const { server: { authenticator, dialect }, open: { address } } = this.#parts;
    const verdict = await authenticator.check({
      dialect,
      token,
      address,
      id: undefined,
      room: undefined,
      origin: undefined,
      userAgent: undefined,
      connection: NO_CONNECTION,
    });
    if ("refusal" in verdict) throw verdict.refusal;
    await this.adopt(verdict.identity);
  }

  async adopt(identity: Identity): Promise<void> {
    const { server: { clock }, open: { connection }, entrust } = this.#parts;
    if (identity.user !== this.user) throw refused("id").refusal;
    const judged = judgedIdentity(identity, clock.now());
    await entrust({ op: "renewed", connection, judged });
    this.identity = { ...identity, expiresAt: undefined };
  }
}

/** One connection at the home of its peer: the session of a client on another node. */
export class HomeSession {
  readonly #parts: HomeParts;
  readonly #link: FarLink;
  readonly #session: SimpleSession;
  readonly #pass: CarriedPass | undefined;
  /** Frames that wait for the step before; undefined if none is under way. */
  #held: string[] | undefined = undefined;
  #isOver = false;

  constructor(parts: HomeParts) {
    const { server, open: { identity, frame, iceServers, isStream, connection, address } } = parts;
    this.#parts = parts;
    this.#pass = identity && new CarriedPass(identity, parts);
    this.#link = new FarLink(parts.name, {
      connection,
      address,
      send: parts.send,
      ended: () => this.closed("lost"),
      refuse: (error) => this.#refuse(error),
      failed: (error) =>
        server.warn("a connection of another node failed", { error: String(error) }),
    });
    this.#session = new SimpleSession(this.#link, server, this.#pass, () => frame, {
      ...(isStream && { stream: this.#link }),
      iceServers,
      welcomed: () => parts.send({ op: "joined", connection, peerId: parts.peerId }),
    });
    this.#run(() => this.#session.opened());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  receive(text: string): void {
    if (this.#isOver) return;
    // The client's node limits how many wait.
    if (this.#held !== undefined) this.#held.push(text);
    else this.#run(() => this.#session.receive(text));
  }

  identify(identity: CarriedIdentity): void {
    if (this.#pass === undefined) return;
    this.#pass.identity = { ...identity, expiresAt: undefined };
    this.#session.informed();
  }

  expel(reason: Expulsion): void {
    if (!this.#isOver) this.#session.expel(reason);
    this.closed("lost");
  }

  /**
   * The connection is over, by either side.
   * @param isUnheard its client never learned that it had joined
   */
  closed(departure: Departure, isUnheard = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held = undefined;
    this.#link.abandon();
    // The queue of an earlier connection is kept for its client.
    if (isUnheard && this.#parts.open.frame.p_instance === undefined) this.#session.unheard();
    this.#session.closed(departure);
    this.#parts.over();
  }

  /** This node is about to end: the client comes back to another one. */
  goAway(code: number): void {
    this.#link.close(code, "going away");
    this.closed("drained");
  }

  #run(step: () => void | Promise<void>): void {
    try {
      const pending = step();
      if (pending !== undefined) this.#holdUntil(pending);
    } catch (error) {
      this.#caught(error);
    }
  }

  #holdUntil(pending: Promise<void>): void {
    this.#held ??= [];
    pending.catch((error) => this.#caught(error)).then(() => {
      const [next, ...later] = this.#held ?? [];
      this.#held = undefined;
      if (next === undefined || this.#isOver) return;
      this.#run(() => this.#session.receive(next));
      for (const text of later) this.receive(text);
    });
  }

  #caught(error: unknown): void {
    if (error instanceof SignalError) this.#refuse(error);
    else this.#link.fail(error);
  }

  /** A refused join ends the session: the client may join again from its node. */
  #refuse(error: SignalError): void {
    if (this.#isOver) return;
    if (this.#session.isIdentified) return this.#session.refuse(error);
    const { connection } = this.#parts.open;
    this.#parts.send({ op: "refused", connection, refusal: sentRefusal(error) });
    this.closed("lost");
  }
}
