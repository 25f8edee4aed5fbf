import { assertEquals } from "@std/assert";
import type { Fleet } from "../../src/admin/fleet.ts";
import { HandOvers, handOverTo } from "../../src/server/hand_over.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

// Items that a node hands over to the others at its end.

/** Characters of a question, as the cluster limits them. */
const MAX_LENGTH = 1_200_000;

type Take = Fleet["take"];

/** The claims of offers in an engine. */
class Claims {
  readonly #taken = new Set<string>();
  isAway = false;
  readonly take: Take = (offer) => {
    if (this.isAway) return new Promise(() => {});
    if (this.#taken.has(offer)) return Promise.resolve("taken");
    this.#taken.add(offer);
    return Promise.resolve({ [Symbol.dispose]: () => void this.#taken.delete(offer) });
  };
}

/** A node that takes items over, and what it has of them. */
class Heir {
  readonly adopted: unknown[] = [];
  readonly claims: Claims;
  isLeaving = false;
  /** False for a question that does not come. */
  hears: (question: object) => boolean = () => true;
  /** Changes an answer on its way; undefined for one that is lost. */
  tell: (answer: unknown, question: object) => unknown = (answer) => answer;
  /** Changes a question on its way. */
  read: (question: object) => object = (question) => question;
  #answer: (question: unknown) => Promise<unknown> = () => Promise.resolve(undefined);

  constructor(clock: FakeClock, claims = new Claims()) {
    this.claims = claims;
    const dialect = { adopt: (items: readonly unknown[]) => void this.adopted.push(...items) };
    const fleet = fleetOf([], clock, claims);
    const answer: Fleet["answer"] = (_topic, answer) => this.#answer = answer;
    new HandOvers([{ name: "peerjs", dialect }], { ...fleet, answer }, clock, () => this.isLeaving);
  }

  async ask(question: object): Promise<unknown> {
    if (JSON.stringify(question).length > MAX_LENGTH || !this.hears(question)) return undefined;
    return this.tell(await this.#answer(this.read(question)), question);
  }
}

/** Two nodes, the first one the newer, over one engine. */
function twoHeirs(clock: FakeClock): readonly [Heir, Heir] {
  const claims = new Claims();
  return [new Heir(clock, claims), new Heir(clock, claims)];
}

/** The heirs, the first one the newest, as the ending node reaches them. */
function fleetOf(heirs: readonly Heir[], clock: FakeClock, { take }: Claims): Fleet {
  return {
    cluster: "c",
    node: "ending",
    address: "ending-1",
    isUp: () => true,
    meetAll: () => Promise.resolve(),
    nodes: () => [
      { name: "ending", sinceMs: 0 },
      ...heirs.map((_, at) => ({ name: String(at), sinceMs: heirs.length - at })),
    ],
    ask: async (node, _topic, question, limitMs = 0) => {
      const answer = await heirs[Number(node)]?.ask(Object(question));
      if (answer === undefined) await clock.delay(limitMs);
      return answer;
    },
    answer: () => {},
    take,
  };
}

const isOffer = (question: object): boolean => "items" in question;

/** Hands items over, and lets as much time pass as that takes. */
async function handOver(
  clock: FakeClock,
  heirs: readonly [Heir, ...Heir[]],
  items: readonly unknown[],
): Promise<{ left: unknown[]; lines: unknown[] }> {
  const lines: unknown[] = [];
  const log = { write: (_level: string, _text: string, facts?: unknown) => void lines.push(facts) };
  const work = handOverTo(fleetOf(heirs, clock, heirs[0].claims), { clock, log })?.(
    "peerjs",
    items,
  );
  let left: unknown[] | undefined;
  void work?.then((outcome) => left = outcome);
  for (let ms = 0; ms < 20_000 && left === undefined; ms += 50) {
    await settle();
    clock.advance(50);
  }
  return { left: left ?? ["no end"], lines };
}

Deno.test("an item that no question holds stays, and the items behind it are handed over", async () => {
  const clock = new FakeClock();
  const heir = new Heir(clock);
  const [small, large, later] = ["small", "x".repeat(MAX_LENGTH), "later"];
  const { left, lines } = await handOver(clock, [heir], [small, large, later]);
  assertEquals(left, [large]);
  assertEquals(heir.adopted, [small, later]);
  assertEquals(lines, [{ dialect: "peerjs", items: 2 }]);
});

Deno.test("items go to one node only, whichever answer is lost on its way", async () => {
  for (const lost of ["offer", "adoption"]) {
    const clock = new FakeClock();
    const heirs = twoHeirs(clock);
    let losses = 1;
    heirs[0].tell = (answer, question) => {
      const isLost = (isOffer(question) ? "offer" : "adoption") === lost;
      return isLost && losses-- > 0 ? undefined : answer;
    };
    assertEquals((await handOver(clock, heirs, ["a", "b"])).left, []);
    const expected = lost === "offer" ? [[], ["a", "b"]] : [["a", "b"], []];
    assertEquals(heirs.map(({ adopted }) => adopted), expected, lost);
  }
});

Deno.test("items that a node may have adopted before it fell silent are given to nobody else", async () => {
  const clock = new FakeClock();
  const heirs = twoHeirs(clock);
  heirs[0].tell = (answer, question) => isOffer(question) ? answer : undefined;
  assertEquals((await handOver(clock, heirs, ["a"])).left, []);
  assertEquals(heirs.map(({ adopted }) => adopted), [["a"], []]);
});

Deno.test("a node that begins to end between offer and adoption leaves the items to the next", async () => {
  const clock = new FakeClock();
  const heirs = twoHeirs(clock);
  heirs[0].tell = (answer, question) => {
    heirs[0].isLeaving ||= isOffer(question);
    return answer;
  };
  assertEquals((await handOver(clock, heirs, ["a"])).left, []);
  assertEquals(heirs.map(({ adopted }) => adopted), [[], ["a"]]);
  heirs[1].isLeaving = true;
  assertEquals((await handOver(clock, heirs, ["b"])).left, ["b"]);
});

Deno.test("items that a node was not asked to adopt go to the next one, or stay, and it takes them no more", async () => {
  for (const count of [1, 2]) {
    const clock = new FakeClock();
    const [first, second] = twoHeirs(clock);
    const late: object[] = [];
    first.hears = (question) => {
      if (!isOffer(question)) late.push(question);
      return isOffer(question);
    };
    const { left } = await handOver(clock, count === 1 ? [first] : [first, second], ["a"]);
    assertEquals([left, second.adopted], count === 1 ? [["a"], []] : [[], ["a"]]);
    first.hears = () => true;
    assertEquals(await first.ask(late[0] ?? {}), false);
    assertEquals(first.adopted, []);
  }
});

Deno.test("items stay, and go to nobody else, while it is unknown who has them", async () => {
  const clock = new FakeClock();
  const heirs = twoHeirs(clock);
  heirs[0].claims.isAway = true;
  heirs[0].hears = isOffer;
  const { left } = await handOver(clock, heirs, ["a"]);
  assertEquals([left, heirs[1].adopted], [["a"], []]);
});

Deno.test("a node of an earlier version adopts as it did, and its items go to nobody else", async () => {
  const clock = new FakeClock();
  const heirs = twoHeirs(clock);
  heirs[0].read = (question) => ({ ...question, maker: undefined });
  heirs[0].claims.isAway = true;
  assertEquals((await handOver(clock, heirs, ["a"])).left, []);
  heirs[0].hears = isOffer;
  assertEquals((await handOver(clock, heirs, ["b"])).left, []);
  assertEquals(heirs.map(({ adopted }) => adopted), [["a"], []]);
});
