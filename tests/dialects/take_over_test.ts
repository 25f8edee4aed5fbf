import { assert, assertEquals } from "@std/assert";
import { owt } from "../../src/dialects/owt/mod.ts";
import { peerjs } from "../../src/dialects/peerjs/mod.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import { settle, type TestClient } from "../helpers/session/hub.ts";
import { hubs } from "../helpers/session/hub_modes.ts";
import { authenticated } from "../helpers/session/owt.ts";
import { until } from "../helpers/wire/waiting.ts";

// Two tabs of a browser with one stored id and token, each of which reconnects at once when the other
// has taken the id over. Simple refuses such take-backs (§6): see simple/resume_test.ts.

const HOUR_MS = 3_600_000;
const STEP_MS = 250;

interface Kind {
  readonly name: string;
  newBench(): DialectBench;
  /** Connects a client that wants the id `alice`. */
  connect(bench: DialectBench, token?: string): Promise<TestClient>;
  /** The frame that confirms the id. */
  readonly confirmation: string;
}

const KINDS: readonly Kind[] = [
  {
    name: "PeerJS",
    newBench: () => new DialectBench(peerjs),
    connect: (bench, token = "t") => bench.connect(`/peerjs?key=peerjs&id=alice&token=${token}`),
    confirmation: '{"type":"OPEN"}',
  },
  {
    name: "OWT",
    newBench: () => new DialectBench(owt),
    connect: (bench) => bench.connectTo("/", "?clientVersion=4.3&token=alice"),
    confirmation: authenticated("alice"),
  },
];

/** Two tabs and how often one has taken the id over from the other. */
class Tabs {
  readonly #kind: Kind;
  readonly #bench: DialectBench;
  #holder: TestClient;
  #other: TestClient;
  takeOvers = 0;

  private constructor(kind: Kind, bench: DialectBench, holder: TestClient, other: TestClient) {
    this.#kind = kind;
    this.#bench = bench;
    this.#holder = holder;
    this.#other = other;
  }

  static async open(kind: Kind, bench: DialectBench): Promise<Tabs> {
    const holder = await kind.connect(bench);
    // A reservation's digest is computed on another thread, which `settle` does not wait for.
    await until("the first tab's id", () => holder.heard().length > 0);
    return new Tabs(kind, bench, holder, await kind.connect(bench));
  }

  get holder(): TestClient {
    return this.#holder;
  }

  /** The tab that waits, once the storm is calmed. */
  get other(): TestClient {
    return this.#other;
  }

  /** Lets time pass. A tab that loses its id comes back at once. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      for (let turn = 0; turn < 100 && !this.#holder.isOpen; turn++) await this.#swap();
      this.#bench.clock.advance(STEP_MS);
      await settle();
    }
  }

  async #swap(): Promise<void> {
    this.takeOvers++;
    this.#holder = this.#other;
    this.#other = await this.#kind.connect(this.#bench);
  }
}

for (const kind of KINDS) {
  Deno.test(`${kind.name}: two tabs that take one id from each other come to rest`, async () => {
    using bench = kind.newBench();
    const tabs = await Tabs.open(kind, bench);
    await tabs.pass(1_000);
    // Each node counts what its own clients lose.
    const nodes = hubs.mode === "dealt" ? 2 : 1;
    assert(tabs.takeOvers <= 11 * nodes, `${tabs.takeOvers} take-overs in the first second`);
    await tabs.pass(HOUR_MS);
    // The delay doubles from a second to a minute.
    const most = 85 + 20 * (nodes - 1);
    assert(tabs.takeOvers > 65 && tabs.takeOvers < most, `${tabs.takeOvers} take-overs in an hour`);
    const warning = [
      "one id is taken over again and again, newer claims wait",
      { address: tabs.holder.link.address },
    ] as const;
    assertEquals(bench.warnings, Array.from({ length: nodes }, () => warning));
  });

  Deno.test(`${kind.name}: a tab that waits is no stranger, and has the id when it is free`, async () => {
    using bench = kind.newBench();
    const tabs = await Tabs.open(kind, bench);
    await tabs.pass(40_000);
    const { holder, other } = tabs;
    assertEquals([holder.isOpen, other.isOpen, other.heard()], [true, true, []]);
    other.pump.checkIdentified(bench.clock.now() + HOUR_MS);
    assertEquals(other.isOpen, true);
    await holder.leave();
    bench.clock.advance(STEP_MS);
    await settle();
    assertEquals(other.heard(), [kind.confirmation]);
    assertEquals(bench.clock.timers, (kind.newBench)().clock.timers);
  });

  Deno.test(`${kind.name}: once the tabs are at rest, a client comes back at once again`, async () => {
    using bench = kind.newBench();
    const tabs = await Tabs.open(kind, bench);
    await tabs.pass(5_000);
    await tabs.other.leave();
    await tabs.pass(10_500);
    const back = await kind.connect(bench);
    assertEquals([back.heard(), tabs.holder.isOpen], [[kind.confirmation], false]);
  });
}

Deno.test("PeerJS: a claim that waits for an id gets it only with the token of its reservation", async () => {
  using bench = new DialectBench(peerjs, { options: { reserveIds: "1h" } });
  const [kind] = KINDS;
  assert(kind !== undefined);
  const tabs = await Tabs.open(kind, bench);
  await tabs.pass(5_000);
  const thief = await kind.connect(bench, "another");
  assertEquals([thief.isOpen, thief.heard()], [true, []]);
  await tabs.other.leave();
  await tabs.holder.leave();
  // Where steps take a turn of their own, the claim begins to wait a little later.
  await until("the verdict", async () => {
    bench.clock.advance(STEP_MS);
    await settle();
    return !thief.isOpen;
  });
  assertEquals(thief.heardJson(), [{ type: "ID-TAKEN", payload: { msg: "ID is taken" } }]);
});
