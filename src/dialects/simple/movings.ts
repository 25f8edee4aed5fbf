import { SignalError } from "../../core/errors.ts";
import type { Homes } from "../../core/nodes/backplane.ts";
import type { PeerId } from "../../core/events.ts";
import type { JoinRequest } from "./connection.ts";
import type { Instance } from "./instance.ts";
import type { ToNode } from "./node_messages.ts";
import { peersOf, type SimplePeer } from "./peer.ts";
import { matesOf, sealMoving, unsealMoving } from "./sealed.ts";
import type { SimpleServer } from "./server.ts";
import { countTakeBack } from "./take_backs.ts";

/** How long a node waits for the state of a peer on its way. */
const STATE_MS = 5_000;
/** How long the moves of a planned end may take. */
const LEAVE_MS = 2_500;

/**
 * Whether a peer moves to the node on which a client joins as one of its instances: if no other client of
 * it is connected here.
 */
export function mayMoveFor(server: SimpleServer, peer: SimplePeer, frame: JoinRequest): boolean {
  if (server.isBridged) return false;
  const own = instanceOf(peer, frame);
  return peer.instances.every((instance) => instance === own || instance.carrier === undefined);
}

/** The refusal of a client that takes an instance back too often. */
export function refusalOfTakeBack(
  { clock, limits }: SimpleServer,
  peer: SimplePeer,
  frame: JoinRequest,
): SignalError | undefined {
  try {
    countTakeBack(instanceOf(peer, frame)?.takeBacks ?? [], clock, limits);
    return undefined;
  } catch (error) {
    if (error instanceof SignalError) return error;
    throw error;
  }
}

/** Peers of this node that go to another one, and those that come. */
export class Movings {
  readonly #server: SimpleServer;
  readonly #homes: Homes;
  readonly #expected = new Map<PeerId, () => void>();

  constructor(server: SimpleServer, homes: Homes) {
    this.#server = server;
    this.#homes = homes;
  }

  /** Moves a peer to the node on which one of its clients joins; false if it stays here. */
  async moveFor(peer: SimplePeer, frame: JoinRequest, node: string): Promise<boolean> {
    const instance = instanceOf(peer, frame);
    if (instance?.carrier === undefined) return await this.#move(peer, node);
    peer.pause(instance, STATE_MS);
    const isMoved = await this.#move(peer, node);
    if (!isMoved && peer.isHere) peer.lose(instance);
    return isMoved;
  }

  /** Moves all peers to the other nodes, as far as there are any. */
  async moveAll(): Promise<void> {
    const peers = [...peersOf(this.#server)];
    const moves = Promise.all(peers.map((peer) => this.#move(peer, undefined)));
    const late = Promise.withResolvers<void>();
    // Peers that are left then are sealed for the next run.
    using _timer = this.#server.clock.after(LEAVE_MS, late.resolve);
    await Promise.race([moves, late.promise]);
  }

  /** A peer moves here: joins with its id wait until its state has come. */
  expect(id: PeerId): void {
    const { claims, clock, realm } = this.#server;
    if (this.#expected.has(id)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(STATE_MS, () => {
      this.#homes.abandon(realm, id);
      end();
    });
    const end = (): void => {
      timer[Symbol.dispose]();
      this.#expected.delete(id);
      claims.delete(id);
      resolve();
    };
    this.#expected.set(id, end);
    claims.set(id, promise);
  }

  /** The state of a peer has come. */
  async arrived(state: unknown): Promise<void> {
    const { realm } = this.#server;
    const outcome = await unsealMoving(
      this.#server,
      state,
      (peer) => this.#homes.settle(realm, peer.id, peer),
    );
    if (outcome === undefined) return;
    if (!outcome.isHere) this.#homes.abandon(realm, outcome.id);
    this.#expected.get(outcome.id)?.();
  }

  #move(peer: SimplePeer, to: string | undefined): Promise<boolean> {
    const { claims, realm } = this.#server;
    const { id, seat: { peer: handle } } = peer;
    if (handle === undefined) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const claim = promise.then(() => {});
    claims.set(id, claim);
    this.#homes.move(handle, to, (outcome) => {
      if ("to" in outcome) {
        const state = sealMoving(this.#server, peer);
        for (const mate of matesOf(this.#server, peer)) {
          for (const { number, speaker } of peer.instances) mate.far.add(id, number, speaker);
        }
        peer.depart();
        this.#homes.sendNode(realm, outcome.to, { op: "state", state } satisfies ToNode, () => {});
      }
      if (claims.get(id) === claim) claims.delete(id);
      resolve("to" in outcome);
    });
    return promise;
  }
}

function instanceOf(
  peer: SimplePeer,
  { p_instance, p_secret }: JoinRequest,
): Instance | undefined {
  if (p_instance === undefined || p_secret === undefined) return undefined;
  return peer.instance(p_instance, p_secret);
}
