import type { Backplane, PairNews, PeerNews, Sink } from "./backplane.ts";
import { FarChannels, type FarReceiver } from "./far_channels.ts";
import { type Moves, PARTS } from "./moves.ts";

/** All channels on the other nodes, which a hub's peers and rooms never meet. */
export class FarExchange {
  readonly #backplane: Backplane;
  readonly #ofRealm = new Map<string, FarChannels>();

  constructor(backplane: Backplane) {
    this.#backplane = backplane;
  }

  open(realm: string, kind: string, receiver: FarReceiver): FarChannels {
    const name = `${realm}/${kind}`;
    const channels = new FarChannels(this.#backplane, name, receiver);
    this.#ofRealm.set(name, channels);
    return channels;
  }

  /** A sink that takes the news of channels, and leaves everything else to the parts of the hub. */
  before(hub: PeerNews, pairs: PairNews, moves: Moves): Sink {
    const of = ({ realm }: { readonly realm: string }): FarChannels | undefined =>
      this.#ofRealm.get(realm);
    return {
      deliver: (message) => {
        const channels = of(message);
        if (channels === undefined) return hub.deliver(message);
        channels.deliver(message.id, message.payload, message.from);
        return true;
      },
      lost: (key, fence, why) => {
        const channels = of(key);
        return channels === undefined ? hub.lost(key, fence, why) : channels.lost(key.id, fence);
      },
      confirmed: (key, fence, shared) => hub.confirmed(key, fence, shared),
      wanted: (key) => of(key) === undefined ? hub.wanted(key) : undefined,
      listed: (room, ...rest) => (of(room) ?? hub).listed(room, ...rest),
      joined: (room, member) => (of(room) ?? hub).joined(room, member),
      described: (key, fence, description) => {
        const channels = of(key);
        if (channels === undefined) return hub.described(key, fence, description);
        channels.described(key.id, fence, description.info);
      },
      left: (key, fence, news) => {
        const channels = of(key);
        return channels === undefined ? hub.left(key, fence, news) : channels.left(key.id, fence);
      },
      unlisted: (key, fence) => hub.unlisted(key, fence),
      paired: (realm, caller, callee) => pairs.paired(realm, caller, callee),
      met: (realm, one, other) => pairs.met(realm, one, other),
      parted: (realm, one, other) => pairs.parted(realm, one, other),
      callable: (realm, dialect) => pairs.callable(realm, dialect),
      arriving: (realm, peer, rooms) => moves.arriving(realm, peer, rooms),
      nodeGone: (address) => moves.nodeGone(address),
      told: (topic, body) => {
        if (topic === "channels") return this.#noted(body);
        return topic === PARTS ? moves.toldAll(body) : hub.told(topic, body);
      },
      remembered: () => hub.remembered(),
      severed: () => {
        moves.severed();
        hub.severed();
      },
    };
  }

  #noted(body: unknown): void {
    if (Array.isArray(body)) this.#ofRealm.get(String(body[0]))?.noted(body[1]);
  }
}
