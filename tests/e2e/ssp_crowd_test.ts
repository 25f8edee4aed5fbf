import { assert, assertEquals } from "@std/assert";
import type { Frame } from "../../src/core/session.ts";
import { MIXED_POOL, voiceAt } from "../dialects/ssp/voice.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { RoomWitness, type Source, type VoiceKind } from "../helpers/session/rooms.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Section 4 of protocols/ssp.md over real sockets; every order of steps is tried in tests/dialects.

const MEMBERS = 160;
const WORDS = 12;
/** At `/` a client is known by its first frame. */
const KINDS: readonly VoiceKind[] = [...MIXED_POOL.voices, { ...voiceAt("auto"), path: "/" }];

/** A member with a socket of its own. */
class Member implements AsyncDisposable {
  readonly witness = new RoomWitness();
  readonly met = new Map<string, Source>();
  readonly #client: WsClient;
  readonly #kind: VoiceKind;
  readonly #voice: ReturnType<VoiceKind["create"]>;
  /** The newest word of each. */
  readonly #heard = new Map<string, number>();
  #said = 0;
  heard = 0;
  isGone = false;
  fault: unknown;

  constructor(client: WsClient, kind: VoiceKind) {
    this.#client = client;
    this.#kind = kind;
    this.#voice = kind.create();
  }

  static async join({ wsUrl }: TestServer, kind: VoiceKind): Promise<Member> {
    const path = kind.isNamespace ? "/socket.io/?EIO=4&transport=websocket" : kind.path;
    const member = new Member(await WsClient.open(wsUrl + path), kind);
    if (kind.isNamespace) member.#client.send(`40${kind.path},`);
    member.#say(...member.#voice.enter("", "p"));
    member.#listen().catch((error) => member.fault ??= member.isGone ? undefined : error);
    return member;
  }

  /** Says something to one of those it knows. */
  talk(): void {
    const known = [...this.witness.known];
    const to = known[Math.floor(known.length * Math.random())];
    if (to !== undefined) this.#say(this.#voice.talk(to, `${this.#said++}`));
  }

  describe(): void {
    const frame = this.#voice.describe?.("somebody");
    if (frame !== undefined && this.witness.id !== undefined) this.#say(frame);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isGone = true;
    await this.#client.close();
  }

  #say(...frames: readonly Frame[]): void {
    for (const frame of frames) {
      const text = String(frame);
      this.#client.send(this.#kind.isNamespace ? `42${this.#kind.path},${text.slice(1)}` : text);
    }
  }

  async #listen(): Promise<void> {
    while (!this.isGone) this.#take(await this.#client.nextText());
  }

  #take(frame: string): void {
    const head = `42${this.#kind.path},`;
    if (this.#kind.isNamespace && !frame.startsWith(head)) {
      if (frame === "2") this.#client.send("3");
      return;
    }
    const news = this.#voice.read(this.#kind.isNamespace ? `2${frame.slice(head.length)}` : frame);
    if (news === undefined) return;
    for (const [id, source] of this.witness.take(news)) {
      assert(!this.met.has(id), "an id is used twice");
      this.met.set(id, source);
    }
    if (news.type !== "heard") return;
    assert(Number(news.word) > (this.#heard.get(news.from) ?? -1), "words are out of order");
    this.#heard.set(news.from, Number(news.word));
    this.heard++;
  }
}

Deno.test(`ssp: ${MEMBERS} members of all kinds that come, talk and go at once get sensible news`, async () => {
  await using server = startTestServer();
  {
    await using all = new AsyncDisposableStack();
    const stay = new Set<Member>();
    const live = async (nth: number): Promise<void> => {
      await passTurns(server, 40);
      const kind = KINDS[nth % KINDS.length] ?? MIXED_POOL.voices[0];
      const member = all.use(await Member.join(server, kind));
      stay.add(member);
      for (let word = 0; word < WORDS; word++) {
        await passTurns(server, 3);
        member.talk();
        if (word === WORDS / 2) member.describe();
      }
      if (nth % 3 > 0) return;
      stay.delete(member);
      await member[Symbol.asyncDispose]();
    };
    await Promise.all(Array.from({ length: MEMBERS }, (_, nth) => live(nth)));

    const ids = () => [...stay].map(({ witness }) => witness.id).sort();
    const knows = ({ witness: { known, id } }: Member) => [...known, id].sort();
    const isSettled = () => [...stay].every((one) => knows(one).join() === ids().join());
    await until("all to know each other", isSettled);
    for (const one of stay) {
      assertEquals(one.fault, undefined);
      for (const other of stay) {
        if (one === other) continue;
        const sources = [one.met.get(`${other.witness.id}`), other.met.get(`${one.witness.id}`)];
        assertEquals(sources.sort(), ["announced", "found"]);
      }
    }
    assert([...stay].reduce((sum, { heard }) => sum + heard, 0) > MEMBERS);
  }
  await assertEmpty(server.url);
});

/** Lets the server handle other members for a random while: each turn is a request and its answer. */
async function passTurns(server: TestServer, most: number): Promise<void> {
  const turns = Math.floor((most + 1) * Math.random());
  for (let turn = 0; turn < turns; turn++) await server.gauge("signalbox_peers");
}
