import type { Failed, SharedMessage } from "../../core/nodes/backplane.ts";
import type { HomePart, Homes } from "../../core/nodes/elsewhere.ts";
import type { Reading } from "../dialect.ts";
import type { PeerHandle, PeerId } from "../../core/events.ts";
import type { PresentPeer } from "../../core/peer.ts";
import { refuseLate } from "./exchange.ts";
import { FarJoins } from "./far_joins.ts";
import { FarPosts } from "./far_posts.ts";
import { HomeSession } from "./home_session.ts";
import { postHere, renewHere } from "./http.ts";
import { mayMoveFor, MOVE_OUTCOMES, Movings, refusalOfTakeBack } from "./movings.ts";
import type { SentSignal } from "./messages.ts";
import type { Settled, Ticket } from "./settled.ts";
import { settledOf } from "./targets.ts";
import { hasOp, sentRefusal, type ToHome, type ToNode } from "./node_messages.ts";
import type { AwaitingPeer, OtherNodes } from "./other_nodes.ts";
import { peerOf } from "./peer.ts";
import { untaken } from "./refusals.ts";
import type { SealedPeer } from "./sealed.ts";
import type { SimpleServer } from "./server.ts";

/** The close code with which clients come back (§7). */
const GOING_AWAY = 1012;
/** How soon a message that found no way is sent once more. */
const AGAIN_MS = 1_000;

/**
 * This node's part among several. A peer has one home, which holds its instances, queues and numbers. A
 * connection on another node is carried there and back; where a client comes back to another node and no
 * other connection is left, the peer moves after it.
 */
export class Nodes implements HomePart, OtherNodes, Disposable {
  readonly dialect: string;
  readonly joins: FarJoins;
  readonly posts: FarPosts;
  readonly #server: SimpleServer;
  readonly #homes: Homes;
  readonly #movings: Movings;
  /** By node and connection. */
  readonly #sessions = new Map<string, { readonly node: string; readonly session: HomeSession }>();
  /** Messages that found no way, and are about to be sent once more. */
  readonly #waiting = new Set<Disposable>();
  /** Peers whose signals to other nodes wait for their outcome. */
  readonly #awaiting = new Set<AwaitingPeer>();
  #tickets = 0;

  constructor(server: SimpleServer, homes: Homes) {
    this.dialect = server.dialect;
    this.#server = server;
    this.#homes = homes;
    this.joins = new FarJoins(server, homes);
    this.posts = new FarPosts(server, homes);
    this.#movings = new Movings(server, homes);
    homes.attend(server.realm, this);
  }

  /** Connections of other nodes at their home here. */
  get gauges(): Reading[] {
    return [{ name: "cluster_carried_connections", read: () => this.#sessions.size }];
  }

  get counters(): Reading[] {
    const { counts } = this.#movings;
    return MOVE_OUTCOMES.map((outcome) => ({
      name: "cluster_moved_peers_total",
      labels: { outcome },
      read: () => counts[outcome],
    }));
  }

  /** A stream has left: its client need not come back, on whichever node. */
  departed(secret: string): void {
    this.#homes.tell(this.#server.realm, { op: "departed", secret } satisfies ToNode);
  }

  /** Another node has sent something to a peer. */
  received(peerId: PeerId, from: string, message: ToHome): void {
    switch (message.op) {
      case "open":
        return void this.#open(peerId, from, message).catch((error) =>
          this.#server.warn("a join from another node failed", { error: String(error) })
        );
      case "frame":
        return this.#sessionOf(from, message)?.receive(message.text);
      case "identity":
        return this.#sessionOf(from, message)?.identify(message.identity);
      case "closed":
        return this.#sessionOf(from, message)?.closed(message.departure, message.isUnheard);
      case "expelled":
        return this.#sessionOf(from, message)?.expel(message.reason);
      case "post":
        return this.#posted(from, message, postHere(this.#server, message.body, message));
      case "renew":
        return this.#posted(from, message, renewHere(this.#server, message.renewal));
    }
  }

  told(from: string, payload: unknown): boolean {
    if (!hasOp(payload)) return true;
    const message = payload as ToNode; // other nodes send nothing else
    if (message.op === "state") return this.#movings.arrived(message.state);
    if (message.op === "departed") this.#server.departed.add(message.secret);
    else if (message.op === "posted") this.posts.told(message);
    else this.joins.told(from, message);
    return true;
  }

  await(peer: AwaitingPeer, signal: SentSignal): Ticket {
    const ticket = `${this.#homes.address} ${++this.#tickets}`;
    peer.far.sent(ticket, signal, this.#server.clock.now());
    this.#awaiting.add(peer);
    return ticket;
  }

  isNew({ handle, receiver }: PresentPeer): boolean {
    return receiver.isElsewhere !== true && this.#homes.isNew(handle);
  }

  relay(from: PeerHandle, to: PeerHandle, signal: SentSignal): void {
    this.#homes.relay(from, to, signal);
  }

  settle(to: PeerId, settled: Settled, by: PeerId): void {
    this.#homes.send(this.#server.realm, to, settled, (failed) => {
      if (failed === "unavailable") this.#later(() => this.settle(to, settled, by));
    }, by);
  }

  /** Refuses signals whose outcome does not come. */
  sweep(): void {
    for (const peer of this.#awaiting) {
      if (!refuseLate(this.#server, peer)) this.#awaiting.delete(peer);
    }
  }

  get unsure(): SealedPeer[] {
    return this.#movings.unsure;
  }

  arriving(id: PeerId): void {
    this.#movings.expect(id);
  }

  /** Answers what was sent to a peer whose state did not come. */
  untaken({ from, payload }: SharedMessage, why: "gone" | "full"): void {
    if (!hasOp(payload)) return this.#returnSignal(payload as SentSignal | Settled, why);
    const message = payload as ToHome; // other nodes send nothing else
    if (message.op === "open") this.#send(from, { op: "again", connection: message.connection });
    else if (message.op === "frame") {
      this.#send(from, { op: "close", connection: message.connection, code: GOING_AWAY });
    }
  }

  #returnSignal(payload: SentSignal | Settled, why: "gone" | "full"): void {
    if (!("frame" in payload)) return;
    const refused = why === "full" ? "queue_full" : "peer_unknown";
    this.settle(payload.peer_id, settledOf(payload, { refused }), "");
  }

  nodeGone(address: string): void {
    for (const { node, session } of [...this.#sessions.values()]) {
      if (node === address) session.closed("lost");
    }
    this.joins.nodeGone(address);
  }

  [Symbol.dispose](): void {
    this.#movings[Symbol.dispose]();
    this.joins[Symbol.dispose]();
    for (const timer of this.#waiting) timer[Symbol.dispose]();
  }

  severed(): void {
    this.#movings.severed();
    this.#sendAllAway();
    this.joins.severed();
  }

  /**
   * Gives every peer to another node, at the planned end of this one.
   * @param unsealed the peers of the last run are here
   */
  async leave(unsealed: Promise<void>): Promise<void> {
    const isShut = Promise.all([this.#homes.shun(), unsealed]).then(() => {});
    this.#sendAllAway();
    await this.#movings.moveAll(isShut);
  }

  #sendAllAway(): void {
    for (const { session } of [...this.#sessions.values()]) session.goAway(GOING_AWAY);
  }

  async #open(
    peerId: PeerId,
    node: string,
    open: Extract<ToHome, { op: "open" }>,
  ): Promise<void> {
    const { connection, frame } = open;
    const { claims } = this.#server;
    // The peer may be about to move.
    while (claims.has(peerId)) await claims.get(peerId);
    const peer = peerOf(this.#server, peerId);
    if (peer === undefined) return this.#send(node, { op: "again", connection });
    if (mayMoveFor(this.#server, peer, frame)) {
      const refusal = refusalOfTakeBack(this.#server, peer, frame);
      if (refusal !== undefined) {
        return this.#send(node, { op: "refused", connection, refusal: sentRefusal(refusal) });
      }
      const isMoved = await this.#movings.moveFor(peer, frame, node);
      if (isMoved || !peer.isHere) return this.#send(node, { op: "again", connection });
    }
    const name = `${node} ${connection}`;
    this.#sessions.get(name)?.session.closed("lost");
    const session = new HomeSession({
      server: this.#server,
      name,
      peerId,
      open,
      send: (message) => this.#send(node, message),
      entrust: (message) => this.#entrust(node, message),
      over: () => this.#sessions.delete(name),
    });
    if (!session.isOver) this.#sessions.set(name, { node, session });
  }

  /** Sends the outcome of a posted frame to the node where it was posted. */
  #posted(
    from: string,
    { ticket }: { readonly ticket: string },
    posted: ReturnType<typeof postHere>,
  ): void {
    posted.then((outcome) => {
      const { isProven } = outcome;
      const sent = "frame" in outcome
        ? { frame: outcome.frame, isProven }
        : { refusal: sentRefusal(outcome.refusal), isProven };
      this.#send(from, { op: "posted", ticket, outcome: sent });
    }).catch((error) =>
      this.#server.warn("a posted frame of another node failed", { error: String(error) })
    );
  }

  /** Sends a message that its node has to take. */
  #entrust(node: string, message: ToNode): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#homes.entrust(this.#server.realm, node, message, (outcome) => {
      if (outcome === "taken") resolve();
      else reject(untaken("unavailable"));
    });
    return promise;
  }

  #sessionOf(
    from: string,
    { connection }: { readonly connection: string },
  ): HomeSession | undefined {
    const name = `${from} ${connection}`;
    const known = this.#sessions.get(name)?.session;
    // A frame of a connection that this process does not know (any more): its client joins anew.
    if (known === undefined) this.#send(from, { op: "close", connection, code: GOING_AWAY });
    return known;
  }

  #send(node: string, message: ToNode): void {
    this.#homes.sendNode(
      this.#server.realm,
      node,
      message,
      (failed) => this.#lost(node, message, failed),
    );
  }

  /** A connection whose frames do not reach its client is lost; the client comes back. */
  #lost(node: string, message: ToNode, failed: Failed): void {
    if (message.op === "again" || message.op === "posted") {
      return this.#sendLater(node, message, failed);
    }
    if (!isForClient(message)) return;
    const { connection } = message;
    const isUnheard = message.op === "joined";
    this.#sessions.get(`${node} ${connection}`)?.session.closed("lost", isUnheard);
    this.#sendLater(node, { op: "close", connection, code: GOING_AWAY }, failed);
  }

  /** Sends once more what found no way, unless the node is gone. */
  #sendLater(node: string, message: ToNode, failed: Failed): void {
    if (failed === "unavailable") this.#later(() => this.#send(node, message));
  }

  #later(step: () => void): void {
    const timer = this.#server.clock.after(AGAIN_MS, () => {
      this.#waiting.delete(timer);
      step();
    });
    this.#waiting.add(timer);
  }
}

/** Whether a message is for a client that has joined. */
function isForClient(message: ToNode): message is Extract<ToNode, { op: ForClient }> {
  return FOR_CLIENT.some((op) => op === message.op);
}

type ForClient = (typeof FOR_CLIENT)[number];
const FOR_CLIENT = ["joined", "send", "begin", "end", "close"] as const;
