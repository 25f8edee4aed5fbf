import { assertEquals } from "@std/assert";
import type { Facts, Log } from "../../src/observe/log.ts";
import {
  type LeaveTimes,
  Lifecycle,
  type LifeParts,
  stopBudgetMs,
} from "../../src/server/lifecycle.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

const NEVER = new Promise<never>(() => {});
const AT_ONCE: LeaveTimes = { drainDelayMs: 0, drainMs: 0 };
const TLS = { cert: "cert", key: "key" };

class Bench {
  readonly clock = new FakeClock();
  readonly steps: string[] = [];
  readonly lines: string[] = [];
  readonly life: Lifecycle;

  constructor(parts: Partial<LifeParts> = {}) {
    const write = (level: string, what: string, facts: Facts = {}): void =>
      void this.lines.push(`${level} ${what} ${JSON.stringify(facts)}`);
    const log: Log = { write, writeForClient: write, isDebug: false };
    this.life = new Lifecycle(this.clock, log, AT_ONCE);
    const note = (step: string) => (): Promise<void> => {
      this.steps.push(`${step} while ${this.life.state}`);
      return Promise.resolve();
    };
    const listener = { port: 1, renew: note("renew"), stop: note("stop") };
    const where = { hostname: "::", port: 1, isSecure: true };
    this.life.run({
      connections: { drain: note("drain"), emptied: () => Promise.resolve() },
      listeners: [{ where, listener }],
      keepsConnections: false,
      begin: () => Promise.resolve(),
      silence: () => void this.steps.push("silence"),
      notify: () => Promise.resolve(),
      seal: () => Promise.resolve(new Map([["peerjs", 0], ["simple", 3]])),
      dispose: () => void this.steps.push("dispose"),
      closeStore: note("close store"),
      report: () => {},
      ...parts,
    });
  }
}

Deno.test("the parts of the end add up to less than a service manager waits, the drain aside", () => {
  const ownMs = stopBudgetMs(AT_ONCE);
  assertEquals(ownMs < 10_000, true);
  assertEquals(stopBudgetMs({ drainDelayMs: 5_000, drainMs: 3_000 }), ownMs + 8_000);
});

Deno.test("a server waits, serves and ends; the log ends with what was sealed and the time", async () => {
  const bench = new Bench();
  const { life } = bench;
  assertEquals([life.state, life.isReady, life.isClosed], ["starting", false, false]);
  await life.started;
  assertEquals([life.state, life.isReady, life.isClosed], ["ready", true, false]);
  await life.stop();
  assertEquals([life.state, life.isReady, life.isClosed], ["ended", false, true]);
  assertEquals(bench.steps, [
    "silence",
    "drain while ending",
    "stop while ending",
    "dispose",
    "close store while ending",
  ]);
  assertEquals(bench.lines, ['info stopped {"sealed":"simple 3","ms":0}']);
});

Deno.test("nothing that hangs holds up the end for longer than its own part of the time", async () => {
  const hanging = {
    connections: { drain: () => Promise.resolve(), emptied: () => NEVER },
    seal: () => NEVER,
    closeStore: () => NEVER,
  };
  const bench = new Bench(hanging);
  await bench.life.started;
  const stopped = bench.life.stop();
  for (let ms = 0; ms < stopBudgetMs(AT_ONCE); ms += 100) {
    await settle();
    bench.clock.advance(100);
  }
  await stopped;
  assertEquals(bench.lines, [
    'error the store did not close in time {"afterMs":3000}',
    'info stopped {"sealed":"too late","ms":8900}',
  ]);
});

Deno.test("a certificate is taken up when all connections are closed, and nobody comes between", async () => {
  const emptied = Promise.withResolvers<void>();
  const drained: string[] = [];
  const bench = new Bench({
    connections: {
      drain: () => Promise.resolve(void drained.push("drain")),
      emptied: () => emptied.promise,
    },
  });
  const { life } = bench;
  await life.started;
  const renewed = life.renew(TLS);
  await settle();
  assertEquals([life.state, life.isClosed, life.isReady], ["renewing", true, true]);
  assertEquals([drained, bench.steps], [["drain"], []]);
  emptied.resolve();
  await renewed;
  assertEquals(bench.steps, ["renew while renewing"]);
  assertEquals([life.state, life.isClosed], ["ready", false]);
});

Deno.test("where connections outlive it, a certificate is taken up beside them", async () => {
  const bench = new Bench({ keepsConnections: true });
  await bench.life.started;
  await bench.life.renew(TLS);
  assertEquals(bench.steps, ["renew while ready"]);
});

Deno.test("a certificate that changes during the start is taken up after it", async () => {
  const begun = Promise.withResolvers<void>();
  const bench = new Bench({ begin: () => begun.promise, keepsConnections: true });
  const renewed = bench.life.renew(TLS);
  await settle();
  assertEquals(bench.steps, []);
  begun.resolve();
  assertEquals([await renewed, bench.steps], [true, ["renew while ready"]]);
});

Deno.test("a start that hangs holds up the end for no longer than its part of the time", async () => {
  const begun = Promise.withResolvers<void>();
  const bench = new Bench({
    begin: () => begun.promise,
    seal: () => Promise.resolve(new Map([["simple", 1]])),
  });
  const stopped = bench.life.stop();
  await settle();
  assertEquals([bench.life.state, bench.life.isClosed], ["ending", true]);
  bench.clock.advance(4_500);
  await stopped;
  // It may succeed later, and must not seal into a closed store.
  begun.resolve();
  await settle();
  assertEquals(bench.life.state, "ended");
  assertEquals(bench.lines, ['info stopped {"sealed":"too late","ms":4500}']);
});

Deno.test("a server that is stopped while it starts seals after the start", async () => {
  const begun = Promise.withResolvers<void>();
  const steps: string[] = [];
  const bench = new Bench({
    begin: () => begun.promise.then(() => void steps.push("begin")),
    seal: () => Promise.resolve(new Map([["simple", steps.push("seal")]])),
  });
  const stopped = bench.life.stop();
  await settle();
  assertEquals(steps, []);
  begun.resolve();
  await stopped;
  assertEquals(steps, ["begin", "seal"]);
  assertEquals(bench.lines, ['info stopped {"sealed":"simple 2","ms":0}']);
});

Deno.test("a failed start rejects for those who wait for it, and can be ended", async () => {
  const bench = new Bench({ begin: () => Promise.reject(new Error("no store")) });
  assertEquals(await bench.life.started.catch(({ message }) => message), "no store");
  assertEquals([bench.life.state, bench.life.isReady], ["starting", false]);
  await bench.life.stop();
  assertEquals(bench.life.state, "ended");
});
