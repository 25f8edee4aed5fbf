import { assertEquals } from "@std/assert";
import { owt } from "../../../src/dialects/owt/mod.ts";
import { DialectBench, type DialectTestOptions } from "./dialect.ts";
import type { TestClient } from "./hub.ts";
import { connectTo, type FakeNamespaceLink } from "./namespace.ts";

/** OWT at work on a hub of its own. */
export function newOwt(test?: DialectTestOptions): DialectBench {
  return new DialectBench(owt, test);
}

/** The frame of an event, which wants an acknowledgement where it has an id for it. */
export function frameOf(ack: number | undefined, name: string, ...args: unknown[]): string {
  return `2${ack ?? ""}${JSON.stringify([name, ...args])}`;
}

/** The frame that confirms a login. */
export function authenticated(uid: string): string {
  return frameOf(undefined, "server-authenticated", { uid });
}

/** The frame for a client whose id goes to another one. */
export const SERVER_DISCONNECT = '2["server-disconnect"]';

/** A client, which counts its acknowledgement ids as the real ones do. */
export class OwtClient {
  readonly client: TestClient;
  readonly link: FakeNamespaceLink;
  #nextAck = 0;

  constructor(client: TestClient, link: FakeNamespaceLink) {
    this.client = client;
    this.link = link;
  }

  /** Connects; the query is what the older generation says of itself. */
  static async connect(
    bench: DialectBench,
    query: Readonly<Record<string, string>> = {},
  ): Promise<OwtClient> {
    const { client, link } = await connectTo(bench, "/", query);
    return new OwtClient(client, link);
  }

  /** Connects, logs in by event and reads the answers. */
  static async login(bench: DialectBench, token: unknown): Promise<OwtClient> {
    const client = await OwtClient.connect(bench);
    const uid = String(token);
    assertEquals(await client.ask("authentication", { token }), [
      authenticated(uid),
      `30[{"uid":${JSON.stringify(uid)}}]`,
    ]);
    return client;
  }

  get isOpen(): boolean {
    return this.client.isOpen;
  }

  /** Emits an event that wants an acknowledgement, and returns all frames that came. */
  async ask(name: string, ...args: unknown[]): Promise<unknown[]> {
    await this.client.say(frameOf(this.#nextAck++, name, ...args));
    return this.client.heard();
  }

  /** The same, and returns the arguments of the acknowledgement, which is all that may come. */
  async acked(name: string, ...args: unknown[]): Promise<unknown> {
    const ack = `3${this.#nextAck}`;
    const frames = await this.ask(name, ...args);
    assertEquals(frames.length, 1, String(frames));
    assertEquals(String(frames[0]).slice(0, ack.length), ack);
    return JSON.parse(String(frames[0]).slice(ack.length));
  }

  /** Emits an event that wants no acknowledgement, and returns all frames that came. */
  async emit(name: string, ...args: unknown[]): Promise<unknown[]> {
    await this.client.say(frameOf(undefined, name, ...args));
    return this.client.heard();
  }

  heard(): unknown[] {
    return this.client.heard();
  }

  async leave(): Promise<void> {
    await this.client.leave();
  }
}
