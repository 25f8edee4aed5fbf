import { assert, assertEquals } from "@std/assert";
import type { Version } from "../../../src/dialects/ssp/messages.ts";
import { ssp } from "../../../src/dialects/ssp/mod.ts";
import { DialectBench, type DialectTestOptions } from "./dialect.ts";
import type { TestClient } from "./hub.ts";

/** Where each version of the protocol is spoken. */
export const PATHS: Record<Version, string> = { v2: "/ssp", v1: "/ssp/v1", auto: "/ssp/auto" };

/** An event as it is on the wire: these two keys and no others. */
export interface SspEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** ssp at work on a hub of its own. */
export function newPools(test?: DialectTestOptions): DialectBench {
  return new DialectBench(ssp, test);
}

export function event(type: string, data: Readonly<Record<string, unknown>> = {}): SspEvent {
  return { type, data };
}

/** The frame that carries an event. */
export function frameOf(type: string, data: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ type, data });
}

/** A client and the events of its conversation. */
export class SspClient {
  readonly client: TestClient;
  #id: string | undefined;

  constructor(client: TestClient) {
    this.client = client;
  }

  /** Connects without joining anything. */
  static async connect(bench: DialectBench, version: Version = "v2"): Promise<SspClient> {
    return new SspClient(await bench.connect(PATHS[version]));
  }

  /** Its id in its pool; throws before it has joined one. */
  get id(): string {
    if (this.#id === undefined) throw new Error("Cannot name a client that has not joined");
    return this.#id;
  }

  /** Says events one after the other and waits until everything has come of them that will. */
  async say(
    ...events: readonly (readonly [type: string, data?: SspEvent["data"]])[]
  ): Promise<void> {
    await this.client.say(...events.map(([type, data]) => frameOf(type, data)));
  }

  /** The events that came since this was last asked. */
  heard(): SspEvent[] {
    // The comparison checks the server's frames.
    return this.client.heardJson() as SspEvent[];
  }

  /** The reasons of the errors that came; fails when anything else came. */
  refusals(): unknown[] {
    return this.heard().map((event) => {
      const { type, data: { message, reason } } = event;
      assertEquals(type, "rtc:error", `heard ${JSON.stringify(event)}`);
      assert(typeof message === "string" && message.length > 0);
      return reason;
    });
  }

  /** Joins a pool and reads the answer, which has to be the first event that comes. */
  async join(pool: unknown = "p"): Promise<SspEvent["data"]> {
    await this.say(["rtc:join", { pool }]);
    const [joined, ...more] = this.heard();
    assertEquals([joined?.type, more], ["rtc:joined", []]);
    this.#id = String(joined?.data["client_id"]);
    return joined?.data ?? {};
  }

  async leave(): Promise<void> {
    await this.client.leave();
  }
}

/** A member of a pool, which has read the answer to its joining. */
export async function enter(
  bench: DialectBench,
  version: Version = "v2",
  pool = "p",
): Promise<SspClient> {
  const member = await SspClient.connect(bench, version);
  await member.join(pool);
  return member;
}

/** Several members of one pool, in joining order, which know each other. */
export async function enterAll<const V extends readonly Version[]>(
  bench: DialectBench,
  versions: V,
  pool = "p",
): Promise<{ -readonly [K in keyof V]: SspClient }> {
  const members: SspClient[] = [];
  for (const version of versions) members.push(await enter(bench, version, pool));
  for (const member of members) member.heard();
  // One member was made for each version.
  return members as { -readonly [K in keyof V]: SspClient };
}
