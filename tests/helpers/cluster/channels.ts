import { Channels, newQuota, type Subscriber } from "../../../src/core/channels.ts";
import type { Hub } from "../../../src/core/hub.ts";

/** A subscription that keeps what it takes. */
export class Listener implements Subscriber<unknown> {
  readonly link = { fail: (): void => {} };
  taken: unknown[] = [];

  take(publication: unknown): boolean {
    this.taken.push(publication);
    return true;
  }

  expelled(): void {}
}

/** Channels of a hub as a dialect uses them. */
export class TestChannels {
  readonly local: Channels<unknown, Listener>;
  /** Publications that came from other nodes. */
  arrivals = 0;

  constructor(hub: Hub) {
    const quota = newQuota({ maxChannels: Infinity, maxSubscriptions: Infinity });
    this.local = hub.channels.open<unknown, Listener>({
      realm: "test",
      kind: "kind",
      limits: { maxSubscribers: Infinity, quota },
      far: {
        arrived: (channel, payload): void => {
          this.arrivals++;
          this.local.publish(channel, payload);
        },
        met: () => {},
        noted: () => {},
      },
    });
  }

  subscribe(channel: string): Listener {
    const listener = new Listener();
    this.local.subscribe(channel, listener);
    return listener;
  }

  /** Publishes to the subscribers of all nodes. */
  publish(channel: string, payload: unknown): void {
    this.local.publish(channel, payload);
    this.local.far?.send(channel, payload, 1);
  }
}

/** The channels of two hubs, which may be one. */
export function channelsOf(hubs: readonly [Hub, Hub]): readonly [TestChannels, TestChannels] {
  const first = new TestChannels(hubs[0]);
  return [first, hubs[1] === hubs[0] ? first : new TestChannels(hubs[1])];
}
