import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import {
  ANSWER,
  CANDIDATE,
  changed,
  newSignalling,
  OFFER,
  peerMessage,
  sessionsOf,
  SinkClient,
  type SinkMessage,
  statusMessage,
} from "../../helpers/session/webrtcsink.ts";
import { hubs, runs } from "../../helpers/session/hub_modes.ts";

/** The next step. A number stands for a peer or session, modulo their count. */
type Step =
  | { readonly do: "connect"; readonly isNew: boolean }
  | { readonly do: "status"; readonly who: number; readonly roles: string[]; readonly meta: number }
  | { readonly do: "start"; readonly who: number; readonly to: number; readonly hasOffer: boolean }
  | { readonly do: "relay"; readonly who: number; readonly session: number; readonly part: number }
  | { readonly do: "end"; readonly who: number; readonly session: number; readonly why: boolean }
  | { readonly do: "list"; readonly who: number }
  | { readonly do: "leave" | "lose"; readonly who: number };

const who = fc.nat(99);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("connect"), isNew: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("status"),
      who,
      roles: fc.shuffledSubarray(["producer", "listener", "consumer"]),
      meta: fc.nat(3),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("start"), who, to: who, hasOffer: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("relay"), who, session: who, part: who }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("end"), who, session: who, why: fc.boolean() }),
  },
  fc.record({ do: fc.constant("list"), who }),
  fc.record({ do: fc.constantFrom("leave", "lose"), who }),
) as fc.Arbitrary<Step>; // each arm is one of the kinds

/** A peer as the protocol has it. */
interface Member {
  readonly client: SinkClient;
  readonly isNew: boolean;
  roles: readonly string[];
  meta: unknown;
  /** It has, or had, a role. */
  isKnown: boolean;
  /** News that are due after this step. */
  readonly expected: SinkMessage[];
}

interface Session {
  readonly id: string;
  readonly producer: Member;
  readonly consumer: Member;
}

const PARTS = [OFFER, ANSWER, CANDIDATE] as const;
/** Stands for the details of an error, and the id of a session that is just beginning. */
const ANY = "any";

/** The protocol's rules once more, in the plainest words, beside the real thing. */
class Model {
  readonly #bench: DialectBench;
  readonly members: Member[] = [];
  readonly sessions: Session[] = [];
  /** Ids of sessions that are over, to be named again. */
  readonly #over: string[] = [];

  constructor(bench: DialectBench) {
    this.#bench = bench;
  }

  async play(step: Step): Promise<void> {
    if (step.do === "connect") return await this.#connect(step.isNew);
    const member = this.members[step.who % this.members.length];
    if (member === undefined) return;
    switch (step.do) {
      case "status":
        return await this.#status(member, step.roles, step.meta);
      case "start":
        return await this.#start(member, step.to, step.hasOffer);
      case "relay":
        return await this.#relay(member, step.session, PARTS[step.part % PARTS.length] ?? OFFER);
      case "end":
        return await this.#end(member, step.session, step.why && member.isNew);
      case "list":
        return await this.#list(member);
      default:
        return await this.#leave(member, step.do);
    }
  }

  async #connect(isNew: boolean): Promise<void> {
    const client = await SinkClient.connect(this.#bench);
    if (isNew) await client.say({ type: "setProtocolVersion", version: "v1_1" });
    this.members.push({ client, isNew, roles: [], meta: null, isKnown: false, expected: [] });
    this.check();
  }

  async #status(member: Member, roles: readonly string[], meta: unknown): Promise<void> {
    const old = member.roles;
    if (roles.includes("producer") && roles.includes("consumer")) {
      member.expected.push({ type: "error", details: ANY });
    } else {
      Object.assign(member, { roles, meta, isKnown: member.isKnown || roles.length > 0 });
      this.#announce(member);
      for (const role of ["producer", "consumer"] as const) {
        if (old.includes(role) && !roles.includes(role)) {
          this.#endAll(member, (session) => session[role] === member);
        }
      }
      if (roles.includes("listener")) {
        member.expected.push(changed(member.client.id, roles, meta));
      }
    }
    await member.client.say(statusMessage(roles, meta));
    this.check();
  }

  async #start(member: Member, to: number, hasOffer: boolean): Promise<void> {
    const target = this.members[to % this.members.length] ?? member;
    const isProducer = target.roles.includes("producer");
    const offer = hasOffer ? "v=0" : null;
    const peerId = target.client.id;
    if (target === member || !(isProducer || target.roles.includes("consumer"))) {
      member.expected.push({ type: "error", details: ANY });
      await member.client.say({ type: "startSession", peerId, offer });
      return void this.check();
    }
    const [producer, consumer] = isProducer ? [target, member] : [member, target];
    consumer.expected.push({ type: "sessionStarted", peerId: producer.client.id, sessionId: ANY });
    producer.expected.push({
      type: "startSession",
      peerId: consumer.client.id,
      sessionId: ANY,
      offer,
    });
    await member.client.say({ type: "startSession", peerId, offer });
    const ids = this.check();
    // Both receive the same id, and it is unique.
    assertEquals([ids.length, new Set(ids).size], [2, 1]);
    const [id = ""] = ids;
    assertEquals([...this.#over, ...this.sessions.map(({ id }) => id)].includes(id), false);
    this.sessions.push({ id, producer, consumer });
    this.#checkCounts();
  }

  /** Somebody says something in a session, in its own or in another's, or in one that is over. */
  async #relay(member: Member, nth: number, part: SinkMessage): Promise<void> {
    const { id, session } = this.#any(nth);
    const message = peerMessage(id, part);
    if (session?.consumer === member && part === OFFER) {
      member.expected.push({ type: "error", details: ANY });
    } else {
      this.#partner(session, member)?.expected.push(message);
    }
    await member.client.say(message);
    this.check();
  }

  async #end(member: Member, nth: number, hasWhy: boolean): Promise<void> {
    const { id, session } = this.#any(nth);
    const why = hasWhy ? "no codec" : null;
    if (session !== undefined && this.#partner(session, member) !== undefined) {
      this.#finish(session, member, why);
    }
    const type = member.isNew ? "endSessionV1_1" : "endSession";
    await member.client.say({ type, sessionId: id, error: why });
    this.check();
  }

  async #list(member: Member): Promise<void> {
    const having = (role: string): SinkMessage[] =>
      this.members.filter(({ roles }) => roles.includes(role))
        .map(({ client: { id }, meta }) => ({ id, meta }));
    member.expected.push(
      { type: "list", producers: having("producer") },
      { type: "listConsumers", consumers: having("consumer") },
    );
    await member.client.say({ type: "list" }, { type: "listConsumers" });
    this.check();
  }

  async #leave(member: Member, how: "leave" | "lose"): Promise<void> {
    this.#endAll(member, ({ producer }) => producer === member);
    this.#endAll(member, ({ consumer }) => consumer === member);
    this.members.splice(this.members.indexOf(member), 1);
    member.roles = [];
    this.#announce(member);
    await member.client[how]();
    assertEquals(member.client.heard(), []);
    this.check();
  }

  /** A session that is or was; where there is none, an id that nobody has. */
  #any(nth: number): { readonly id: string; readonly session: Session | undefined } {
    const ids = [...this.sessions.map(({ id }) => id), ...this.#over.slice(-3), "nobody's"];
    const id = ids[nth % ids.length] ?? "";
    return { id, session: this.sessions.find((session) => session.id === id) };
  }

  #partner(session: Session | undefined, member: Member): Member | undefined {
    if (session?.producer === member) return session.consumer;
    return session?.consumer === member ? session.producer : undefined;
  }

  #announce({ client: { id }, roles, meta, isKnown }: Member): void {
    if (!isKnown) return;
    for (const other of this.members) {
      const isTold = other.client.id !== id && other.roles.includes("listener");
      if (isTold) other.expected.push(changed(id, roles, meta));
    }
  }

  #endAll(member: Member, isMeant: (session: Session) => boolean): void {
    for (const session of this.sessions.filter(isMeant)) this.#finish(session, member, null);
  }

  #finish(session: Session, member: Member, error: string | null): void {
    this.sessions.splice(this.sessions.indexOf(session), 1);
    this.#over.push(session.id);
    const other = this.#partner(session, member);
    const sessionId = session.id;
    other?.expected.push(
      other.isNew
        ? { type: "endSessionV1_1", sessionId, error }
        : { type: "endSession", sessionId },
    );
  }

  /** Everybody heard exactly what it had to; returns the ids of sessions that have begun. */
  check(): string[] {
    const ids: string[] = [];
    for (const { client, expected } of this.members) {
      const heard = client.heard().map((message, nth) => {
        const { details, sessionId } = expected[nth] ?? {};
        if (sessionId === ANY) ids.push(String(message["sessionId"]));
        return {
          ...message,
          ...(details === ANY ? { details } : {}),
          ...(sessionId === ANY ? { sessionId } : {}),
        };
      });
      assertEquals(heard.map(unordered), expected.splice(0).map(unordered));
      assertEquals([client.client.isOpen, client.client.link.faults], [true, []]);
    }
    assertEquals(this.#bench.hub.peerCount, this.members.length);
    if (ids.length === 0) this.#checkCounts();
    return ids;
  }

  /** Each of several nodes has its own count of lists, and of halves of sessions. */
  #checkCounts(): void {
    if (hubs.mode === "dealt") return;
    const known = this.members.filter(({ isKnown }) => isKnown).length;
    assertEquals(this.#bench.hub.roomCount, Math.min(known, 1));
    assertEquals(sessionsOf(this.#bench), this.sessions.length);
  }
}

/** A message whose list has an order of its own on each node, in the order of ids. */
function unordered(message: SinkMessage): SinkMessage {
  if (hubs.mode !== "dealt") return message;
  const lists = Object.entries(message).filter(([, value]) => Array.isArray(value));
  const sorted = lists.map(([name, list]) => [name, (list as unknown[]).map(asText).sort()]);
  return { ...message, ...Object.fromEntries(sorted) };
}

function asText(value: unknown): string {
  return JSON.stringify(value);
}

Deno.test("webrtcsink: each peer gets the protocol's messages once, whatever peers do, and nothing is left", async () => {
  const steps = fc.array(anyStep, { maxLength: 80, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      using bench = newSignalling({ options: { requestsPerSecond: "unlimited" } });
      const model = new Model(bench);
      for (let nth = 0; nth < 3; nth++) await model.play({ do: "connect", isNew: nth === 0 });
      for (const step of steps) await model.play(step);
      while (model.members.length > 0) await model.play({ do: "lose", who: steps.length });
      assertEquals([bench.hub.peerCount, bench.hub.roomCount, sessionsOf(bench)], [0, 0, 0]);
    }),
    { numRuns: runs(300) },
  );
});
