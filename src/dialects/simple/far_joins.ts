import { SignalError } from "../../core/errors.ts";
import type { Failed } from "../../core/nodes/backplane.ts";
import type { Homes } from "../../core/nodes/elsewhere.ts";
import type { PeerId } from "../../core/events.ts";
import type { Departure } from "../../core/session.ts";
import type { JoinRequest } from "./connection.ts";
import { carriedIdentity, identityOf, type ToHome, type ToNode } from "./node_messages.ts";
import type { FarClient, FarJoin, Line, OtherNodes } from "./other_nodes.ts";
import { untaken } from "./refusals.ts";
import type { SimpleServer } from "./server.ts";

type Answer = Extract<ToNode, { op: "joined" | "refused" | "again" | "over" }>;
type End = Extract<ToHome, { op: "closed" | "expelled" }>;

interface Open {
  readonly client: FarClient;
  readonly peerId: PeerId;
  /** The home's process, once it has answered. */
  home: string | undefined;
  readonly answer: (answer: Answer | Failed) => void;
}

/** How long a home may take to answer a join that has reached it; the engine reports a dead one before. */
const JOIN_MS = 5_000;
/** How soon an end is sent once more that found no way. */
const AGAIN_MS = 1_000;
/** The client reconnects, with its credentials (§7). */
const RESTARTING = [1012, "try again"] as const;

type Joins = OtherNodes["joins"];
type Server = Pick<SimpleServer, "realm" | "clock" | "iceServers">;

/** The connections of this node whose peers have their home on another one. */
export class FarJoins implements Joins, Disposable {
  readonly #server: Server;
  readonly #homes: Homes;
  /** By a name that no other try of the same client has: an answer may come late. */
  readonly #open = new Map<string, Open>();
  /** Ends that found no way, and are about to be sent once more. */
  readonly #waiting = new Set<Disposable>();
  #tries = 0;

  constructor(server: Server, homes: Homes) {
    this.#server = server;
    this.#homes = homes;
  }

  /** Asks the peer's home. Rejects with the refusal. */
  async join(peerId: PeerId, frame: JoinRequest, client: FarClient): Promise<FarJoin> {
    const { link: { id, address }, pass, stream } = client;
    const connection = `${id}.${++this.#tries}`;
    const { clock, iceServers } = this.#server;
    const { promise, resolve } = Promise.withResolvers<Answer | Failed>();
    this.#open.set(connection, { client, peerId, home: undefined, answer: resolve });
    this.#send(
      peerId,
      {
        op: "open",
        connection,
        // It was checked here, and is nobody else's to see.
        frame: { ...frame, token: undefined },
        address,
        isStream: stream !== undefined,
        identity: carriedIdentity(pass?.identity),
        iceServers: iceServers(pass?.identity),
      },
      resolve,
      id,
    );
    const limitMs = this.#homes.waitMs + JOIN_MS;
    using _timer = clock.after(limitMs, () => resolve("unavailable"));
    return this.#conclude(await promise, connection, peerId, client);
  }

  /** A home has sent something. */
  told(from: string, message: ToNode): void {
    if (message.op === "posted" || message.op === "state" || message.op === "departed") return;
    const open = this.#open.get(message.connection);
    if (open === undefined) {
      // The answer came too late: the client was refused meanwhile.
      if (message.op === "joined") this.#sendUnheard(message.connection, message.peerId);
      return;
    }
    open.home = from;
    const { link, stream } = open.client;
    switch (message.op) {
      case "renewed":
        return void open.client.pass?.adopt(
          identityOf(message.judged, this.#server.clock.now()),
        );
      case "joined":
        open.client.carried(this.#lineOf(message.connection, open));
        return open.answer(message);
      case "refused":
      case "again":
      case "over":
        return open.answer(message);
      case "send":
        for (const frame of message.frames) link.send(frame);
        return;
      case "begin":
        return stream?.begin(message.position);
      case "end":
        return stream?.end();
      case "close":
        this.#open.delete(message.connection);
        open.client.uncarried();
        return link.close(message.code, message.reason);
    }
  }

  nodeGone(address: string): void {
    for (const [connection, { home }] of this.#open) {
      if (home === address) this.#drop(connection);
    }
  }

  /** This node was taken for dead: its clients come back, and their homes may not have noticed. */
  severed(): void {
    for (const [connection, { peerId }] of [...this.#open]) {
      this.#drop(connection);
      this.#sendEnd(peerId, { op: "closed", connection, departure: "lost" });
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#waiting) timer[Symbol.dispose]();
  }

  #conclude(
    answer: Answer | Failed,
    connection: string,
    peerId: PeerId,
    client: FarClient,
  ): FarJoin {
    if (typeof answer === "object" && answer.op === "joined") {
      if (!client.link.isOpen && this.#open.delete(connection)) {
        this.#sendUnheard(connection, peerId, client.departure);
      }
      return "joined";
    }
    this.#open.delete(connection);
    if (typeof answer !== "object") {
      if (answer === "unavailable") throw untaken(answer);
      return "absent";
    }
    switch (answer.op) {
      case "refused":
        throw new SignalError(
          answer.refusal.code,
          answer.refusal.message,
          answer.refusal.details,
        );
      case "over":
        client.stream?.declineForGood();
        return "joined";
      default:
        return "again";
    }
  }

  #lineOf(connection: string, { peerId, client }: Open): Line {
    const send = (message: ToHome): void => {
      const lost = (failed: Failed): void => {
        if (failed === "unavailable" && message.op === "frame") this.#refuse(connection);
        else this.#drop(connection);
      };
      this.#send(peerId, message, lost, client.link.id);
    };
    return {
      peerId,
      receive: (text) => send({ op: "frame", connection, text }),
      identify: (identity) => send({ op: "identity", connection, identity }),
      expel: (reason) => {
        this.#open.delete(connection);
        this.#sendEnd(peerId, { op: "expelled", connection, reason });
      },
      closed: (departure) => this.#close(connection, peerId, departure),
    };
  }

  #close(connection: string, peerId: PeerId, departure: Departure): void {
    if (!this.#open.delete(connection)) return;
    this.#sendEnd(peerId, { op: "closed", connection, departure });
  }

  #sendUnheard(connection: string, peerId: PeerId, departure: Departure = "lost"): void {
    const closed = { op: "closed", connection, departure, isUnheard: true } as const;
    this.#sendEnd(peerId, closed);
  }

  /** An end must not be lost: the home would go on taking its client for connected. */
  #sendEnd(peerId: PeerId, end: End): void {
    this.#send(peerId, end, (failed) => {
      if (failed !== "unavailable") return;
      const timer = this.#server.clock.after(AGAIN_MS, () => {
        this.#waiting.delete(timer);
        this.#sendEnd(peerId, end);
      });
      this.#waiting.add(timer);
    });
  }

  /** A frame was not carried out. */
  #refuse(connection: string): void {
    this.#open.get(connection)?.client.link.refuse?.(untaken("unavailable"));
  }

  /** The home is gone, or does not know the connection any more: the client joins anew. */
  #drop(connection: string): void {
    const open = this.#open.get(connection);
    if (open === undefined) return;
    this.#open.delete(connection);
    if (open.home === undefined) return open.answer("gone");
    open.client.uncarried();
    open.client.link.close(...RESTARTING);
  }

  #send(
    peerId: PeerId,
    message: ToHome,
    failed: (failed: Failed) => void,
    payer?: string,
  ): void {
    this.#homes.send(this.#server.realm, peerId, message, failed, payer);
  }
}
