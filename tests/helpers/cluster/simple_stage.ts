import { assert, assertEquals } from "@std/assert";
import type { Judge } from "../../../src/auth/authenticator.ts";
import type { StreamRoute } from "../../../src/http/route.ts";
import type { FakeLink } from "../session/fake_link.ts";
import { TestClient } from "../session/hub.ts";
import { DialectBench, type DialectTestOptions } from "../session/dialect.ts";
import type { Credentials, SimpleFrame } from "../session/simple.ts";
import { visitOf } from "../session/visit.ts";
import { simple } from "../../../src/dialects/simple/mod.ts";
import { MemoryCluster } from "./memory_cluster.ts";
import { type OpenStage, type Stage, stageOver } from "./stages.ts";

/** Secrets are good on every node. */
const OPTIONS = { secret: "the same on all nodes" };

/** A client of one of two nodes, and the frames that it has not looked at yet. */
export class NodeClient {
  readonly client: TestClient;
  readonly #stage: Stage;
  #frames: SimpleFrame[] = [];
  credentials: Credentials = { p_id: "", p_secret: "", p_instance: 0 };

  constructor(client: TestClient, stage: Stage) {
    this.client = client;
    this.#stage = stage;
  }

  get id(): string {
    return this.credentials.p_id;
  }

  get closing(): unknown {
    return this.client.closing;
  }

  say(...frames: readonly SimpleFrame[]): void {
    this.client.blurt(...frames.map((frame) => JSON.stringify(frame)));
  }

  /** Frames that came and were not taken yet. */
  get frames(): readonly SimpleFrame[] {
    // The comparison checks the server's frames.
    this.#frames.push(...this.client.heardJson() as SimpleFrame[]);
    return this.#frames;
  }

  /** Takes all frames that have come. */
  take(): SimpleFrame[] {
    const { frames } = this;
    this.#frames = [];
    return [...frames];
  }

  /** Takes the next frames, once there are as many. */
  async next(count: number): Promise<SimpleFrame[]> {
    await this.#stage.until(`${count} frames`, () => this.frames.length >= count);
    return this.#frames.splice(0, count);
  }

  /** Joins, and takes handshake and `ready`. */
  async join(more: SimpleFrame = {}): Promise<{ handshake: SimpleFrame; ready: SimpleFrame }> {
    this.say({ event: "join", room: "r", ...more });
    const [handshake = {}, ready = {}] = await this.next(2);
    assertEquals(ready["event"], "ready", JSON.stringify([handshake, ready]));
    this.credentials = {
      p_id: String(handshake["p_id"]),
      p_secret: String(ready["p_secret"]),
      p_instance: Number(ready["p_instance"]),
    };
    return { handshake, ready };
  }

  async closed(): Promise<unknown> {
    await this.#stage.until("the end", () => !this.client.isOpen);
    return this.closing;
  }
}

/** Simple Signalling on two nodes. */
export class SimpleStage implements AsyncDisposable {
  readonly stage: Stage;
  readonly benches: readonly [DialectBench, DialectBench];

  private constructor(
    stage: Stage,
    options: Readonly<Record<string, unknown>>,
    judge: Judge | undefined,
  ) {
    this.stage = stage;
    const { clock, hubs: [first, second] } = stage;
    const test = (hub: DialectBench["hub"]): DialectTestOptions => ({
      options: { ...OPTIONS, ...options },
      on: { hub, clock },
      judge,
    });
    const bench = new DialectBench(simple, test(first));
    this.benches = [bench, first === second ? bench : new DialectBench(simple, test(second))];
  }

  static async open(
    open: OpenStage,
    options: Readonly<Record<string, unknown>> = {},
    judge?: Judge,
  ): Promise<SimpleStage> {
    return new SimpleStage(await open(), options, judge);
  }

  async connect(at: 0 | 1, query = ""): Promise<NodeClient> {
    return new NodeClient(await this.benches[at].connect(`/simple${query}`), this.stage);
  }

  async enter(at: 0 | 1, more: SimpleFrame = {}): Promise<NodeClient> {
    const client = await this.connect(at);
    await client.join(more);
    return client;
  }

  /** Posts a frame, and lets time pass until the answer. */
  async post(at: 0 | 1, frame: SimpleFrame): Promise<[status: number, answer: SimpleFrame]> {
    const answers: [status: number, answer: SimpleFrame][] = [];
    void this.posting(at, frame).then((answer) => answers.push(answer));
    await this.stage.until("the answer", () => answers.length > 0);
    const [answer] = answers;
    assert(answer !== undefined);
    return answer;
  }

  /** Posts a frame. */
  async posting(at: 0 | 1, frame: SimpleFrame): Promise<[status: number, answer: SimpleFrame]> {
    const route = this.#streamRoute(at);
    const outcome = await route.post(visitOf("/simple"), {
      method: "POST",
      body: JSON.stringify(frame),
      lastEventId: undefined,
    });
    const response = "response" in outcome ? outcome.response : route.refuse(outcome.refusal);
    return [response.status, await response.json()];
  }

  /** Opens an event stream; its frames are the events' texts. */
  stream(at: 0 | 1, query: string, lastEventId?: string): StreamClient {
    const route = this.#streamRoute(at);
    const visit = visitOf(`/simple${query}`);
    const posting = { method: "GET", body: "", lastEventId } as const;
    const client = new TestClient((link) => route.connect(visit, link, posting), route.limits);
    client.pump.open();
    return new StreamClient(client, this.stage);
  }

  #streamRoute(at: 0 | 1): StreamRoute {
    const route = this.benches[at].routes.find((route) => route.kind === "stream");
    if (route?.kind !== "stream") throw new Error("Cannot post: there is no such route");
    return route;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const bench of this.benches) bench[Symbol.dispose]();
    await this.stage[Symbol.asyncDispose]();
  }
}

/** A client of an event stream. */
export class StreamClient {
  readonly client: TestClient;
  readonly #stage: Stage;

  constructor(client: TestClient, stage: Stage) {
    this.client = client;
    this.#stage = stage;
  }

  get link(): FakeLink {
    return this.client.link;
  }

  /** The events so far. */
  get events(): string[] {
    return this.client.sent.map((text) => /^event: (\w+)/.exec(String(text))?.[1] ?? "");
  }

  /** The newest id. */
  get lastId(): string {
    return this.client.sent.map((text) => /^id: (.*)$/m.exec(String(text))?.[1]).findLast(
      (id) => id !== undefined,
    ) ?? "";
  }

  async heard(count: number): Promise<string[]> {
    await this.#stage.until(`${count} events`, () => this.events.length >= count);
    return this.events;
  }
}

/** Two room-mates of different nodes, over an engine in memory. */
export interface Couple extends AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly stage: SimpleStage;
  /** At home on the first node. */
  readonly fred: NodeClient;
  /** At home on the second node. */
  readonly barney: NodeClient;
}

/** @param delayMs of the engine, each way */
export async function enterCouple(delayMs: number): Promise<Couple> {
  const cluster = await MemoryCluster.form({ delayMs });
  const stage = await SimpleStage.open(() => Promise.resolve(stageOver(cluster)));
  const [fred, barney] = [await stage.enter(0), await stage.enter(1)];
  await fred.next(1);
  return {
    cluster,
    stage,
    fred,
    barney,
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}
