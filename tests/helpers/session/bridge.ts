import { type CallEvent, type CallLimits, Calls } from "../../../src/core/calls.ts";
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
import { DialectBench } from "./dialect.ts";
import { FakeClock } from "./fake_clock.ts";
import { newTestHub, type TestClient } from "./hub.ts";
import { WIDE_CALLS } from "./legs.ts";

const REALM = "bridged";

export interface BridgeTestOptions {
  readonly lobby?: RoomId;
  readonly limits?: Partial<CallLimits>;
  /** Judges the tokens of all dialects; without one nobody needs a token. */
  readonly judge?: Judge;
  /** Options of dialects, by name. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The bridgeable dialects at work in one realm, reached by their routes but for the network. */
export class BridgeBench implements Disposable {
  readonly clock = new FakeClock();
  readonly events: CallEvent[] = [];
  readonly calls: Calls;
  readonly hub: Hub;
  readonly #benches: readonly DialectBench[];

  constructor({ lobby, limits, judge, options = {} }: BridgeTestOptions = {}) {
    this.calls = new Calls(
      { ...WIDE_CALLS, ...limits },
      this.clock,
      (event) => this.events.push(event),
    );
    const named = lobby === undefined ? undefined : { realm: REALM, room: lobby };
    this.hub = newTestHub({}, { calls: this.calls, lobby: named });
    const bridge = { hub: this.hub, clock: this.clock, realm: REALM };
    this.#benches = [peerjs, gstreamer, ssp, simple, owt, webrtcsink].map((dialect: Dialect) => {
      return new DialectBench(dialect, { bridge, judge, options: options[dialect.name] ?? {} });
    });
  }

  /** The operators' actions of a dialect, if it has any. */
  operationsOf(dialect: string): RoomOperations | undefined {
    return this.#benches.find(({ name }) => name === dialect)?.open.operations;
  }

  idsOf(dialect: string): IdOperations | undefined {
    return this.#benches.find(({ name }) => name === dialect)?.open.ids;
  }

  /** A dialect at work. */
  bench(dialect: string): DialectBench {
    return this.#bench(this.#benches.findIndex(({ name }) => name === dialect));
  }

  /** Asks PeerJS for a plain resource. */
  get(target: string): Response | undefined {
    return this.#bench(0).get(target);
  }

  /** A client at a path, which has said nothing yet. */
  connect(dialect: string, target: string): Promise<TestClient> {
    return this.#connect(this.#benches.findIndex(({ name }) => name === dialect), target);
  }

  /** A client in a Socket.IO namespace, which has said nothing yet. */
  connectTo(dialect: string, namespace: string): Promise<TestClient> {
    return this.#bench(this.#benches.findIndex(({ name }) => name === dialect)).connectTo(
      namespace,
    );
  }

  /** A PeerJS client, which has read its OPEN. */
  async peerjs(id: string, token = "t"): Promise<TestClient> {
    const client = await this.#connect(0, `/peerjs?key=peerjs&id=${id}&token=${token}`);
    client.heard();
    return client;
  }

  /** A GStreamer client, which has read its HELLO. */
  async gstreamer(uid: string): Promise<TestClient> {
    const client = await this.#connect(1, "/gst");
    await client.say(`HELLO ${uid}`);
    client.heard();
    return client;
  }

  /** A client that joins a pool of ssp, and its id. */
  async ssp(pool: string, path = "/ssp"): Promise<{ client: TestClient; id: string }> {
    const client = await this.#connect(2, path);
    await client.say(JSON.stringify({ type: "rtc:join", data: { pool } }));
    const joined = JSON.parse(String(client.sent[0]));
    return { client, id: joined.data.client_id };
  }

  /** A client of Simple in a room, which has read its handshake, and its id. */
  async simple(room: string, more: object = {}): Promise<{ client: TestClient; id: string }> {
    const client = await this.#connect(3, "/simple");
    await client.say(JSON.stringify({ event: "join", room, ...more }));
    const [handshake] = client.heardJson() as [{ p_id: string }];
    return { client, id: handshake.p_id };
  }

  /** An OWT client, which has logged in. */
  async owt(id: string): Promise<TestClient> {
    const client = await this.#bench(4).connectTo("/");
    await client.say(`2["authentication",${JSON.stringify({ token: id })}]`);
    client.heard();
    return client;
  }

  /** A client of webrtcsink with these roles, and its id. */
  async webrtcsink(...roles: string[]): Promise<{ client: TestClient; id: string }> {
    const client = await this.#connect(5, "/webrtcsink");
    const [welcome] = client.heardJson() as [{ peerId: string }];
    const id = welcome.peerId;
    await client.say(JSON.stringify({ type: "setPeerStatus", roles, meta: null, peerId: id }));
    client.heard();
    return { client, id };
  }

  [Symbol.dispose](): void {
    for (const bench of this.#benches) bench[Symbol.dispose]();
  }

  #connect(index: number, target: string): Promise<TestClient> {
    return this.#bench(index).connect(target);
  }

  #bench(index: number): DialectBench {
    const bench = this.#benches[index];
    if (bench === undefined) throw new RangeError(`Cannot connect: no dialect ${index}`);
    return bench;
  }
}
