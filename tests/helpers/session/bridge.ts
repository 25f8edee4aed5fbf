import { type CallEvent, type CallLimits, Calls } from "../../../src/core/calls/calls.ts";
import type { Abroad } from "../../../src/core/calls/abroad.ts";
import type { Hub } from "../../../src/core/hub.ts";
import type { Judge } from "../../../src/auth/authenticator.ts";
import type { RoomId } from "../../../src/core/events.ts";
import type { Dialect, IdOperations, RoomOperations } from "../../../src/dialects/dialect.ts";
import { gstreamer } from "../../../src/dialects/gstreamer/mod.ts";
import { owt } from "../../../src/dialects/owt/mod.ts";
import { peerjs } from "../../../src/dialects/peerjs/mod.ts";
import { simple } from "../../../src/dialects/simple/mod.ts";
import { ssp } from "../../../src/dialects/ssp/mod.ts";
import { webrtcsink } from "../../../src/dialects/webrtcsink/mod.ts";
import { dealHubs } from "../cluster/dealt.ts";
import { DialectBench } from "./dialect.ts";
import { FakeClock } from "./fake_clock.ts";
import { newTestHub, NO_LIMITS, type TestClient } from "./hub.ts";
import { hubs } from "./hub_modes.ts";
import { WIDE_CALLS } from "./legs.ts";

const REALM = "bridged";
const BRIDGED: readonly Dialect[] = [peerjs, gstreamer, ssp, simple, owt, webrtcsink];

export interface BridgeTestOptions {
  readonly lobby?: RoomId;
  readonly limits?: Partial<CallLimits>;
  /** How many hubs "dealt" ones are; two elsewhere. */
  readonly nodes?: number;
  /** The dialects share their ids and rooms, and no call leads from one to another. */
  readonly hasNoCalls?: true;
  /** Judges the tokens of all dialects; without one nobody needs a token. */
  readonly judge?: Judge;
  /** Options of dialects, by name. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The bridgeable dialects at work in one realm, reached by their routes but for the network. */
export class BridgeBench implements Disposable {
  readonly clock = new FakeClock();
  readonly events: CallEvent[] = [];
  readonly hub: Hub;
  /** The names of the records of peers that know each other outside of rooms. */
  readonly pairs: () => string[];
  readonly #undo = new DisposableStack();
  /** One for each node, of which there is one but for "dealt" hubs. */
  readonly #calls: Calls[] = [];
  readonly #nodes: readonly (readonly DialectBench[])[];
  #dealt = 0;

  constructor(
    { lobby, limits, nodes, hasNoCalls, judge, options = {} }: BridgeTestOptions = {},
  ) {
    const named = lobby === undefined ? undefined : { realm: REALM, room: lobby };
    const abroad = (): Abroad & { readonly calls: Calls } => {
      const rules = { ...WIDE_CALLS, ...limits };
      const calls = new Calls(rules, this.clock, (event) => this.events.push(event));
      this.#calls.push(calls);
      return { calls, lobby: named };
    };
    const dealt = hubs.mode === "dealt"
      ? this.#undo.use(dealHubs(NO_LIMITS, undefined, hasNoCalls ? undefined : abroad, nodes))
      : undefined;
    this.pairs = () => dealt?.pairs() ?? [];
    this.hub = dealt?.asOne ?? newTestHub({}, hasNoCalls ? undefined : abroad());
    this.#nodes = (dealt?.hubs ?? [this.hub]).map((hub) => {
      const bridge = { hub, clock: this.clock, realm: REALM };
      return BRIDGED.map((dialect) => {
        const own = { bridge, judge, options: options[dialect.name] ?? {} };
        return this.#undo.use(new DialectBench(dialect, own));
      });
    });
  }

  /** The calls under way. */
  get calls(): { readonly count: number } {
    return { count: this.#calls.reduce((sum, { count }) => sum + count, 0) };
  }

  /** The operators' actions of a dialect, if it has any. */
  operationsOf(dialect: string): RoomOperations | undefined {
    return this.#benchOf(dialect).open.operations;
  }

  idsOf(dialect: string): IdOperations | undefined {
    return this.#benchOf(dialect).open.ids;
  }

  /** A dialect at work. */
  bench(dialect: string): DialectBench {
    return this.#benchOf(dialect);
  }

  /** A dialect at work on one node. */
  at(node: number, dialect: string): DialectBench {
    const bench = this.#nodes[node]?.find(({ name }) => name === dialect);
    if (bench === undefined) throw new RangeError(`Cannot use ${dialect} on node ${node}`);
    return bench;
  }

  /** Asks PeerJS for a plain resource. */
  get(target: string): Response | undefined {
    return this.#nodes[0]?.[0]?.get(target);
  }

  /** A client at a path, which has said nothing yet. */
  connect(dialect: string, target: string): Promise<TestClient> {
    return this.#benchOf(dialect).connect(target);
  }

  /** A client in a Socket.IO namespace, which has said nothing yet. */
  connectTo(dialect: string, namespace: string): Promise<TestClient> {
    return this.#benchOf(dialect).connectTo(namespace);
  }

  /** A PeerJS client, which has read its OPEN. */
  async peerjs(id: string, token = "t"): Promise<TestClient> {
    const client = await this.#benchOf("peerjs").connect(
      `/peerjs?key=peerjs&id=${id}&token=${token}`,
    );
    client.heard();
    return client;
  }

  /** A GStreamer client, which has read its HELLO. */
  async gstreamer(uid: string): Promise<TestClient> {
    const client = await this.#benchOf("gstreamer").connect("/gst");
    await client.say(`HELLO ${uid}`);
    client.heard();
    return client;
  }

  /** A client that joins a pool of ssp, and its id. */
  async ssp(pool: string, path = "/ssp"): Promise<{ client: TestClient; id: string }> {
    const client = await this.#benchOf("ssp").connect(path);
    await client.say(JSON.stringify({ type: "rtc:join", data: { pool } }));
    const joined = JSON.parse(String(client.sent[0]));
    return { client, id: joined.data.client_id };
  }

  /** A client of Simple in a room, which has read its handshake, and its id. */
  async simple(room: string, more: object = {}): Promise<{ client: TestClient; id: string }> {
    const client = await this.#benchOf("simple").connect("/simple");
    await client.say(JSON.stringify({ event: "join", room, ...more }));
    const [handshake] = client.heardJson() as [{ p_id: string }];
    return { client, id: handshake.p_id };
  }

  /** An OWT client, which has logged in. */
  async owt(id: string): Promise<TestClient> {
    const client = await this.#benchOf("owt").connectTo("/");
    await client.say(`2["authentication",${JSON.stringify({ token: id })}]`);
    client.heard();
    return client;
  }

  /** A client of webrtcsink with these roles, and its id. */
  async webrtcsink(...roles: string[]): Promise<{ client: TestClient; id: string }> {
    const client = await this.#benchOf("webrtcsink").connect("/webrtcsink");
    const [welcome] = client.heardJson() as [{ peerId: string }];
    const id = welcome.peerId;
    await client.say(JSON.stringify({ type: "setPeerStatus", roles, meta: null, peerId: id }));
    client.heard();
    return { client, id };
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
  }

  /** The dialect at work on the next node. */
  #benchOf(dialect: string): DialectBench {
    return this.at(this.#dealt++ % this.#nodes.length, dialect);
  }
}
