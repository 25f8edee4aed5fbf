import { type Action, type Fault, groupOf, NODES } from "./chaos_plan.ts";
import { ChaosClient } from "./chaos_client.ts";
import { Outages } from "./chaos_outages.ts";
import type { EngineCopy } from "./commands.ts";
import { MemoryCluster, type MemoryNode } from "./memory_cluster.ts";

/** How long a client's step waits for the engine. */
const WAIT_MS = 2_000;
/** How often the owners of ids are compared. */
const LOOK_MS = 250;
/** A node that had no trouble for so long knows what it owns. */
const SETTLED_MS = 3_500;
/** Everybody knows of a client so long after its admission. */
const KNOWN_MS = 1_000;

/** A message that a client has sent. */
export interface SentMessage {
  readonly from: ChaosClient;
  readonly to: string;
  /** The outcome, where the sender waits for one. */
  outcome: string | undefined;
  readonly isAwaited: boolean;
}

/** A run of a plan over nodes in this process. */
export class Chaos implements AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly clients: ChaosClient[] = [];
  /** By their payloads. */
  readonly sent = new Map<string, SentMessage>();
  /** Exceptions of a hub's steps. */
  readonly faults: unknown[] = [];
  readonly outages: Outages;
  readonly #troubledAt = new Map<MemoryNode, number>();
  readonly #ends = new Set<() => void>();
  #isEngineFaulty = false;
  #copy: EngineCopy | undefined;
  #infos = 0;

  private constructor(cluster: MemoryCluster) {
    this.cluster = cluster;
    this.outages = new Outages(cluster.clock.now);
  }

  static async begin(seed: number): Promise<Chaos> {
    const options = { seed, nodes: NODES, delayMs: 6, waitMs: WAIT_MS, stragglers: 0.3 };
    return new Chaos(await MemoryCluster.form(options));
  }

  get present(): ChaosClient[] {
    return this.clients.filter(({ isPresent }) => isPresent);
  }

  /** The client that has an id: the newest one, where a node does not know that its own has lost it. */
  find(id: string): ChaosClient | undefined {
    return this.present.findLast((client) => client.id === id);
  }

  async run(plan: readonly Action[]): Promise<void> {
    for (const action of plan) {
      if (action.do === "wait") await this.pass(action.ms);
      else this.#act(action);
    }
  }

  /** Ends all faults. */
  heal(): void {
    for (const end of [...this.#ends]) end();
  }

  /** Lets time pass, and looks on the way whether ids have one owner each. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= LOOK_MS) {
      await this.cluster.pass(Math.min(LOOK_MS, left));
      this.#look();
    }
  }

  claim(
    id: string,
    node: MemoryNode,
  ): { readonly client: ChaosClient; readonly done: Promise<void> } {
    const client = new ChaosClient(id, node, this.cluster.clock.now);
    this.clients.push(client);
    const group = groupOf(id);
    const done = this.#watch(node.hub.claim({
      realm: "test",
      id,
      dialect: group,
      receiver: client,
      isExclusive: group === "exclusive",
      ...(group === "proven" ? { proof: `proof of ${id}` } : {}),
    }));
    return { client, done };
  }

  leave(client: ChaosClient): void {
    client.isGone = true;
    client.home.hub.release(client.peer, client);
  }

  /** Sends under a number of its own. @param isAwaited the sender waits for the outcome */
  send(from: ChaosClient, to: string, isAwaited: boolean): string {
    const payload = `m${this.sent.size + 1}`;
    const message: SentMessage = { from, to, isAwaited, outcome: undefined };
    this.sent.set(payload, message);
    const { hub } = from.home;
    const receiver = hub.find("test", to)?.receiver;
    const isHere = receiver !== undefined && receiver.isElsewhere !== true &&
      !hub.elsewhere.isBehind(from.peer, to);
    if (isHere || !isAwaited) {
      const outcome = hub.send(from.peer, to, payload);
      if (isHere || outcome !== "sent") message.outcome = outcome;
    } else {
      void this.#watch(
        hub.elsewhere.pass(from.peer, to, payload).then((outcome) => {
          message.outcome = outcome;
        }),
      );
    }
    return payload;
  }

  #act(action: Exclude<Action, { do: "wait" }>): void {
    switch (action.do) {
      case "claim": {
        const node = this.cluster.at(action.at);
        return node.clock.isStopped ? undefined : void this.claim(action.id, node);
      }
      case "leave":
      case "join":
      case "describe":
      case "send":
      case "pass":
      case "pair":
        return this.#step(action);
      default:
        return this.#fail(action);
    }
  }

  #step(action: Extract<Action, { id: string }> & { readonly to?: string }): void {
    const client = this.find(action.id);
    // A process that stands still reads what its clients send when it goes on: they wait for that.
    if (client === undefined || client.home.clock.isStopped) return;
    const { peer, home: { hub } } = client;
    const { to = "" } = action;
    switch (action.do) {
      case "leave":
        return this.leave(client);
      case "join":
        return this.#ask(client, () => hub.join(peer, { room: `room of ${groupOf(client.id)}` }));
      case "pair":
        return this.#ask(client, () => hub.pair(peer, to));
      case "describe": {
        const info = `info ${++this.#infos}`;
        return this.#ask(client, () => hub.describe(peer, { info, bytes: info.length }));
      }
      default:
        this.send(client, to, action.do === "pass");
    }
  }

  /** A session of one client asks for one thing at a time. */
  #ask(client: ChaosClient, ask: () => void | Promise<void>): void {
    if (client.isAsking) return;
    client.isAsking = true;
    void this.#watch(ask()).then(() => client.isAsking = false);
  }

  #fail(fault: Fault): void {
    const { cluster, cluster: { engine } } = this;
    switch (fault.do) {
      case "break":
        for (const node of cluster.nodes) this.#trouble(node);
        return engine.breakConnections();
      case "copy":
        this.#copy = engine.data.copy();
        return;
      case "kill": {
        const { keeps, ms } = fault;
        const copy = this.#copy;
        const kept = keeps === "copy" && copy !== undefined ? copy : keeps !== "nothing";
        return this.#failEngine(ms, () => engine.kill(), () => engine.start({ keeps: kept }));
      }
      case "freeze":
        return this.#failEngine(fault.ms, () => engine.freeze(), () => engine.thaw());
      case "refuse": {
        const end = (): void => engine.refuse(undefined);
        return this.#failEngine(fault.ms, () => engine.refuse(fault.why), end);
      }
      case "cut":
        return this.#failNode(fault, ({ link }) => link.cut(), ({ link }) => link.heal());
      case "stop":
        return this.#failNode(fault, ({ clock }) => clock.stop(), ({ clock }) => clock.resume());
      case "crash":
        return this.#crash(cluster.at(fault.at), fault.at, fault.isNamedAlike);
      default:
        fault satisfies never;
    }
  }

  #failEngine(ms: number, begin: () => void, end: () => void): void {
    if (this.#isEngineFaulty) return;
    this.#isEngineFaulty = true;
    const isOver = this.outages.begin();
    begin();
    this.#last(ms, () => {
      this.#isEngineFaulty = false;
      isOver();
      end();
    });
  }

  #failNode(
    { at, ms }: { readonly at: number; readonly ms: number },
    begin: (node: MemoryNode) => void,
    end: (node: MemoryNode) => void,
  ): void {
    const node = this.cluster.at(at);
    const isOver = this.outages.begin(node);
    begin(node);
    this.#last(ms, () => {
      isOver();
      // A process that was killed meanwhile stays dead.
      if (this.cluster.nodes.includes(node)) end(node);
    });
  }

  /** Has a fault end in time. */
  #last(ms: number, heal: () => void): void {
    const end = (): void => {
      // It has ended before.
      if (!this.#ends.delete(end)) return;
      this.#noteTrouble();
      heal();
    };
    this.#ends.add(end);
    this.cluster.clock.after(ms, end);
    this.#noteTrouble();
  }

  #crash(old: MemoryNode, at: number, isNamedAlike: boolean): void {
    for (const client of this.clients) if (client.home === old) client.isGone = true;
    const name = isNamedAlike ? old.node.node : `${old.node.node}x`;
    this.cluster.replace(at, name);
    this.#trouble(this.cluster.at(at));
  }

  /** Some nodes may not know what they own at this moment. */
  #noteTrouble(): void {
    for (const node of this.cluster.nodes) {
      const isCut = !node.link.isWhole || node.clock.isStopped;
      if (isCut || this.#isEngineFaulty) this.#trouble(node);
    }
  }

  #trouble(node: MemoryNode): void {
    this.#troubledAt.set(node, this.cluster.clock.now());
  }

  #look(): void {
    this.#noteTrouble();
    this.outages.look(this.clients);
    const now = this.cluster.clock.now();
    const owners = new Map<string, ChaosClient>();
    for (const client of this.present) {
      const since = this.#troubledAt.get(client.home) ?? 0;
      const isKnown = now - (client.admittedAt ?? now) > KNOWN_MS;
      if (now - since <= SETTLED_MS || !isKnown) continue;
      if (owners.has(client.id)) throw new Error(`${client.id} has two owners`);
      owners.set(client.id, client);
    }
  }

  /** A hub's step ends with an exception only by a fault of the hub. */
  async #watch(step: void | Promise<void>): Promise<void> {
    try {
      await step;
    } catch (error) {
      this.faults.push(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    await this.cluster[Symbol.asyncDispose]();
  }
}
