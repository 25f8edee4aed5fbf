import { assert, assertEquals } from "@std/assert";
import { simple } from "../../../src/dialects/simple/mod.ts";
import { DialectBench, type DialectTestOptions } from "./dialect.ts";
import type { TestClient } from "./hub.ts";

/** A frame, as JSON. */
export type SimpleFrame = Readonly<Record<string, unknown>>;

/** The credentials with which a client is the same instance again. */
export interface Credentials {
  readonly p_id: string;
  readonly p_secret: string;
  readonly p_instance: number;
}

/** Simple Signalling at work on a hub of its own. */
export function newRooms(test?: DialectTestOptions): DialectBench {
  return new DialectBench(simple, test);
}

/** A client and the frames of its conversation. */
export class SimpleClient {
  readonly client: TestClient;
  #credentials: Credentials | undefined;

  constructor(client: TestClient) {
    this.client = client;
  }

  /** Connects without joining anything, but for what the URL asks. */
  static async connect(bench: DialectBench, query = ""): Promise<SimpleClient> {
    return new SimpleClient(await bench.connect(`/simple${query}`));
  }

  /** Throws before it has joined. */
  get credentials(): Credentials {
    if (this.#credentials === undefined) throw new Error("Cannot name a client that did not join");
    return this.#credentials;
  }

  get id(): string {
    return this.credentials.p_id;
  }

  /** Says frames one after the other and waits until everything has come of them that will. */
  async say(...frames: readonly SimpleFrame[]): Promise<void> {
    await this.client.say(...frames.map((frame) => JSON.stringify(frame)));
  }

  /** The frames that came since this was last asked. */
  heard(): SimpleFrame[] {
    // The comparison checks the server's frames.
    return this.client.heardJson() as SimpleFrame[];
  }

  /** Says frames and returns what came; only of itself where nobody else speaks meanwhile. */
  async ask(...frames: readonly SimpleFrame[]): Promise<SimpleFrame[]> {
    await this.say(...frames);
    return this.heard();
  }

  /** Says one frame and returns the code of the one error that came. */
  async refusal(frame: SimpleFrame): Promise<unknown> {
    const [error, ...more] = await this.ask(frame);
    assertEquals([error?.["event"], more], ["error", []], JSON.stringify(error));
    assert(String(error?.["message"]).length > 0);
    return error?.["code"];
  }

  /** Joins a room and reads the answer: handshake, ready, and what follows. */
  async join(more: SimpleFrame = {}): Promise<Joined> {
    return this.read(await this.ask({ event: "join", room: "r", ...more }));
  }

  /** Reads the answer to a join. */
  read([handshake, ready, ...rest]: readonly SimpleFrame[]): Joined {
    assert(handshake !== undefined && ready !== undefined, "no answer to the join");
    assertEquals(Object.keys(handshake), ["p_id", "room", "peers"], JSON.stringify(handshake));
    assertEquals(ready["event"], "ready", JSON.stringify(ready));
    this.#credentials = {
      p_id: String(handshake["p_id"]),
      p_secret: String(ready["p_secret"]),
      p_instance: Number(ready["p_instance"]),
    };
    return { handshake, ready, rest };
  }

  /** Closes properly. */
  async leave(): Promise<void> {
    await this.client.leave();
  }

  /** The network is cut. */
  async lose(): Promise<void> {
    await this.client.lose();
  }

  /** Closes with 1001: its page is left, or a proxy on its way is reloaded. */
  async goAway(): Promise<void> {
    await this.client.goAway();
  }
}

export interface Joined {
  readonly handshake: SimpleFrame;
  readonly ready: SimpleFrame;
  readonly rest: readonly SimpleFrame[];
}

/** A peer of a room, which has read the answer to its joining. */
export async function enter(
  bench: DialectBench,
  more: SimpleFrame = {},
): Promise<SimpleClient> {
  const client = await SimpleClient.connect(bench);
  await client.join(more);
  return client;
}

/** Another connection that takes a client's instance back. */
export async function comeBack(
  bench: DialectBench,
  client: SimpleClient,
  more: SimpleFrame = {},
): Promise<Joined & { readonly client: SimpleClient }> {
  const back = await SimpleClient.connect(bench);
  return { client: back, ...await back.join({ ...client.credentials, ...more }) };
}
