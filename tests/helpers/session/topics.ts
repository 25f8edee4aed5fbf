import { topics } from "../../../src/dialects/topics/mod.ts";
import { DialectBench, type DialectTestOptions } from "./dialect.ts";
import type { TestClient } from "./hub.ts";

/** The dialect at work on a hub of its own. */
export function newTopics(test?: DialectTestOptions): DialectBench {
  return new DialectBench(topics, test);
}

/** Writes what clients send, in y-webrtc's words. */
export const yjs = {
  subscribe: (...topics: string[]): string => write({ type: "subscribe", topics }),
  unsubscribe: (...topics: string[]): string => write({ type: "unsubscribe", topics }),
  publish: (topic: string, data: unknown): string => write({ type: "publish", topic, data }),
  announce: (topic: string, from: string): string =>
    write({ type: "publish", topic, data: { type: "announce", from } }),
  signal: (topic: string, to: string, signal: unknown): string =>
    write({ type: "publish", topic, data: { type: "signal", to, signal } }),
};

/** The same in Trystero's. */
export const trystero = {
  subscribe: (topic: string): string => write({ type: "subscribe", topic }),
  unsubscribe: (topic: string): string => write({ type: "unsubscribe", topic }),
  publish: (topic: string, payload: unknown): string => write({ type: "publish", topic, payload }),
  announce: (topic: string, peerId: string): string =>
    write({ type: "publish", topic, payload: write({ peerId }) }),
};

/** Connects a client that has sent something, and reads the answers. */
export async function enter(bench: DialectBench, ...frames: string[]): Promise<TestClient> {
  const client = await bench.connect("/topics");
  await client.say(...frames);
  client.heard();
  return client;
}

/** The bodies of the publications that a client was sent since this was last asked. */
export function bodies(client: TestClient): unknown[] {
  // The shape is checked where the bodies are compared.
  const messages = client.heardJson() as Record<string, unknown>[];
  return messages.map((message) => "payload" in message ? message["payload"] : message["data"]);
}

/** A gauge or a counter of the dialect, with its labels' values in the name. */
export function numberOf(bench: DialectBench, name: string, reason?: string): number {
  const { gauges = [], counters = [] } = bench.open;
  const found = reason === undefined
    ? [...gauges, ...counters].find((one) => one.name === `topics_${name}`)
    : counters.find(({ labels }) => labels?.["reason"] === reason);
  if (found === undefined) throw new RangeError(`No number "${name}"`);
  return found.read();
}

function write(message: unknown): string {
  return JSON.stringify(message);
}
