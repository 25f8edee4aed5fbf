import { Buffer } from "node:buffer";
import type { SignalError } from "../../core/errors.ts";
import type { MoveRefusal } from "../../core/nodes/backplane.ts";
import type { Homes } from "../../core/nodes/elsewhere.ts";
import type { PeerId } from "../../core/events.ts";
import type { JoinRequest } from "./connection.ts";
import type { Instance } from "./instance.ts";
import type { ToNode } from "./node_messages.ts";
import { peersOf, type SimplePeer } from "./peer.ts";
import { matesOf, type SealedPeer, sealMoving, unsealMoving } from "./sealed.ts";
import type { SimpleServer } from "./server.ts";
import { takeBackRefusal } from "./take_backs.ts";

/** How long the moves of a planned end may take, so many at once. The server's end has a second more. */
const LEAVE_MS = 3_500;
const AT_ONCE = 64;
/** How soon something is tried again for which there was no room. */
const AGAIN_MS = 50;

/**
 * The end of a move. "moved": the other node has the peer. "stayed": no other node could take it.
 * "returned": the other node died. "lost": its state did not come to this node.
 */
export const MOVE_OUTCOMES = ["moved", "stayed", "returned", "lost"] as const;
type MoveOutcome = (typeof MOVE_OUTCOMES)[number];

/**
 * Whether a peer moves to the node on which a client joins as one of its instances: if no other client of
 * it is connected here, no request waits here for a receipt, which would come to the new node, and no
 * call with a peer of another dialect would end by the move.
 */
export function mayMoveFor(server: SimpleServer, peer: SimplePeer, frame: JoinRequest): boolean {
  const { hub: { elsewhere }, isBridged } = server;
  const { peer: handle } = peer.seat;
  if (isBridged && handle !== undefined && elsewhere?.homes.isCalling(handle)) return false;
  if (peer.far.owesPosts) return false;
  const own = instanceOf(peer, frame);
  return peer.instances.every((instance) => instance === own || instance.carrier === undefined);
}

/** The refusal of a client that takes an instance back too often. */
export function refusalOfTakeBack(
  { clock, limits }: SimpleServer,
  peer: SimplePeer,
  frame: JoinRequest,
): SignalError | undefined {
  return takeBackRefusal(instanceOf(peer, frame)?.takeBacks ?? [], clock, limits);
}

/** A state that the new node of its peer does not have for sure. */
interface Sent {
  readonly id: PeerId;
  readonly to: string;
  readonly state: SealedPeer;
  readonly end: () => void;
  /** It is sent again in a moment. */
  timer: Disposable | undefined;
}

/** The end of a request to move a peer; "full": too much waits for other nodes. */
type Moved = "moved" | "full" | MoveRefusal;

/** A peer on its way to this node. */
interface Expected extends Disposable {
  /** Resolves when nobody waits for its state any more. */
  readonly end: Promise<void>;
}

/** Peers of this node that go to another one, and those that come. */
export class Movings implements Disposable {
  readonly counts: Record<MoveOutcome, number> = { moved: 0, stayed: 0, returned: 0, lost: 0 };
  readonly #server: SimpleServer;
  readonly #homes: Homes;
  readonly #expected = new Map<PeerId, Expected>();
  readonly #sent = new Map<Sent, Promise<void>>();
  #takesNone = false;
  /** The end of the last return. */
  #returns = Promise.resolve();

  constructor(server: SimpleServer, homes: Homes) {
    this.#server = server;
    this.#homes = homes;
  }

  /** Moves a peer to the node on which one of its clients joins; false if it stays here. */
  async moveFor(peer: SimplePeer, frame: JoinRequest, node: string): Promise<boolean> {
    const instance = instanceOf(peer, frame);
    const connected = instance?.carrier === undefined ? undefined : instance;
    // Its client may need another try.
    const ms = Math.max(this.#server.limits.moveMs, this.#server.resumeMs);
    if (connected !== undefined) peer.pause(connected, ms);
    const isMoved = await this.#move(peer, node) === "moved";
    if (!isMoved && connected !== undefined && peer.isHere) peer.lose(connected);
    return isMoved;
  }

  /** The states that another node does not have for sure. */
  get unsure(): SealedPeer[] {
    return [...this.#sent.keys()].map(({ state }) => state);
  }

  /**
   * Moves all peers to the other nodes, as far as there are any, and waits until those have them. So it
   * does with peers that come meanwhile.
   * @param isShut no others come any more, but for those that are expected by then
   */
  async moveAll(isShut: Promise<void>): Promise<void> {
    const { clock } = this.#server;
    const late = Promise.withResolvers<void>();
    using _timer = clock.after(LEAVE_MS, late.resolve);
    let isLate = false;
    await Promise.race([this.#moveOn(isShut, () => isLate), late.promise]);
    isLate = true;
    this.#takesNone = true;
    for (const id of [...this.#expected.keys()]) this.#giveUp(id);
    // They are sealed for the next run.
    this.counts.stayed += [...peersOf(this.#server)].length + this.#sent.size;
  }

  async #moveOn(isShut: Promise<void>, isLate: () => boolean): Promise<void> {
    const stayed = new Set<SimplePeer>();
    const open = new Set([isShut]);
    void isShut.then(() => open.clear());
    while (!isLate()) {
      const waiting = [...peersOf(this.#server)].filter((peer) => !stayed.has(peer));
      await this.#moveEach(waiting, stayed, isLate);
      if (waiting.length > 0) continue;
      const expected = [...this.#expected.values()].map(({ end }) => end);
      const underway = [...open, ...expected, ...this.#sent.values()];
      if (underway.length === 0) return;
      await Promise.race(underway);
    }
  }

  /** Moves peers, and tries again where there is no room yet. @param stayed gets those that cannot move */
  async #moveEach(
    waiting: SimplePeer[],
    stayed: Set<SimplePeer>,
    isLate: () => boolean,
  ): Promise<void> {
    const { clock } = this.#server;
    const work = async (): Promise<void> => {
      for (let peer = waiting.shift(); peer !== undefined && !isLate(); peer = waiting.shift()) {
        const outcome = await this.#move(peer, undefined);
        if (outcome === "alone" || outcome === "stale") stayed.add(peer);
        if (outcome !== "full" && outcome !== "unavailable") continue;
        waiting.push(peer);
        await clock.delay(AGAIN_MS);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /** A peer moves here: joins with its id wait until its state has come. */
  expect(id: PeerId): void {
    const { claims, clock, limits: { moveMs } } = this.#server;
    if (this.#expected.has(id)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(moveMs, () => this.#giveUp(id));
    this.#expected.set(id, {
      end: promise,
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        claims.delete(id);
        resolve();
      },
    });
    claims.set(id, promise);
  }

  /** The state of a peer has come. @returns false if this node takes none */
  arrived(state: unknown): boolean {
    if (this.#takesNone) return false;
    const { realm } = this.#server;
    void this.#unseal(state, (peer) => this.#homes.settle(realm, peer.id, peer)).then((outcome) => {
      if (outcome === undefined) return;
      if (!outcome.isHere) this.#homes.abandon(realm, outcome.id);
      this.#end(outcome.id);
    });
    return true;
  }

  /** This node was taken for dead: peers on their way to it are gone. */
  severed(): void {
    this.counts.lost += this.#expected.size;
    for (const id of [...this.#expected.keys()]) this.#end(id);
  }

  [Symbol.dispose](): void {
    for (const expected of this.#expected.values()) expected[Symbol.dispose]();
    for (const { timer } of this.#sent.keys()) timer?.[Symbol.dispose]();
  }

  /** The state of a peer does not come. */
  #giveUp(id: PeerId): void {
    this.counts.lost++;
    this.#homes.abandon(this.#server.realm, id);
    this.#end(id);
  }

  /** Nobody waits for a peer's state any more. */
  #end(id: PeerId): void {
    const expected = this.#expected.get(id);
    this.#expected.delete(id);
    expected?.[Symbol.dispose]();
  }

  #move(peer: SimplePeer, to: string | undefined): Promise<Moved> {
    const { claims } = this.#server;
    const { id, seat: { peer: handle } } = peer;
    if (handle === undefined) return Promise.resolve("stale");
    const bytes = Buffer.byteLength(JSON.stringify(sealMoving(this.#server, peer)));
    if (bytes > this.#homes.spareBytes) return Promise.resolve("full");
    const { promise, resolve } = Promise.withResolvers<Moved>();
    const claim = promise.then(() => {});
    claims.set(id, claim);
    // The state has to contain the changes that are under way, and no later one is carried out here.
    void peer.self.inTurn(() => {
      this.#homes.move(handle, to, (outcome) => {
        if ("to" in outcome) this.#give(peer, outcome.to);
        if (claims.get(id) === claim) claims.delete(id);
        resolve("to" in outcome ? "moved" : outcome.refused);
      });
      return claim;
    });
    return promise;
  }

  /** A peer is the other node's, which gets its state. */
  #give(peer: SimplePeer, to: string): void {
    const { id } = peer;
    const state = sealMoving(this.#server, peer, peer.self.takeDue());
    for (const mate of matesOf(this.#server, peer)) {
      for (const { number, speaker } of peer.instances) mate.far.add(id, number, speaker);
    }
    peer.sendAway();
    const { promise, resolve } = Promise.withResolvers<void>();
    const sent: Sent = { id, to, state, end: resolve, timer: undefined };
    this.#sent.set(sent, promise);
    this.#send(sent);
  }

  /** Sends a state until the other node has it, or is gone: then the peer is this node's again. */
  #send(sent: Sent): void {
    const { id, to, state, end } = sent;
    const { clock, realm } = this.#server;
    this.#homes.entrust(realm, to, { op: "state", state } satisfies ToNode, (outcome) => {
      if (outcome === "unavailable") {
        sent.timer = clock.after(AGAIN_MS, () => this.#send(sent));
        return;
      }
      const back = outcome === "taken" ? Promise.resolve() : this.#takeBack(id, state);
      if (outcome === "taken") this.counts.moved++;
      void back.then(() => {
        this.#sent.delete(sent);
        end();
      });
    });
  }

  async #unseal(
    state: unknown,
    settle: (peer: SimplePeer) => boolean,
  ): ReturnType<typeof unsealMoving> {
    try {
      return await unsealMoving(this.#server, state, settle);
    } catch (error) {
      this.#server.warn("a peer that moves cannot be read", { error: String(error) });
      return undefined;
    }
  }

  /** The other node has died before it had the state. Peers come back in the order of their joins. */
  #takeBack(id: PeerId, state: unknown): Promise<void> {
    const { claims } = this.#server;
    this.counts.returned++;
    const back = this.#returns.then(async () => {
      await this.#unseal(state, () => false);
      if (claims.get(id) === back) claims.delete(id);
    });
    this.#returns = back;
    if (!claims.has(id)) claims.set(id, back);
    return back;
  }
}

function instanceOf(
  peer: SimplePeer,
  { p_instance, p_secret }: JoinRequest,
): Instance | undefined {
  if (p_instance === undefined || p_secret === undefined) return undefined;
  return peer.instance(p_instance, p_secret);
}
