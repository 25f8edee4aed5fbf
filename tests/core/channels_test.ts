import { assertEquals, assertThrows } from "@std/assert";
import {
  type ChannelLimits,
  Channels,
  Exchange,
  newQuota,
  type Subscriber,
} from "../../src/core/channels.ts";

/** A subscription that keeps what it takes. */
class Witness implements Subscriber<string> {
  readonly taken: string[] = [];
  readonly faults: unknown[] = [];
  isExpelled = false;
  readonly link = { fail: (error: unknown): void => void this.faults.push(error) };

  take(publication: string): boolean {
    if (publication === "fault") throw new Error("fault");
    if (publication === "useless") return false;
    this.taken.push(publication);
    return true;
  }

  expelled(): void {
    this.isExpelled = true;
  }
}

const { MAX_SAFE_INTEGER } = Number;

function limits(
  { maxSubscribers = MAX_SAFE_INTEGER, maxChannels = Infinity, maxSubscriptions = Infinity } = {},
): ChannelLimits {
  return { maxSubscribers, quota: newQuota({ maxChannels, maxSubscriptions }) };
}

Deno.test("a publication reaches every subscriber of its channel, and no other", () => {
  const channels = new Channels<string, Witness>(limits());
  const [a, b, c] = [new Witness(), new Witness(), new Witness()];
  channels.subscribe("one", a);
  channels.subscribe("one", b);
  channels.subscribe("two", c);
  assertEquals([channels.publish("one", "x"), channels.publish("none", "y")], [2, 0]);
  assertEquals([a.taken, b.taken, c.taken], [["x"], ["x"], []]);
  assertEquals([channels.count("one"), channels.count("none")], [2, 0]);
});

Deno.test("a channel ends with its last subscriber, and its names with it", () => {
  const bounds = limits();
  const channels = new Channels<string, Witness>(bounds);
  const [a, b] = [new Witness(), new Witness()];
  for (const one of [a, b]) channels.subscribe("one", one);
  channels.name("one", "ann", a);
  channels.unsubscribe("one", a, ["ann"]);
  assertEquals([channels.publishTo("one", "ann", "x"), channels.publish("one", "y")], [
    undefined,
    1,
  ]);
  channels.unsubscribe("one", b);
  channels.unsubscribe("one", b);
  assertEquals([bounds.quota.channels, bounds.quota.subscriptions, channels.list()], [0, 0, []]);
});

Deno.test("a name reaches all subscribers that have it, once, and those that have every name", () => {
  const channels = new Channels<string, Witness>(limits());
  const [a, b, c, d] = [new Witness(), new Witness(), new Witness(), new Witness()];
  for (const one of [a, b, c, d]) channels.subscribe("one", one);
  for (const one of [a, b]) channels.name("one", "ann", one);
  channels.nameAll("one", b);
  channels.nameAll("one", c);
  assertEquals(channels.publishTo("one", "ann", "x"), 3);
  assertEquals(channels.publishTo("one", "bob", "y"), undefined);
  assertEquals([a, b, c, d].map(({ taken }) => taken), [["x"], ["x"], ["x"], []]);
  channels.unsubscribe("one", c);
  assertEquals(channels.publishTo("one", "ann", "z"), 2);
});

Deno.test("only subscribers of a channel are named in it", () => {
  const channels = new Channels<string, Witness>(limits());
  const [a, stranger] = [new Witness(), new Witness()];
  channels.subscribe("one", a);
  channels.name("one", "ann", stranger);
  channels.name("none", "ann", stranger);
  channels.nameAll("one", stranger);
  assertEquals(channels.publishTo("one", "ann", "x"), undefined);
});

Deno.test("a subscriber that faults or declines does not keep the others from a publication", () => {
  const channels = new Channels<string, Witness>(limits());
  const witnesses = [new Witness(), new Witness()];
  for (const one of witnesses) channels.subscribe("one", one);
  assertEquals([channels.publish("one", "fault"), channels.publish("one", "useless")], [0, 0]);
  assertEquals(witnesses.map(({ faults }) => faults.length), [1, 1]);
});

Deno.test("one channel takes as many subscribers as the limit, and one that leaves makes room", () => {
  const channels = new Channels<string, Witness>(limits({ maxSubscribers: 1 }));
  const [a, b] = [new Witness(), new Witness()];
  assertEquals(channels.subscribe("one", a), "subscribed");
  assertEquals([channels.subscribe("one", b), channels.publish("one", "x")], ["channel_full", 1]);
  channels.unsubscribe("one", a);
  assertEquals(channels.subscribe("one", b), "subscribed");
});

Deno.test("channels and subscriptions are bounded in all, across kinds that share a quota", () => {
  for (const bound of [{ maxChannels: 1 }, { maxSubscriptions: 1 }]) {
    const bounds = limits(bound);
    const [one, other] = [new Channels(bounds), new Channels(bounds)];
    const witness = new Witness();
    assertEquals(one.subscribe("a", witness), "subscribed");
    assertEquals([one.subscribe("b", witness), other.subscribe("a", witness)], ["full", "full"]);
    one.unsubscribe("a", witness);
    assertEquals(other.subscribe("a", witness), "subscribed");
  }
});

Deno.test("a stopped channel expels all its subscribers and is no more", () => {
  const bounds = limits();
  const channels = new Channels<string, Witness>(bounds);
  const witnesses = [new Witness(), new Witness()];
  for (const one of witnesses) channels.subscribe("one", one);
  assertEquals([channels.stop("one"), channels.stop("one")], [true, false]);
  assertEquals(witnesses.map(({ isExpelled }) => isExpelled), [true, true]);
  assertEquals([channels.publish("one", "x"), bounds.quota.channels], [0, 0]);
  assertEquals(bounds.quota.subscriptions, 0);
});

Deno.test("channels of one realm and kind are opened once", () => {
  const exchange = new Exchange();
  const open = (realm: string, kind: string): unknown =>
    exchange.open({ realm, kind, limits: limits() });
  open("r", "k");
  open("r", "other");
  open("other", "k");
  assertThrows(() => open("r", "k"), RangeError);
});
