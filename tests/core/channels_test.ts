import { assert, assertEquals, assertThrows } from "@std/assert";
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

/** Publishes and returns how many took the publication. */
function publish(channels: Channels<string, Witness>, name: string, publication: string): number {
  let taken = NaN;
  channels.publish(name, publication, (count) => taken = count);
  return taken;
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
  assertEquals([publish(channels, "one", "x"), publish(channels, "none", "y")], [2, 0]);
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
  assertEquals([channels.publishTo("one", "ann", "x"), publish(channels, "one", "y")], [
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
  assertEquals([publish(channels, "one", "fault"), publish(channels, "one", "useless")], [0, 0]);
  assertEquals(witnesses.map(({ faults }) => faults.length), [1, 1]);
});

Deno.test("one channel takes as many subscribers as the limit, and one that leaves makes room", () => {
  const channels = new Channels<string, Witness>(limits({ maxSubscribers: 1 }));
  const [a, b] = [new Witness(), new Witness()];
  assertEquals(channels.subscribe("one", a), "subscribed");
  assertEquals([channels.subscribe("one", b), publish(channels, "one", "x")], ["channel_full", 1]);
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
  assertEquals([publish(channels, "one", "x"), bounds.quota.channels], [0, 0]);
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

/** A channel with that many subscribers, which gets tasks to run later. */
function crowd(
  size: number,
): { channels: Channels<string, Witness>; witnesses: Witness[]; tasks: (() => void)[] } {
  const tasks: (() => void)[] = [];
  const channels = new Channels<string, Witness>(limits(), { later: (task) => tasks.push(task) });
  const witnesses = Array.from({ length: size }, () => new Witness());
  for (const one of witnesses) channels.subscribe("one", one);
  return { channels, witnesses, tasks };
}

Deno.test("many subscribers get a publication in several tasks, and few in one", () => {
  const { channels, witnesses, tasks } = crowd(1_000);
  let taken: number | undefined;
  channels.publish("one", "x", (count) => taken = count);
  const reached = (): number => witnesses.filter((one) => one.taken.length > 0).length;
  let tasksRun = 0;
  for (let before = 0; tasks.length > 0; tasksRun++) {
    assert(reached() > before && taken === undefined, `${before}, then ${reached()}`);
    before = reached();
    tasks.shift()?.();
  }
  assert(tasksRun > 5, `${tasksRun} tasks`);
  assertEquals([taken, reached()], [1_000, 1_000]);
  const few = crowd(200);
  few.channels.publish("one", "x");
  assertEquals([few.tasks.length, few.witnesses.every((one) => one.taken.length === 1)], [0, true]);
});

Deno.test("whatever is called after a publication finds it delivered", () => {
  const newcomer = new Witness();
  const calls: Record<string, (channels: Channels<string, Witness>, last: Witness) => void> = {
    publish: (channels) => channels.publish("two", "y"),
    publishTo: (channels) => channels.publishTo("one", "ann", "y"),
    subscribe: (channels) => channels.subscribe("one", newcomer),
    unsubscribe: (channels, last) => channels.unsubscribe("one", last),
    stop: (channels) => channels.stop("one"),
    settle: (channels) => channels.settle(),
  };
  for (const [name, call] of Object.entries(calls)) {
    const { channels, witnesses, tasks } = crowd(1_000);
    let told = 0;
    channels.publish("one", "x", () => told++);
    const last = witnesses.at(-1) ?? newcomer;
    assertEquals([last.taken, told], [[], 0]);
    call(channels, last);
    assertEquals([last.taken, told], [["x"], 1], name);
    for (const task of tasks) task();
    assert(witnesses.every((one) => one.taken.length === 1) && told === 1, name);
  }
  assertEquals(newcomer.taken, []);
});

Deno.test("publications to many reach each subscriber in their order", () => {
  const { channels, witnesses, tasks } = crowd(500);
  for (const publication of ["a", "b", "fault", "c"]) {
    channels.publish("one", publication);
    tasks.shift()?.();
  }
  while (tasks.length > 0) tasks.shift()?.();
  for (const { taken, faults } of witnesses) {
    assertEquals([taken, faults.length], [["a", "b", "c"], 1]);
  }
});
