import { assertEquals } from "@std/assert";
import type { Fleet } from "../../src/admin/fleet.ts";
import { HandOvers, handOverTo } from "../../src/server/hand_over.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

// Items that a node hands over to the others at its end.

/** Characters of a question, as the cluster limits them. */
const MAX_LENGTH = 1_200_000;

/** A node that takes items over, and what it has of them. */
class Heir {
  readonly adopted: unknown[] = [];
  isLeaving = false;
  /** Changes an answer on its way; undefined for one that is lost. */
  tell: (answer: unknown, question: object) => unknown = (answer) => answer;
  #answer: (question: unknown) => Promise<unknown> = () => Promise.resolve(undefined);

  constructor(clock: FakeClock) {
    const dialect = { adopt: (items: readonly unknown[]) => void this.adopted.push(...items) };
    const handOvers = new HandOvers([{ name: "peerjs", dialect }], clock, () => this.isLeaving);
    handOvers.answer({ ...fleetOf([], clock), answer: (_topic, answer) => this.#answer = answer });
  }

  async ask(question: object): Promise<unknown> {
    if (JSON.stringify(question).length > MAX_LENGTH) return undefined;
    return this.tell(await this.#answer(question), question);
  }
}

/** The heirs, the first one the newest, as the ending node reaches them. */
function fleetOf(heirs: readonly Heir[], clock: FakeClock): Fleet {
  return {
    cluster: "c",
    node: "ending",
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
  };
}

/** Hands items over, and lets as much time pass as that takes. */
async function handOver(
  clock: FakeClock,
  heirs: readonly Heir[],
  items: readonly unknown[],
): Promise<{ left: unknown[]; lines: unknown[] }> {
  const lines: unknown[] = [];
  const log = { write: (_level: string, _text: string, facts?: unknown) => void lines.push(facts) };
  const work = handOverTo(fleetOf(heirs, clock), { clock, log })?.("peerjs", items);
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
    const heirs = [new Heir(clock), new Heir(clock)] as const;
    let losses = 1;
    heirs[0].tell = (answer, question) => {
      const isLost = ("items" in question ? "offer" : "adoption") === lost;
      return isLost && losses-- > 0 ? undefined : answer;
    };
    assertEquals((await handOver(clock, heirs, ["a", "b"])).left, []);
    const expected = lost === "offer" ? [[], ["a", "b"]] : [["a", "b"], []];
    assertEquals(heirs.map(({ adopted }) => adopted), expected, lost);
  }
});

Deno.test("items that a node may have adopted before it fell silent are given to nobody else", async () => {
  const clock = new FakeClock();
  const heirs = [new Heir(clock), new Heir(clock)] as const;
  heirs[0].tell = (answer, question) => "items" in question ? answer : undefined;
  assertEquals((await handOver(clock, heirs, ["a"])).left, []);
  assertEquals(heirs.map(({ adopted }) => adopted), [["a"], []]);
});

Deno.test("a node that begins to end between offer and adoption leaves the items to the next", async () => {
  const clock = new FakeClock();
  const heirs = [new Heir(clock), new Heir(clock)] as const;
  heirs[0].tell = (answer, question) => {
    heirs[0].isLeaving ||= "items" in question;
    return answer;
  };
  assertEquals((await handOver(clock, heirs, ["a"])).left, []);
  assertEquals(heirs.map(({ adopted }) => adopted), [[], ["a"]]);
  heirs[1].isLeaving = true;
  assertEquals((await handOver(clock, heirs, ["b"])).left, ["b"]);
});
