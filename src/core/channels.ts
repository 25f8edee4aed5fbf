import { Deliveries, hand, type Later, type Taker } from "./deliveries.ts";
import type { FarChannels, FarReceiver } from "./nodes/far_channels.ts";

/** One connection's subscription to one channel, to which publications are delivered. */
export interface Subscriber<Publication> extends Taker<Publication> {
  /** An operator ended the subscription. */
  expelled(): void;
}

/** Messages from one client to others; the number only grows. */
export interface Relays {
  count: number;
}

/** Counts shared by all channels that are opened with the same object. */
export interface ChannelQuota {
  readonly maxChannels: number;
  readonly maxSubscriptions: number;
  channels: number;
  subscriptions: number;
}

/** Infinity stands for the configuration's word `unlimited`. */
export interface ChannelLimits {
  /** Subscribers of one channel. */
  readonly maxSubscribers: number;
  /** Bounds all channels of the dialect together. */
  readonly quota: ChannelQuota;
}

/** A channel as an operator sees it. */
export interface ChannelReport {
  readonly name: string;
  readonly subscribers: number;
}

/** "channel_full": the channel has its most subscribers; "full": all channels together have. */
export type Subscribed = "subscribed" | "channel_full" | "full";

/** Makes a quota of which nothing is used yet. */
export function newQuota(limits: Omit<ChannelQuota, "channels" | "subscriptions">): ChannelQuota {
  return { ...limits, channels: 0, subscriptions: 0 };
}

interface Channel<S> {
  readonly subscribers: Set<S>;
  /** Subscribers by the names that they answer to; most channels have no such names. */
  byName: Map<string, Set<S>> | undefined;
  /** Subscribers that answer to every name. */
  everyName: Set<S> | undefined;
}

const NONE: ReadonlySet<never> = new Set();
const ignore = (_taken: number): void => {};

/** Opens channels of one kind on the other nodes. */
export type OpenFar = (realm: string, kind: string, receiver: FarReceiver) => FarChannels;

/** All channels of a hub: each realm has several kinds, whose equal names never meet. */
export class Exchange {
  /** Counts publications, and the hub's messages as well. */
  readonly relays: Relays = { count: 0 };
  readonly #open = new Set<string>();
  readonly #openFar: OpenFar | undefined;

  /** @param openFar opens the same channels on the other nodes, if there are any */
  constructor(openFar?: OpenFar) {
    this.#openFar = openFar;
  }

  /** Opens the channels of one kind in a realm; throws RangeError if they are open already. */
  open<Publication, S extends Subscriber<Publication>>(
    { realm, kind, limits, far, later }: {
      readonly realm: string;
      readonly kind: string;
      readonly limits: ChannelLimits;
      /** Takes the publications of other nodes; without it the channels are this node's own. */
      readonly far?: FarReceiver;
      /** Delivers to many subscribers in slices; without it all get a publication at once. */
      readonly later?: Later;
    },
  ): Channels<Publication, S> {
    const key = JSON.stringify([realm, kind]);
    if (this.#open.has(key)) throw new RangeError(`Cannot open channels twice: ${key}`);
    this.#open.add(key);
    const farChannels = far && this.#openFar?.(realm, kind, far);
    return new Channels(limits, { relays: this.relays, far: farChannels, later });
  }
}

/**
 * Publish and subscribe, beside the hub's rooms: a channel exists while it has subscribers, its
 * subscribers do not learn of each other, and publishing needs no subscription. Publications are
 * opaque. They reach each subscriber in the order of the calls here, and nothing that is called later
 * changes who gets an earlier one.
 */
export class Channels<Publication, S extends Subscriber<Publication>> {
  /** The same channels on the other nodes, if there are any. */
  readonly far: FarChannels | undefined;
  readonly #limits: ChannelLimits;
  readonly #relays: Relays;
  readonly #channels = new Map<string, Channel<S>>();
  readonly #deliveries: Deliveries<Publication>;

  constructor(
    limits: ChannelLimits,
    { relays = { count: 0 }, far, later }: {
      readonly relays?: Relays;
      readonly far?: FarChannels | undefined;
      readonly later?: Later | undefined;
    } = {},
  ) {
    this.far = far;
    this.#limits = limits;
    this.#relays = relays;
    this.#deliveries = new Deliveries(later);
  }

  /** Completes the publication that is under way; call it before anything that it depends on changes. */
  settle(): void {
    this.#deliveries.finish();
  }

  /** Adds a subscriber that is not subscribed yet. */
  subscribe(name: string, subscriber: S): Subscribed {
    this.#deliveries.finish();
    const { maxSubscribers, quota } = this.#limits;
    let channel = this.#channels.get(name);
    if (quota.subscriptions >= quota.maxSubscriptions) return "full";
    if (channel === undefined) {
      if (quota.channels >= quota.maxChannels) return "full";
      channel = { subscribers: new Set(), byName: undefined, everyName: undefined };
      this.#channels.set(name, channel);
      quota.channels++;
    } else if (channel.subscribers.size >= maxSubscribers) {
      return "channel_full";
    }
    channel.subscribers.add(subscriber);
    quota.subscriptions++;
    this.far?.changed(name, channel.subscribers.size);
    return "subscribed";
  }

  /** Removes a subscriber and its names; the channel ends with its last subscriber. */
  unsubscribe(name: string, subscriber: S, names: Iterable<string> = []): void {
    this.#deliveries.finish();
    const channel = this.#channels.get(name);
    if (channel === undefined || !channel.subscribers.delete(subscriber)) return;
    for (const one of names) forget(channel, one, subscriber);
    channel.everyName?.delete(subscriber);
    const { quota } = this.#limits;
    quota.subscriptions--;
    this.far?.changed(name, channel.subscribers.size);
    if (channel.subscribers.size > 0) return;
    this.#channels.delete(name);
    quota.channels--;
  }

  /** Makes a subscriber reachable by `publishTo` under one more name, beside others that have it. */
  name(channelName: string, name: string, subscriber: S): void {
    const channel = this.#channels.get(channelName);
    if (channel === undefined || !channel.subscribers.has(subscriber)) return;
    const named = (channel.byName ??= new Map()).get(name);
    if (named === undefined) channel.byName.set(name, new Set([subscriber]));
    else named.add(subscriber);
  }

  /** Makes a subscriber reachable under every name that some subscriber of the channel has. */
  nameAll(channelName: string, subscriber: S): void {
    const channel = this.#channels.get(channelName);
    if (channel === undefined || !channel.subscribers.has(subscriber)) return;
    (channel.everyName ??= new Set()).add(subscriber);
  }

  /** The names that subscribers of a channel on this node answer to. */
  names(channelName: string): Iterable<string> {
    return this.#channels.get(channelName)?.byName?.keys() ?? [];
  }

  /** Subscribers of a channel, on all nodes. */
  count(name: string): number {
    const here = this.countHere(name);
    return this.far === undefined ? here : here + this.far.count(name);
  }

  /** Subscribers on this node. */
  countHere(name: string): number {
    return this.#channels.get(name)?.subscribers.size ?? 0;
  }

  /**
   * Delivers to every subscriber of this node.
   * @param onDelivered told how many took the publication
   */
  publish(name: string, publication: Publication, onDelivered = ignore): void {
    this.#relays.count++;
    const subscribers = this.#channels.get(name)?.subscribers ?? NONE;
    this.#deliveries.start(subscribers, publication, onDelivered);
  }

  /**
   * Delivers to the subscribers of this node that answer to a name.
   * @returns how many took the publication; undefined if no subscriber has the name
   */
  publishTo(channelName: string, name: string, publication: Publication): number | undefined {
    this.#deliveries.finish();
    const channel = this.#channels.get(channelName);
    const named = channel?.byName?.get(name);
    if (named === undefined) return undefined;
    const everyName = channel?.everyName;
    this.#relays.count++;
    let taken = 0;
    for (const one of everyName?.size ? named.union(everyName) : named) {
      if (hand(one, publication)) taken++;
    }
    return taken;
  }

  /** All channels with subscribers on this node, for operators. */
  list(): ChannelReport[] {
    return [...this.#channels].map(([name, { subscribers }]) => ({
      name,
      subscribers: subscribers.size,
    }));
  }

  /** Ends a channel on this node: removes its subscribers. @returns false if there are none */
  stop(name: string): boolean {
    this.#deliveries.finish();
    const channel = this.#channels.get(name);
    if (channel === undefined) return false;
    const { quota } = this.#limits;
    this.#channels.delete(name);
    quota.channels--;
    quota.subscriptions -= channel.subscribers.size;
    this.far?.changed(name, 0);
    for (const subscriber of channel.subscribers) subscriber.expelled();
    return true;
  }
}

function forget<S>(channel: Channel<S>, name: string, subscriber: S): void {
  const named = channel.byName?.get(name);
  if (named === undefined || !named.delete(subscriber) || named.size > 0) return;
  channel.byName?.delete(name);
  if (channel.byName?.size === 0) channel.byName = undefined;
}
