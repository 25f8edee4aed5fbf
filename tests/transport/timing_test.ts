import { assertEquals } from "@std/assert";
import { Pump } from "../../src/transport/pump.ts";
import type { Timing } from "../../src/transport/timing.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { FakeLink } from "../helpers/session/fake_link.ts";
import { settle, WIDE_LIMITS } from "../helpers/session/hub.ts";
import { type Script, ScriptedSession } from "../helpers/session/scripted_session.ts";

class Bench implements Timing {
  readonly clock = new FakeClock();
  readonly identified: number[] = [];
  readonly relays: number[] = [];
  relayed = 0;
  readonly pump: Pump;

  constructor(script: Script, isIdentified = true) {
    const link = new FakeLink();
    const session = Object.assign(new ScriptedSession(link, script), { isIdentified });
    this.session = session;
    this.pump = new Pump(session, link, WIDE_LIMITS, this.clock.now, undefined, this);
  }

  readonly session: { isIdentified: boolean };

  identifiedAfter(ms: number): void {
    this.identified.push(ms);
  }

  relayTook(ms: number): void {
    this.relays.push(ms);
  }
}

Deno.test("every sixteenth relayed frame of a client is timed, from its arrival on", () => {
  const bench: Bench = new Bench({
    receive: () => {
      bench.relayed++;
      bench.clock.advance(3);
    },
  });
  for (let frame = 0; frame < 40; frame++) bench.pump.receive("x");
  assertEquals(bench.relays, [3, 3]);
});

Deno.test("a frame that goes to nobody else is no relay, and neither is one that waits", () => {
  const bench: Bench = new Bench({ receive: () => void bench.clock.advance(3) });
  for (let frame = 0; frame < 32; frame++) bench.pump.receive("x");
  assertEquals(bench.relays, []);
  const waiting: Bench = new Bench({
    receive: () => {
      waiting.relayed++;
      return Promise.withResolvers<void>().promise;
    },
  });
  for (let frame = 0; frame < 32; frame++) waiting.pump.receive("x");
  assertEquals(waiting.relays, []);
});

Deno.test("the time until a client is identified is taken once, wherever that happens", async () => {
  const byFrame: Bench = new Bench({
    receive: () => void (byFrame.session.isIdentified = true),
  }, false);
  byFrame.clock.advance(40);
  byFrame.pump.receive("HELLO");
  byFrame.pump.receive("x");
  byFrame.pump.checkIdentified(byFrame.clock.now());
  assertEquals(byFrame.identified, [40]);

  const atOnce = new Bench({});
  await atOnce.pump.open();
  assertEquals(atOnce.identified, [0]);

  const verdict = Promise.withResolvers<void>();
  const later: Bench = new Bench({ receive: () => verdict.promise }, false);
  later.pump.receive("join");
  later.clock.advance(70);
  later.session.isIdentified = true;
  verdict.resolve();
  await settle();
  assertEquals(later.identified, [70]);
});
