import { assertEquals } from "@std/assert";
import { channelsOf } from "../helpers/cluster/channels.ts";
import type { Checks } from "./contract.ts";

const TWENTY = Array.from({ length: 20 }, (_, n) => n);

/** The behaviour of the channels of two hubs, wherever their subscribers are. */
export const CHANNELS: Checks = [
  ["subscribers of both hubs get a publication once, in its sender's order", async (open) => {
    await using stage = await open();
    const [a, b] = channelsOf(stage.hubs);
    const listeners = [a.subscribe("x"), a.subscribe("x"), b.subscribe("x")];
    const other = b.subscribe("y");
    await stage.until("the subscriptions", () => a.local.count("x") === 3);
    await stage.until("the subscriptions", () => b.local.count("x") === 3);
    for (const n of TWENTY) a.publish("x", n);
    await stage.until("the publications", () => listeners[2]?.taken.length === 20);
    // A marker proves that nothing else comes.
    b.publish("x", "end");
    await stage.until("the marker", () => listeners[0]?.taken.length === 21);
    for (const { taken } of listeners) assertEquals(taken, [...TWENTY, "end"]);
    assertEquals(other.taken, []);
  }],
  [
    "publishing needs no subscription on its hub, and keeps its order over channels",
    async (open) => {
      await using stage = await open();
      const [a, b] = channelsOf(stage.hubs);
      const both = b.subscribe("x");
      b.local.subscribe("y", both);
      for (const name of ["x", "y"]) {
        const passing = a.subscribe(name);
        await stage.until("the subscription", () => a.local.count(name) === 2);
        a.local.unsubscribe(name, passing);
      }
      for (const n of TWENTY) a.publish(n % 3 === 0 ? "y" : "x", n);
      a.publish("nowhere", "lost");
      await stage.until("the publications", () => both.taken.length >= 20);
      a.publish("x", "end");
      await stage.until("the marker", () => both.taken.length >= 21);
      assertEquals(both.taken, [...TWENTY, "end"]);
    },
  ],
  ["a publication that follows a subscription reaches its new subscriber", async (open) => {
    await using stage = await open();
    const [a, b] = channelsOf(stage.hubs);
    const root = a.subscribe("root");
    b.subscribe("root");
    await stage.until("the subscriptions", () => b.local.count("root") === 2);
    // The newcomer is reached on its own channel as soon as its announcement is known.
    const own = b.subscribe("own");
    b.publish("root", "here I am");
    await stage.until("the announcement", () => root.taken.length === 1);
    a.publish("own", "hello");
    await stage.until("the answer", () => own.taken.length === 1);
    assertEquals([root.taken, own.taken], [["here I am"], ["hello"]]);
  }],
  ["a subscriber that unsubscribes is counted no more, and gets nothing", async (open) => {
    await using stage = await open();
    const [a, b] = channelsOf(stage.hubs);
    const [stays, leaves] = [a.subscribe("x"), b.subscribe("x")];
    await stage.until("both", () => a.local.count("x") === 2);
    b.local.unsubscribe("x", leaves);
    await stage.until("one", () => a.local.count("x") === 1);
    a.publish("x", 1);
    b.publish("x", 2);
    await stage.until("the publications", () => stays.taken.length === 2);
    assertEquals([stays.taken, leaves.taken], [[1, 2], []]);
  }],
];
