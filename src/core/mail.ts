import type { Backplane, Passed, PeerKey, SharedMessage } from "./backplane.ts";
import type { PeerId } from "./events.ts";
import type { Ghost, Relay } from "./ghosts.ts";
import { type PresentPeer, tell } from "./peer.ts";

/** Messages from peers of this node to those of others. */
export class Mail {
  readonly #backplane: Backplane;
  readonly #find: (realm: string, id: PeerId) => PresentPeer | undefined;

  constructor(
    backplane: Backplane,
    find: (realm: string, id: PeerId) => PresentPeer | undefined,
  ) {
    this.#backplane = backplane;
    this.#find = find;
  }

  /** Sends; a message that nobody takes comes back to its sender. */
  send(message: SharedMessage): void {
    this.#backplane.send(message, false, (passed) => this.#returned(message, passed));
  }

  /** Resolves when the outcome is certain. */
  pass({ realm, id: from }: PeerKey, to: PeerId, payload: unknown): Promise<Passed> {
    const { promise, resolve } = Promise.withResolvers<Passed>();
    const message = { realm, id: to, from, room: undefined, payload, fence: undefined };
    this.#backplane.send(message, true, resolve);
    return promise;
  }

  passGhost({ realm, id, fence }: Ghost, { from, room, payload }: Relay): void {
    this.send({ realm, id, from, room, payload, fence });
  }

  #returned({ realm, id, from, payload }: SharedMessage, passed: Passed): void {
    const sender = this.#find(realm, from);
    if (passed === "taken" || sender === undefined) return;
    const returned = { payload, isUnavailable: passed === "unavailable" };
    tell(sender, { type: "undelivered", peer: id, returned });
  }
}
