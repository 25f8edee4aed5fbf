import { assert, assertEquals } from "@std/assert";
import { webrtcsink } from "../../../src/dialects/webrtcsink/mod.ts";
import { DialectBench, type DialectTestOptions } from "./dialect.ts";
import { settle, type TestClient } from "./hub.ts";

/** A message, as JSON. */
export type SinkMessage = Readonly<Record<string, unknown>>;

/** webrtcsink at work on a hub of its own. */
export function newSignalling(test?: DialectTestOptions): DialectBench {
  return new DialectBench(webrtcsink, test);
}

/** Sessions that the dialect knows of. */
export function sessionsOf(bench: DialectBench): number | undefined {
  return bench.open.gauges?.find(({ name }) => name === "media_sessions")?.read();
}

/** A client that was welcomed, and the messages of its conversation. */
export class SinkClient {
  readonly client: TestClient;
  readonly id: string;

  private constructor(client: TestClient, id: string) {
    this.client = client;
    this.id = id;
  }

  /** Connects and reads the welcome. */
  static async connect(bench: DialectBench, path = "/webrtcsink"): Promise<SinkClient> {
    const client = await bench.connect(path);
    const [welcome, ...more] = client.heardJson() as SinkMessage[];
    assertEquals([welcome?.["type"], more], ["welcome", []]);
    return new SinkClient(client, String(welcome?.["peerId"]));
  }

  /** Says messages one after the other and waits until everything has come of them that will. */
  async say(...messages: readonly SinkMessage[]): Promise<void> {
    await this.client.say(...messages.map((message) => JSON.stringify(message)));
  }

  /** The messages that came since this was last asked. */
  heard(): SinkMessage[] {
    // The comparison checks the server's frames.
    return this.client.heardJson() as SinkMessage[];
  }

  /** Says messages and returns what came. */
  async ask(...messages: readonly SinkMessage[]): Promise<SinkMessage[]> {
    await this.say(...messages);
    return this.heard();
  }

  /** Says one message and returns the details of the one error that came. */
  async refusal(message: SinkMessage): Promise<string> {
    const [error, ...more] = await this.ask(message);
    assertEquals([error?.["type"], more], ["error", []], JSON.stringify(error));
    const { details } = error ?? {};
    assert(typeof details === "string" && details.length > 0);
    return details;
  }

  /** Closes properly. */
  async leave(): Promise<void> {
    await this.client.leave();
  }

  /** The network is cut. */
  async lose(): Promise<void> {
    this.client.pump.end("lost");
    this.client.link.drop();
    await settle();
  }
}

export function statusMessage(
  roles: readonly string[],
  meta: unknown = null,
  more: SinkMessage = {},
): SinkMessage {
  return { type: "setPeerStatus", roles, meta, ...more };
}

/** A listener's news of a peer. */
export function changed(
  peerId: string,
  roles: readonly string[],
  meta: unknown = null,
): SinkMessage {
  return { type: "peerStatusChanged", roles, meta, peerId };
}

/** A peer in these roles, which has read what came of taking them. */
export async function enter(
  bench: DialectBench,
  roles: readonly string[] = [],
  { meta = null, version }: { meta?: unknown; version?: "v1_0" | "v1_1" } = {},
): Promise<SinkClient> {
  const client = await SinkClient.connect(bench);
  if (version !== undefined) await client.say({ type: "setProtocolVersion", version });
  await client.say(statusMessage(roles, meta));
  const isListening = roles.includes("listener");
  assertEquals(client.heard(), isListening ? [changed(client.id, roles, meta)] : []);
  return client;
}

/** Starts a session as a consumer; returns its id, once both have been told what they have to be. */
export async function start(
  consumer: SinkClient,
  producer: SinkClient,
  offer?: string,
): Promise<string> {
  const message = { type: "startSession", peerId: producer.id };
  const [started, ...more] = await consumer.ask(
    offer === undefined ? message : { ...message, offer },
  );
  const sessionId = String(started?.["sessionId"]);
  assertEquals([started, more], [{ type: "sessionStarted", peerId: producer.id, sessionId }, []]);
  assertEquals(producer.heard(), [
    { type: "startSession", peerId: consumer.id, sessionId, offer: offer ?? null },
  ]);
  return sessionId;
}

export function peerMessage(sessionId: string, part: SinkMessage): SinkMessage {
  return { type: "peer", sessionId, ...part };
}

export const OFFER = { sdp: { type: "offer", sdp: "v=0" } };
export const ANSWER = { sdp: { type: "answer", sdp: "v=0" } };
export const CANDIDATE = {
  ice: { candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host", sdpMLineIndex: 0 },
};
