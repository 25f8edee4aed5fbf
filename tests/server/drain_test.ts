import { assertEquals } from "@std/assert";
import type { Facts, Log } from "../../src/observe/log.ts";
import { type LeaveTimes, Lifecycle } from "../../src/server/lifecycle.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

/** A server of which a test sees the steps of its end. */
class Bench {
  readonly clock = new FakeClock();
  readonly steps: string[] = [];
  readonly lines: string[] = [];
  readonly life: Lifecycle;
  readonly emptied = Promise.withResolvers<void>();

  constructor(times: Partial<LeaveTimes> = {}) {
    const write = (_level: string, what: string, facts: Facts = {}): void =>
      void this.lines.push(`${what} ${JSON.stringify(facts)}`);
    const log: Log = { write, writeForClient: write, isDebug: false };
    this.life = new Lifecycle(this.clock, log, { drainDelayMs: 0, drainMs: 0, ...times });
    const done = (): Promise<void> => Promise.resolve();
    this.life.run({
      connections: {
        drain: (ms, signal) => this.#drain(ms, signal),
        emptied: () => this.emptied.promise,
      },
      listeners: [],
      keepsConnections: false,
      begin: done,
      silence: () => void this.steps.push("silence"),
      notify: () => Promise.resolve(),
      seal: () => Promise.resolve(new Map()),
      dispose: () => {},
      closeStore: done,
      report: () => {},
    });
  }

  static async open(times: Partial<LeaveTimes> = {}): Promise<Bench> {
    const bench = new Bench(times);
    await bench.life.started;
    return bench;
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }

  /** Lasts for as long as it was asked to, or until it is called off. */
  #drain(ms: number, signal?: AbortSignal): Promise<void> {
    this.steps.push(`drain over ${ms} while ${this.life.state}`);
    if (ms === 0) this.emptied.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    if (ms === 0) resolve();
    else this.clock.after(ms, resolve);
    signal?.addEventListener("abort", () => {
      this.steps.push("called off");
      resolve();
    });
    return promise;
  }
}

/** The state, the word of `/readyz`, and the two ways to refuse newcomers. */
function met({ life: { state, unready, isDraining, isClosed } }: Bench): unknown[] {
  return [state, unready ?? "ready", isDraining, isClosed];
}

Deno.test("the first signal: a delay with everybody admitted, a drain without newcomers, the end", async () => {
  const bench = await Bench.open({ drainDelayMs: 5_000, drainMs: 60_000 });
  assertEquals(met(bench), ["ready", "ready", false, false]);
  const stopped = bench.life.stop();
  await settle();
  assertEquals(met(bench), ["leaving", "draining", false, false]);
  assertEquals(bench.steps, []);
  await bench.pass(5_000);
  assertEquals(met(bench), ["draining", "draining", true, false]);
  assertEquals(bench.steps, ["drain over 60000 while draining"]);
  await bench.pass(60_000);
  await stopped;
  assertEquals(bench.steps.slice(1), ["silence", "drain over 0 while ending"]);
  assertEquals(met(bench), ["ended", "draining", false, true]);
});

Deno.test("during a brief drain clients get no news of each other's leaving, because they come back", async () => {
  const bench = await Bench.open({ drainMs: 3_000 });
  const stopped = bench.life.stop();
  await settle();
  assertEquals(bench.steps, ["silence", "drain over 3000 while draining"]);
  await bench.pass(3_000);
  await stopped;
});

Deno.test("an operator's drain refuses newcomers and keeps the connected, until it is taken back", async () => {
  const bench = await Bench.open();
  bench.life.drain();
  assertEquals(met(bench), ["draining", "draining", true, false]);
  assertEquals(bench.life.undrain(), true);
  assertEquals(met(bench), ["ready", "ready", false, false]);
  assertEquals(bench.steps, []);
  assertEquals(bench.lines, ['draining {"exit":"false"}', "drain ended {}"]);
  assertEquals(bench.life.undrain(), true);
});

Deno.test("a drain that closes the connected can be taken back before it has closed them all", async () => {
  const bench = await Bench.open();
  bench.life.drain({ closeOverSeconds: 60 });
  await bench.pass(1_000);
  bench.life.undrain();
  assertEquals(bench.steps, ["drain over 60000 while draining", "called off"]);
});

Deno.test("a further drain replaces the one before", async () => {
  const bench = await Bench.open();
  bench.life.drain({ closeOverSeconds: 60 });
  bench.life.drain({ closeOverSeconds: 10 });
  assertEquals(bench.steps, [
    "drain over 60000 while draining",
    "called off",
    "drain over 10000 while draining",
  ]);
});

Deno.test("a drain with an exit comes to it when its time is over, and cannot be taken back", async () => {
  const bench = await Bench.open();
  let hasLeft = false;
  void bench.life.left.then(() => hasLeft = true);
  bench.life.drain({ closeOverSeconds: 60, exit: true });
  assertEquals(bench.life.undrain(), false);
  await bench.pass(59_999);
  assertEquals(hasLeft, false);
  await bench.pass(1);
  assertEquals(hasLeft, true);
  // Neither the delay nor the drain of the configuration is due again.
  await bench.life.stop();
  assertEquals(bench.steps.slice(1), ["called off", "silence", "drain over 0 while ending"]);
});

Deno.test("a drain with an exit and no time comes to it when nobody is left", async () => {
  const bench = await Bench.open();
  let hasLeft = false;
  void bench.life.left.then(() => hasLeft = true);
  bench.life.drain({ exit: true });
  await bench.pass(3_600_000);
  assertEquals(hasLeft, false);
  bench.emptied.resolve();
  await settle();
  assertEquals(hasLeft, true);
});

Deno.test("a signal during an operator's drain closes the connected over the configured time, without a delay", async () => {
  const bench = await Bench.open({ drainDelayMs: 5_000, drainMs: 10_000 });
  bench.life.drain({ closeOverSeconds: 600, exit: true });
  const stopped = bench.life.stop();
  await settle();
  assertEquals(bench.steps, [
    "drain over 600000 while draining",
    "called off",
    "drain over 10000 while draining",
  ]);
  bench.life.drain();
  assertEquals(bench.life.undrain(), false);
  await bench.pass(10_000);
  await stopped;
});
