import { assertEquals } from "@std/assert";
import { Calls } from "../../src/core/calls/calls.ts";
import { SharedHub } from "../../src/core/nodes/shared_hub.ts";
import type { Crossing, End, Leg, Lifted, Signal } from "../../src/core/calls/signal.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { randomOf } from "../helpers/cluster/memory_engine.ts";
import { CallingClient } from "../helpers/session/calling_client.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { NO_LIMITS } from "../helpers/session/hub.ts";
import { sdpOf, WIDE_CALLS } from "../helpers/session/legs.ts";
import { claimOf } from "../helpers/session/receiver.ts";

// Calls between peers of different dialects on two nodes, in an order that a seed decides: while
// connections to the engine break and engines come back empty, and where one call follows another.

const SEEDS = [21, 22, 23, 24];
const NEVER_MS = 600_000;
const COUNT = 20;

/** A client whose messages are signals, and which writes down what reaches it. */
class Client extends CallingClient {
  readonly heard: string[] = [];
  /** Called at the end of a call by the other client, before anything else comes to pass. */
  onEnd: () => void = () => {};

  constructor(id: string) {
    super(id, ({ peer }) => this.heard.push(`undelivered ${peer}`));
  }

  leg(): Leg {
    const crossing: Crossing = "insists";
    return {
      crossing,
      showsPresence: true,
      lift: (payload) => payload as Lifted[] | End, // the tests send nothing else
      lower: (signal): undefined => void this.heard.push(wordOf(signal)) as undefined,
      end: (why, isOwn): void => {
        this.heard.push(isOwn ? "own end" : `end: ${why}`);
        if (!isOwn) this.onEnd();
      },
    };
  }
}

function wordOf(signal: Signal): string {
  return signal.kind === "candidate" ? signal.candidate.candidate : signal.kind;
}

function candidate(text: string): Lifted[] {
  return [{ kind: "candidate", candidate: { candidate: text, sdpMid: "0" } }];
}

function candidates(of: string): string[] {
  return Array.from({ length: COUNT }, (_, n) => `${of}${n}`);
}

for (const seed of SEEDS) {
  Deno.test(`a call between nodes loses and doubles nothing while connections break, seed ${seed}`, async () => {
    const calls: Calls[] = [];
    await using cluster = await MemoryCluster.form({
      seed,
      delayMs: 6,
      waitMs: NEVER_MS,
      hubOf: (backplane) => {
        const own = new Calls(WIDE_CALLS, new FakeClock(), () => {});
        calls.push(own);
        return new SharedHub(NO_LIMITS, backplane, { calls: own });
      },
    });
    const random = randomOf(seed);
    const clients = [new Client("a"), new Client("b")] as const;
    const [a, b] = clients;
    // Whether the caller's node keeps the call depends on who came first.
    for (const at of random() < 0.5 ? [0, 1] as const : [1, 0] as const) {
      const [id, dialect] = [at === 0 ? "a" : "b", at === 0 ? "one" : "two"];
      await cluster.during(cluster.hub(at).claim(claimOf(id, clients[at], { dialect })));
    }
    const disturb = async (): Promise<void> => {
      if (random() < 0.2) cluster.engine.breakConnections();
      if (random() < 0.05) {
        cluster.engine.kill();
        await cluster.pass(Math.floor(random() * 300));
        cluster.engine.start({ keeps: random() < 0.5 });
      }
      await cluster.pass(Math.floor(random() * 12));
    };
    const until = async (condition: () => boolean): Promise<void> => {
      for (let ms = 0; ms < 20_000 && !condition(); ms += 10) await cluster.pass(10);
    };
    cluster.hub(0).send(a.peer, "b", [{ kind: "offer", sdp: sdpOf("A") }]);
    for (const word of candidates("a")) {
      cluster.hub(0).send(a.peer, "b", candidate(word));
      await disturb();
    }
    await until(() => b.heard.length > COUNT);
    assertEquals(b.heard, ["offer", ...candidates("a")]);
    cluster.hub(1).send(b.peer, "a", [{ kind: "answer", sdp: sdpOf("B") }]);
    for (const word of candidates("b")) {
      cluster.hub(1).send(b.peer, "a", candidate(word));
      await disturb();
    }
    await until(() => a.heard.length > COUNT);
    assertEquals(a.heard, ["answer", ...candidates("b")]);
    cluster.hub(1).send(b.peer, "a", "hung-up" satisfies End);
    await until(() => a.heard.length > COUNT + 1);
    await cluster.pass(500);
    assertEquals([a.heard.at(-1), b.heard.at(-1)], ["end: hung-up", "own end"]);
    assertEquals([a.heard.length, b.heard.length], [COUNT + 2, COUNT + 2]);
    assertEquals(calls.map(({ count }) => count), [0, 0]);
    const pairs = cluster.engine.data.keys().filter((key) => key.includes(":pairs:"));
    assertEquals([...pairs], []);
  });
}

const SEEDS_OF_CALLS = [31, 32, 33, 34, 35, 36, 37, 38];
const CALLS = 8;

for (const seed of SEEDS_OF_CALLS) {
  Deno.test(`a call that begins as the last one ends reaches the other node, seed ${seed}`, async () => {
    const calls: Calls[] = [];
    await using cluster = await MemoryCluster.form({
      seed,
      delayMs: 6,
      hubOf: (node) => {
        const own = new Calls(WIDE_CALLS, new FakeClock(), () => {});
        calls.push(own);
        return new SharedHub(NO_LIMITS, node, { calls: own });
      },
    });
    const random = randomOf(seed);
    const either = (): 0 | 1 => random() < 0.5 ? 0 : 1;
    const clients = [new Client("a"), new Client("b")] as const;
    const older = either();
    for (const at of older === 0 ? [0, 1] as const : [1, 0] as const) {
      const claim = claimOf("ab".charAt(at), clients[at], { dialect: at === 0 ? "one" : "two" });
      await cluster.during(cluster.hub(at).claim(claim));
    }
    const say = (at: 0 | 1, words: Lifted[] | End): void =>
      void cluster.hub(at).send(clients[at].peer, "ab".charAt(1 - at), words);
    const hears = async (at: number, ...expected: string[]): Promise<void> => {
      const { heard } = clients[at === 0 ? 0 : 1];
      for (let ms = 0; ms < 5_000 && heard.length < expected.length; ms++) await cluster.pass(1);
      assertEquals(heard.splice(0), expected);
    };
    let caller = either();
    let lastEnd: readonly string[] = [];
    const call = (from: 0 | 1, nth: number): void => {
      say(from, [{ kind: "offer", sdp: sdpOf(`A${nth}`) }]);
      say(from, candidate(`c${nth}`));
    };
    call(caller, 0);
    for (let nth = 0; nth < CALLS; nth++) {
      const callee = caller === 0 ? 1 : 0;
      await hears(callee, ...lastEnd, "offer", `c${nth}`);
      say(callee, [{ kind: "answer", sdp: sdpOf(`B${nth}`) }]);
      await hears(caller, "answer");
      const hangsUp = either();
      caller = either();
      const isLast = nth + 1 === CALLS;
      const next = (): void => isLast ? undefined : call(caller, nth + 1);
      // The other client's node still has to learn that the two know each other no longer.
      const isAtOnce = caller !== hangsUp && caller !== older;
      for (const client of clients) client.onEnd = () => {};
      if (isAtOnce) clients[caller].onEnd = next;
      say(hangsUp, "hung-up");
      if (caller === hangsUp) next();
      await hears(hangsUp, "own end");
      lastEnd = caller === hangsUp ? ["end: hung-up"] : [];
      if (caller !== hangsUp) await hears(caller, "end: hung-up");
      if (caller !== hangsUp && !isAtOnce) next();
    }
    await hears(1 - caller, ...lastEnd);
    await cluster.pass(500);
    assertEquals(calls.map(({ count }) => count), [0, 0]);
    const pairs = cluster.engine.data.keys().filter((key) => key.includes(":pairs:"));
    assertEquals([...pairs], []);
  });
}

/** Longer than a client's step waits, and than a node needs to come back. */
const ALONE_MS = 7_000;
const BACK_MS = 8_000;

for (const caller of [0, 1] as const) {
  for (const isNewcomer of [false, true]) {
    const who = isNewcomer ? "somebody younger" : "somebody older";
    const what = caller === 1 ? `calls ${who}` : `is called by ${who}`;
    Deno.test(`a client that got its id from a lone node ${what} on another node later`, async () => {
      const calls: Calls[] = [];
      await using cluster = await MemoryCluster.form({
        seed: 5,
        delayMs: 6,
        acceptsLoss: true,
        hubOf: (backplane) => {
          const own = new Calls(WIDE_CALLS, new FakeClock(), () => {});
          calls.push(own);
          return new SharedHub(NO_LIMITS, backplane, { calls: own });
        },
      });
      const clients = [new Client("a"), new Client("b")] as const;
      const admit = (at: 0 | 1): Promise<void> => {
        const [id, dialect] = at === 0 ? ["a", "one"] : ["b", "two"];
        return cluster.during(cluster.hub(at).claim(claimOf(id, clients[at], { dialect })));
      };
      const send = async (at: 0 | 1, payload: unknown): Promise<void> => {
        cluster.hub(at).send(clients[at].peer, at === 0 ? "b" : "a", payload);
        await cluster.pass(200);
      };
      if (!isNewcomer) await admit(0);
      cluster.at(1).link.cut();
      await cluster.pass(ALONE_MS);
      await admit(1);
      cluster.at(1).link.heal();
      await cluster.pass(BACK_MS);
      if (isNewcomer) await admit(0);

      const callee = caller === 0 ? 1 : 0;
      await send(caller, [{ kind: "offer", sdp: sdpOf("A") }]);
      await send(caller, candidate("a0"));
      await send(callee, [{ kind: "answer", sdp: sdpOf("B") }]);
      await send(callee, candidate("b0"));
      await send(callee, "hung-up" satisfies End);
      await cluster.pass(500);
      assertEquals(clients[callee].heard, ["offer", "a0", "own end"]);
      assertEquals(clients[caller].heard, ["answer", "b0", "end: hung-up"]);
      assertEquals(calls.map(({ count }) => count), [0, 0]);
      const pairs = cluster.engine.data.keys().filter((key) => key.includes(":pairs:"));
      assertEquals(pairs, []);
    });
  }
}
