import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodePayload } from "../../../src/transport/socket_io/payload.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";
import { EngineBench, type Poller } from "../../helpers/session/engine_bench.ts";
import { FakeSocket } from "../../helpers/session/fake_socket.ts";
import { settle } from "../../helpers/session/hub.ts";

// Hostile clients do anything; nothing is thrown, no other client notices, and nothing is left.

const REVISIONS = [3, 4] as const;
const NAMES = ["", "/ssp,", "/nowhere,", "/ssp", "/", "/,", "/ssp?token=x,"];
const JSONS = ['["a"]', '["a",{}]', '[""]', '["a"', "[]", "[1]", "{}", '{"sid":1}', "null", '"x"'];
const IDS = ["", "0", "17", "9999999999", "99999999999", "-1", "1e3"];

const valid = fc.tuple(
  fc.constantFrom(..."40 41 42 43 44 45 46 47 4".split(" ")),
  fc.constantFrom(...NAMES),
  fc.constantFrom(...IDS),
  fc.constantFrom(...JSONS, ""),
).map((parts) => parts.join(""));
const good = fc.constantFrom("40", "40/ssp,", '42["a"]', '4217["a",1]', '42/ssp,["a"]', "41", "6");
const binary = fc.constantFrom(
  ...['450-["a"]', '451-["a",{"_placeholder":true,"num":0}]', '452-/ssp,1["a"]', '4611-["a"]'],
  ...["461-1[]", "461-[]", "45-[]", "bAAEC", "b4AAEC", "b", "b5"],
);
const packet = fc.oneof(
  { weight: 6, arbitrary: good },
  { weight: 2, arbitrary: valid },
  { weight: 2, arbitrary: binary },
  {
    weight: 1,
    arbitrary: fc.constantFrom("0", "1", "2", "2probe", "3", "3probe", "5", "6", "7", ""),
  },
  { weight: 1, arbitrary: anyText(20) },
);

type Step =
  | { readonly do: "post"; readonly packets: readonly string[] }
  | { readonly do: "payload"; readonly text: string }
  | { readonly do: "poll" | "probe" | "abort" | "begin post" | "cut" }
  | { readonly do: "say" | "say to the probe"; readonly packet: string }
  | { readonly do: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("post" as const), packets: fc.array(packet, { maxLength: 4 }) }),
  fc.record({ do: fc.constant("payload" as const), text: anyText(30) }),
  fc.record({ do: fc.constantFrom("poll", "poll", "probe", "abort", "begin post", "cut") }),
  fc.record({ do: fc.constant("say" as const), packet }),
  fc.record({
    do: fc.constant("say to the probe" as const),
    packet: fc.oneof(fc.constantFrom("2probe", "5"), packet),
  }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.nat(30_000) }),
);

/** One hostile client: a poller whose probe, once it has switched, is its socket. */
class Hostile {
  readonly #poller: Poller;
  #probe: FakeSocket | undefined;

  constructor(poller: Poller) {
    this.#poller = poller;
  }

  act(step: Step, bench: EngineBench): void {
    const { session } = this.#poller;
    switch (step.do) {
      case "post":
        return void this.#poller.post(...step.packets);
      case "payload":
        return this.#payload(step.text);
      case "poll":
        return void (session.isPolling && this.#poller.get());
      case "begin post":
        return void session.beginPost();
      case "abort":
        return session.pollAborted();
      case "probe":
        return this.#open();
      case "say":
      case "say to the probe":
        return this.#probe?.hears(step.packet);
      case "cut":
        this.#probe?.isClosed(1006);
        this.#probe = undefined;
        return;
      case "wait":
        return bench.clock.advance(step.ms);
      default:
        step satisfies never;
    }
  }

  #payload(text: string): void {
    const { session } = this.#poller;
    if (session.beginPost()) session.endPost(decodePayload(text, session.revision, 100));
  }

  /** As the door does it. */
  #open(): void {
    const { session } = this.#poller;
    if (!session.isOpen || !session.mayProbe) return;
    this.#probe = new FakeSocket();
    session.probe(this.#probe.asSocket);
    this.#probe.opens();
  }

  /** The network has had enough, too. */
  end(): void {
    this.#probe?.isClosed(1006);
    this.#poller.session.pollAborted();
  }
}

Deno.test("whatever a client does over polls and sockets, nothing is left of it, and a bystander goes on", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...REVISIONS),
      fc.array(step, { maxLength: 30 }),
      async (revision, steps) => {
        using bench = new EngineBench();
        const bystander = bench.connect(3);
        const mine = bench.sessions[0];
        const hostile = new Hostile(bench.poll(revision));
        for (const step of steps) {
          hostile.act(step, bench);
          bystander.hears("2");
        }
        await settle();
        hostile.end();
        await settle();
        bystander.hears('42["still here"]');
        assertEquals([mine?.received, bystander.closings], [['2["still here"]'], []]);
        assertEquals(bench.log.filter((line) => line.startsWith("failed")), []);
        for (const session of bench.sessions) {
          assertEquals(session.timesClosed, session === mine ? 0 : 1);
        }
        assertEquals([bench.connections.size, bench.server.sessionCount, bench.released], [
          1,
          1,
          1,
        ]);
        assertEquals(bench.clock.timers, 1);
      },
    ),
    { numRuns: 4_000 },
  );
});

Deno.test("whatever comes by websocket, only good events reach a session", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...REVISIONS),
      fc.array(packet, { maxLength: 20 }),
      async (revision, packets) => {
        using bench = new EngineBench();
        const socket = bench.connect(revision);
        for (const packet of packets) socket.hears(packet);
        await settle();
        for (const { received } of bench.sessions) {
          for (const frame of received) {
            assertEquals(typeof frame !== "string" || /^2\d{0,10}\["/.test(frame), true);
          }
        }
        socket.isClosed(1006);
        await settle();
        assertEquals([bench.connections.size, bench.released], [0, 1]);
      },
    ),
    { numRuns: 10_000 },
  );
});
