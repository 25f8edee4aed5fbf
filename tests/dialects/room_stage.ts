import { assert, assertEquals } from "@std/assert";
import type { Claim } from "../../src/core/peer.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import { settle, type TestClient } from "../helpers/session/hub.ts";
import { hubs } from "../helpers/session/hub_modes.ts";
import type { RoomKind, RoomNews, VoiceKind } from "../helpers/session/rooms.ts";
import { type Actor, checkMember, Life, readNews } from "./room_actor.ts";
import type { Step } from "./room_steps.ts";

const PASSING_MS = 10_000;
const BREAKDOWN = new Error("the store is away");

interface Asking {
  readonly life: Life | undefined;
  /** The claim came after the turn of its client's frame. */
  readonly isLate: boolean;
  readonly answer: PromiseWithResolvers<boolean>;
}

/** Members of rooms of one kind, their news, and the news that are due. */
class Stage implements Disposable {
  readonly actors: Actor[] = [];
  readonly #bench: DialectBench;
  readonly #kind: RoomKind;
  readonly #clients: TestClient[] = [];
  readonly #claims: Asking[] = [];
  readonly #everybody: Life[] = [];
  /** The owner of the id, or its last owner. */
  readonly #lives = new Map<string, Life>();
  #asking: Life | undefined;
  #serial = 0;
  readonly #unseen = new Set<Life>();
  /** Members that left before they had their answer: on another node they may have entered. */
  #unanswered = 0;

  constructor(dialect: Dialect, kind: RoomKind, isSlow: boolean) {
    const reserve = (claim: Claim): Promise<boolean> => {
      const answer = Promise.withResolvers<boolean>();
      const isLate = this.#asking === undefined;
      this.#claims.push({ life: this.#asking ?? this.#claimant(claim), isLate, answer });
      return answer.promise;
    };
    const { options = {} } = kind;
    this.#bench = new DialectBench(dialect, isSlow ? { options, reserve } : { options });
    this.#kind = kind;
  }

  /** Steps that return no promise can follow each other in one turn of the event loop. */
  play(step: Step): void | Promise<void> {
    switch (step.do) {
      case "join":
        return this.#join(step.voice, step.room);
      case "grant":
      case "deny":
      case "break":
        return this.#answer(step.do, step.which);
      case "talk":
        return this.#talk(this.#actor(step.who), step.to, step.words);
      case "stray":
        return this.#stray(this.#actor(step.who));
      case "describe":
        return this.#describe(this.#actor(step.who));
      case "leave":
      case "lose":
        return this.#end(this.#actor(step.who), step.do);
      case "again":
        return this.#again(this.#actor(step.who));
      case "wait":
        return pause(step.rounds);
      case "pass":
        return this.#passing(PASSING_MS);
      case "settle":
        return this.settle();
      default:
        step satisfies never;
    }
  }

  /** Everything that is under way comes to pass; then all is as it should be. */
  async settle(): Promise<void> {
    // A claim of an id may wait for an earlier one of the same id, or for the answer of other nodes.
    do {
      for (const { answer } of this.#claims.splice(0)) answer.resolve(true);
      await settle();
    } while (this.#claims.length > 0);
    await settle();
    this.#listen();
    for (const actor of this.actors) {
      const { isOpen, refusals } = actor.client;
      if (actor.state === "asking" && actor.isDenied && !isOpen) actor.state = "refused";
      if (actor.state === "refused") {
        assert(!isOpen || refusals.length > 0, `${actor.name} got no refusal`);
        actor.client.link.drop();
        actor.state = "outside";
      }
      assert(actor.state !== "asking", `${actor.name} was never answered`);
      actor.voice.wasHeard?.();
    }
    await settle();
    this.#check();
  }

  /** Everybody leaves, one half after the other, and nothing is left behind. */
  async end(): Promise<void> {
    for (const half of [0, 1]) {
      for (const [nth, actor] of this.actors.entries()) {
        if (nth % 2 === half) await this.#end(actor, nth % 4 < 2 ? "leave" : "lose");
      }
      await this.settle();
    }
    await this.#passing(60_000);
    await settle();
    assertEquals([this.#bench.hub.peerCount, this.#bench.hub.roomCount], [0, 0]);
    for (const { read } of this.#bench.gauges) assertEquals(read(), 0);
    for (const { link } of this.#clients) {
      assertEquals(link.faults.filter((fault) => fault !== BREAKDOWN), []);
      assertEquals(link.late, [], "said to somebody who had left");
    }
    this.#checkHistory();
  }

  [Symbol.dispose](): void {
    this.#bench[Symbol.dispose]();
  }

  #actor(who: number): Actor | undefined {
    return this.actors[who % this.actors.length];
  }

  async #join(nth: number, room: string): Promise<void> {
    const [first, ...more] = this.#kind.voices;
    const kind = [first, ...more][nth % (more.length + 1)] ?? first;
    const actor: Actor = {
      name: `actor-${this.actors.length}`,
      room,
      kind,
      voice: kind.create(),
      client: await this.#connect(kind),
      life: this.#begin(),
      state: "asking",
      lastId: undefined,
      isDenied: false,
      lostAtMs: 0,
      strays: 0,
      read: 0,
    };
    this.actors.push(actor);
    this.#enter(actor);
  }

  #connect({ path, isNamespace }: VoiceKind): Promise<TestClient> {
    return isNamespace ? this.#bench.connectTo(path) : this.#bench.connect(path);
  }

  /** Comes back where it is held or, by another connection, still there; joins anew where it is not. */
  async #again(actor: Actor | undefined): Promise<void> {
    if (actor === undefined || actor.state === "asking" || actor.state === "refused") return;
    if (actor.state === "inside" && this.#kind.resumeMs === undefined) return;
    const client = await this.#connect(actor.kind);
    this.#listen();
    if (actor.state === "outside") {
      actor.life = this.#begin();
      actor.state = "asking";
      actor.isDenied = false;
    }
    actor.client = client;
    actor.read = 0;
    this.#enter(actor);
  }

  #begin(): Life {
    const life = new Life(++this.#serial);
    this.#everybody.push(life);
    return life;
  }

  #enter(actor: Actor): void {
    this.#clients.push(actor.client);
    this.#asking = actor.life;
    actor.client.blurt(...actor.voice.enter(actor.name, actor.room));
    this.#asking = undefined;
  }

  #answer(how: "grant" | "deny" | "break", which: number): void {
    const [claim] = this.#claims.splice(which % (this.#claims.length || 1), 1);
    if (claim === undefined) return;
    if (how === "grant") return claim.answer.resolve(true);
    const actor = this.actors.find(({ life }) => life === claim.life);
    if (actor?.state === "asking") {
      // Such a claim may be made a few times more, because another node may have been quicker.
      if (how === "deny" && claim.isLate && hubs.mode === "dealt") actor.isDenied = true;
      else actor.state = "refused";
    }
    if (how === "deny") claim.answer.resolve(false);
    else claim.answer.reject(BREAKDOWN);
  }

  /**
   * The life of which a late claim is. Its node may know the client by a connection of another
   * node, and then the id tells.
   */
  #claimant({ id, receiver: { links } }: Claim): Life | undefined {
    const connected = this.actors.find(({ client }) => links.some((link) => link === client.link));
    const carried = ({ lastId, state }: Actor): boolean => lastId === id && state === "asking";
    return (connected ?? this.actors.find(carried))?.life;
  }

  #talk(actor: Actor | undefined, to: number, words: number): void {
    this.#listen();
    if (actor?.state !== "inside") return;
    const { life, voice, client } = actor;
    const known = [...life.witness.known];
    const id = known[to % known.length];
    const target = id === undefined ? undefined : this.#lives.get(id);
    if (id === undefined || target === undefined) return;
    for (let word = 0; word < words; word++) {
      const n = (life.said.get(target) ?? 0) + 1;
      life.said.set(target, n);
      client.blurt(voice.talk(id, life.word(target, n)));
    }
  }

  #stray(actor: Actor | undefined): void {
    this.#listen();
    if (actor?.state !== "inside") return;
    const other = this.actors.find(({ room, state, life: { witness } }) =>
      witness.id !== undefined && (room !== actor.room || state === "outside")
    );
    if (other?.life.witness.id === undefined) return;
    actor.strays++;
    actor.client.blurt(actor.voice.talk(other.life.witness.id, "to nobody"));
  }

  #describe(actor: Actor | undefined): void {
    const frame = actor?.voice.describe?.(`description ${++this.#serial}`);
    if (frame !== undefined && actor?.state === "inside") actor.client.blurt(frame);
  }

  #end(actor: Actor | undefined, how: "leave" | "lose"): void | Promise<void> {
    if (how === "leave" || this.#kind.resumeMs === undefined) return this.#endNow(actor, how);
    // A returning member continues to count: its earlier messages must have arrived.
    return settle().then(() => this.#endNow(actor, how));
  }

  #endNow(actor: Actor | undefined, how: "leave" | "lose"): void {
    this.#listen();
    if (actor === undefined || actor.state === "outside" || actor.state === "absent") return;
    if (actor.state === "asking" && hubs.mode === "dealt") this.#unanswered++;
    const isHeld = how === "lose" && actor.state === "inside" && this.#kind.resumeMs !== undefined;
    actor.state = isHeld ? "absent" : "outside";
    actor.lostAtMs = this.#bench.clock.now();
    if (how === "leave") actor.client.link.drop();
    else actor.client.cut();
  }

  /** Other nodes answer before time passes. */
  #passing(ms: number): void | Promise<void> {
    return hubs.mode === "dealt" ? settle().then(() => this.#pass(ms)) : this.#pass(ms);
  }

  #pass(ms: number): void {
    this.#bench.clock.advance(ms);
    const before = this.#bench.clock.now() - (this.#kind.resumeMs ?? 0);
    for (const actor of this.actors) {
      if (actor.state === "absent" && actor.lostAtMs <= before) actor.state = "outside";
    }
  }

  /** Everybody takes in what has come. */
  #listen(): void {
    const fresh = this.actors.map((actor) => ({ actor, news: readNews(actor) }));
    for (const { actor, news } of fresh) {
      for (const one of news) {
        if (one.type !== "entered") continue;
        this.#lives.set(one.id, actor.life);
        actor.lastId = one.id;
      }
    }
    for (const { actor, news } of fresh) for (const one of news) this.#take(actor, one);
  }

  #take(actor: Actor, news: RoomNews): void {
    const { life } = actor;
    for (const [id, source] of life.witness.take(news)) {
      const other = this.#life(id);
      // A returning member is informed again of the members that it has met.
      if (!life.met.has(other) || news.type === "joined") life.met.set(other, source);
    }
    switch (news.type) {
      case "entered":
        assert(actor.state !== "refused", "it was let in without an id");
        actor.state = "inside";
        actor.isDenied = false;
        return;
      case "heard": {
        const sender = this.#life(news.from);
        const n = (life.heard.get(sender) ?? 0) + 1;
        assertEquals(news.word, sender.word(life, n), "words are lost or out of order");
        life.heard.set(sender, n);
        return;
      }
      case "refused":
        if (actor.state === "asking" && actor.isDenied) actor.state = "refused";
        assert(
          actor.state === "refused" || this.#hasLostListener(life) || actor.strays-- > 0,
          "refused without a reason",
        );
    }
  }

  /** It has talked to somebody who has left, perhaps while its words were on their way. */
  #hasLostListener({ said }: Life): boolean {
    const gone = this.actors.filter(({ state }) => state === "outside").map(({ life }) => life);
    const here = this.actors.map(({ life }) => life);
    return [...said.keys()].some((life) => gone.includes(life) || !here.includes(life));
  }

  #life(id: string): Life {
    let life = this.#lives.get(id);
    if (life === undefined && this.#unanswered > 0) {
      this.#unanswered--;
      life = new Life(++this.#serial);
      this.#unseen.add(life);
      this.#lives.set(id, life);
    }
    assert(life !== undefined, `told of ${id}, who was never here`);
    return life;
  }

  /** Checks the state between steps. */
  #check(): void {
    const members = this.actors.filter(({ state }) => state === "inside" || state === "absent");
    const rooms = Map.groupBy(members, ({ room }) => room);
    assertEquals(
      [this.#bench.hub.peerCount, this.#bench.hub.roomCount],
      [members.length, rooms.size],
    );
    for (const mates of rooms.values()) {
      for (const actor of mates) if (actor.state === "inside") checkMember(actor, mates);
    }
  }

  /** Exactly one of any two members that were together found the other. */
  #checkHistory(): void {
    for (const life of this.#everybody) {
      for (const [other, source] of life.met) {
        const theirs = other.met.get(life);
        // Only who had left already, or was away, need not have learned of a newcomer.
        if (this.#unseen.has(other)) continue;
        if (theirs === undefined) assertEquals(source, "found");
        else assert(theirs !== source, `both learned of each other alike: ${source}`);
      }
    }
  }
}

async function pause(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) await Promise.resolve();
}

/** Lets the steps happen, and whatever must follow; returns how many there were in all. */
export async function play(
  dialect: Dialect,
  kind: RoomKind,
  { isSlow, steps }: { isSlow: boolean; steps: readonly Step[] },
): Promise<number> {
  using stage = new Stage(dialect, kind, isSlow);
  for (const step of steps) {
    const pending = stage.play(step);
    if (pending !== undefined) await pending;
  }
  await stage.settle();
  // With nothing under way everybody can be talked to, in what is now known to be its words.
  for (let round = 0; round < 2; round++) {
    for (const who of stage.actors.keys()) {
      await stage.play({ do: "talk", who, to: who + round, words: 4 });
    }
    await stage.settle();
  }
  const { length } = stage.actors;
  await stage.end();
  return length;
}
