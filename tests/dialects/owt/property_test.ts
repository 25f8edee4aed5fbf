import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import { settle } from "../../helpers/session/hub.ts";
import {
  authenticated,
  frameOf,
  newOwt,
  OwtClient,
  SERVER_DISCONNECT,
} from "../../helpers/session/owt.ts";
import { hubs, runs } from "../../helpers/session/hub_modes.ts";

const IDS = ["a", "b", "c", "__proto__"] as const;
const CLIENTS = 5;

/** Possible steps; `who` is the place of a client, which connects if the place is free. */
type Step =
  | { readonly do: "login"; readonly who: number; readonly id: string; readonly isQuery: boolean }
  | { readonly do: "say"; readonly who: number; readonly to: string; readonly isAcked: boolean }
  | { readonly do: "leave" | "lose" | "rubbish"; readonly who: number }
  /** Lets everything happen that can. */
  | { readonly do: "settle" };

const who = fc.nat(CLIENTS - 1);
const id = fc.constantFrom(...IDS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("login" as const), who, id, isQuery: fc.boolean() }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("say" as const), who, to: id, isAcked: fc.boolean() }),
  },
  fc.record({ do: fc.constantFrom("leave" as const, "lose" as const, "rubbish" as const), who }),
  { weight: 2, arbitrary: fc.constant<Step>({ do: "settle" }) },
);

/** One connection as it should be: its id, and the messages that it should have got. */
class Actor {
  readonly expected: string[] = [];
  /** The id that it has. */
  id: string | undefined = undefined;
  isOpen = true;
  #nextAck = 0;

  constructor(readonly owt: OwtClient) {}

  nextAck(): number {
    return this.#nextAck++;
  }
}

/** The simplest server that could be right: every step is carried out at once. */
class Model {
  readonly holders = new Map<string, Actor>();

  login(actor: Actor, id: string, ack: number | undefined): void {
    if (actor.id !== id) {
      this.giveUp(actor);
      const holder = this.holders.get(id);
      this.holders.set(id, actor);
      actor.id = id;
      if (holder !== undefined) {
        holder.id = undefined;
        holder.isOpen = false;
        holder.expected.push(SERVER_DISCONNECT);
      }
    }
    actor.expected.push(authenticated(id));
    if (ack !== undefined) actor.expected.push(`3${ack}[{"uid":${JSON.stringify(id)}}]`);
  }

  say(actor: Actor, to: string, word: number, ack: number | undefined): void {
    const answer = (...args: number[]): void => {
      if (ack !== undefined) actor.expected.push(`3${ack}${JSON.stringify(args)}`);
    };
    if (actor.id === undefined) {
      answer(2120);
      actor.isOpen = false;
      return;
    }
    const holder = this.holders.get(to);
    if (holder === undefined) return answer(2201);
    holder.expected.push(frameOf(undefined, "owt-message", { from: actor.id, data: word }));
    answer();
  }

  giveUp(actor: Actor): void {
    if (actor.id !== undefined) this.holders.delete(actor.id);
    actor.id = undefined;
  }

  end(actor: Actor): void {
    this.giveUp(actor);
    actor.isOpen = false;
  }
}

/** Plays steps on a server and on the model, and compares what everybody was sent. */
class Stage {
  readonly model = new Model();
  readonly #bench: DialectBench;
  readonly #actors = new Map<number, Actor>();
  readonly #everybody: Actor[] = [];
  #word = 0;

  constructor(bench: DialectBench) {
    this.#bench = bench;
  }

  async play(step: Step): Promise<void> {
    if (step.do === "settle") return await settle();
    const actor = await this.#actor(step);
    switch (step.do) {
      case "login": {
        if (step.isQuery && actor.id === step.id) return;
        const ack = actor.nextAck();
        actor.owt.client.blurt(frameOf(ack, "authentication", { token: step.id }));
        return this.model.login(actor, step.id, ack);
      }
      case "say": {
        const ack = step.isAcked ? actor.nextAck() : undefined;
        const data = ++this.#word;
        actor.owt.client.blurt(frameOf(ack, "owt-message", { to: step.to, from: "x", data }));
        return this.model.say(actor, step.to, data, ack);
      }
      case "leave":
        actor.owt.client.link.drop();
        actor.owt.client.pump.end("left");
        return this.model.end(actor);
      case "lose":
        actor.owt.client.pump.end("lost");
        actor.owt.client.link.drop();
        return this.model.end(actor);
      case "rubbish":
        actor.owt.client.blurt("2[");
        return this.model.end(actor);
    }
  }

  /** Compares everything. */
  async check(): Promise<void> {
    await settle();
    for (const { owt, expected, isOpen } of this.#everybody) {
      assertEquals(owt.client.sent, expected);
      assertEquals([owt.isOpen, owt.client.link.faults], [isOpen, []]);
    }
    const ids = this.#bench.hub.directory("owt").sort();
    assertEquals(ids, [...this.model.holders.keys()].sort());
  }

  async end(): Promise<void> {
    for (const { owt } of this.#everybody) await owt.leave();
    assertEquals(this.#bench.hub.peerCount, 0);
  }

  /** The client at a place; one that has gone is followed by another. */
  async #actor(step: Exclude<Step, { do: "settle" }>): Promise<Actor> {
    const present = this.#actors.get(step.who);
    if (present?.isOpen) return present;
    const isQuery = step.do === "login" && step.isQuery;
    const query = isQuery ? { token: step.id, clientVersion: "4.3" } : {};
    const actor = new Actor(await OwtClient.connect(this.#bench, query as Record<string, string>));
    if (isQuery) this.model.login(actor, step.id, undefined);
    this.#actors.set(step.who, actor);
    this.#everybody.push(actor);
    return actor;
  }
}

Deno.test("OWT: in any order of clients' actions, each gets the frames that the rules demand", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      using bench = newOwt();
      const stage = new Stage(bench);
      for (const one of steps) {
        await stage.play(one);
        // Clients of two nodes agree on an order only where each step is over before the next.
        if (hubs.mode === "dealt") await settle();
      }
      await stage.check();
      await stage.end();
    }),
    { numRuns: runs(400) },
  );
});

/** A reservation that is answered on the test's command. */
interface Waiting {
  readonly id: string;
  readonly answer: (isFree: boolean) => void;
}

type SlowStep =
  | { readonly do: "login"; readonly who: number; readonly id: string }
  | { readonly do: "leave"; readonly who: number }
  | { readonly do: "say"; readonly who: number; readonly to: string }
  | { readonly do: "answer"; readonly nth: number; readonly isFree: boolean };

const slowStep: fc.Arbitrary<SlowStep> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("login" as const), who, id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("say" as const), who, to: id }) },
  fc.record({ do: fc.constant("leave" as const), who }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      nth: fc.nat(9),
      isFree: fc.integer({ min: 0, max: 9 }).map((luck) => luck > 0),
    }),
  },
);

/** The id that the newest greeting of a client names, if it was not taken from it since. */
function idOf({ client }: OwtClient): string | undefined {
  if (!client.isOpen) return undefined;
  const greeting = client.sent.map(String).findLast((frame) => frame.includes("authenticated"));
  return greeting === undefined ? undefined : JSON.parse(greeting.slice(1))[1].uid;
}

Deno.test("OWT: ids that are given out in any order leave no ghosts, and one holder each", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(slowStep, { maxLength: 60 }), async (steps) => {
      const waiting: Waiting[] = [];
      const reserve = ({ id }: { id: string }): Promise<boolean> =>
        new Promise((answer) => waiting.push({ id, answer }));
      using bench = newOwt({ reserve });
      const places = new Map<number, OwtClient>();
      const everybody: OwtClient[] = [];
      const clientAt = async (place: number): Promise<OwtClient> => {
        const present = places.get(place);
        if (present?.isOpen) return present;
        const client = await OwtClient.connect(bench);
        places.set(place, client);
        everybody.push(client);
        return client;
      };
      let acks = 0;
      for (const step of steps) {
        if (step.do === "answer") {
          waiting.splice(step.nth % Math.max(waiting.length, 1), 1)[0]?.answer(step.isFree);
          await settle();
          continue;
        }
        const { client } = await clientAt(step.who);
        if (step.do === "leave") client.link.drop();
        else if (step.do === "say") {
          client.blurt(frameOf(acks++, "owt-message", { to: step.to, data: 1 }));
        } else client.blurt(frameOf(acks++, "authentication", { token: step.id }));
      }
      await settle();
      while (waiting.length > 0) {
        for (const { answer } of waiting.splice(0)) answer(true);
        await settle();
      }

      // Nothing is under way: the client that was greeted last has the id, and no other has one.
      const holders = everybody.map(idOf).filter((id) => id !== undefined);
      assertEquals(holders.sort(), bench.hub.directory("owt").sort());
      for (const { client } of everybody) {
        assertEquals(client.link.faults, []);
        const acks = client.sent.map(String).filter((frame) => frame.startsWith("3"));
        const ids = acks.map((frame) => /^3(\d+)/.exec(frame)?.[1]);
        assert(new Set(ids).size === ids.length, "an event was acknowledged twice");
      }
      for (const client of everybody) await client.leave();
      assertEquals(bench.hub.peerCount, 0);
    }),
    { numRuns: runs(400) },
  );
});
