import { clearImmediate, setImmediate } from "node:timers";
import { Client, textFrame } from "./client.ts";
import type { Topics, TopicsReading, TopicsResult } from "./job.ts";
import { inParallel, sleep } from "./pairs.ts";
import { cpuMs } from "./process_usage.ts";
import { storm } from "./topic_storm.ts";

/** Bytes of one publication. */
const MESSAGE_BYTES = 400;
/** Deliveries that are under way at a time: more would only wait in buffers. */
const DELIVERIES = 64;
/** The servers take turns this short, so that all see the same noise. */
const TURN_MS = 100;
/** Receive buffers of a thousand clients are to stay small. */
const BUFFER_BYTES = 8 * 1024;

const SERVERS = ["signalbox", "relay", "original"] as const;
type Server = typeof SERVERS[number];

/** Loads the servers by turns and reads the CPU time that each delivered message took. */
export async function topics(job: Topics): Promise<TopicsResult> {
  const costs: Record<Server, number[]> = { signalbox: [], relay: [], original: [] };
  for (const count of job.subscribers) {
    const cost = await publish(job, count);
    for (const server of SERVERS) costs[server].push(cost[server]);
  }
  const of = async (server: Server): Promise<TopicsReading> => ({
    cpuUsPerDelivery: costs[server],
    // The relay knows no directed signals, and is not held against anybody in this.
    ...(server === "relay"
      ? { cpuMsPerStorm: 0, deliveriesPerStorm: 0 }
      : await storms(job, server)),
  });
  return {
    signalbox: await of("signalbox"),
    relay: await of("relay"),
    original: await of("original"),
  };
}

async function storms(
  { targets, pages, storms }: Topics,
  server: Server,
): Promise<{ cpuMsPerStorm: number; deliveriesPerStorm: number }> {
  const { origin, pid } = targets[server];
  // The first one compiles the program.
  await storm(origin, pages);
  const before = cpuMs(pid);
  let deliveries = 0;
  for (let nth = 0; nth < storms; nth++) deliveries += await storm(origin, pages);
  return {
    cpuMsPerStorm: (cpuMs(pid) - before) / storms,
    deliveriesPerStorm: deliveries / storms,
  };
}

async function publish(job: Topics, count: number): Promise<Record<Server, number>> {
  const failure = Promise.withResolvers<never>();
  const open = (server: Server): Promise<Room> =>
    Room.open(job.targets[server].origin, count, failure.reject);
  const rooms = {
    signalbox: await open("signalbox"),
    relay: await open("relay"),
    original: await open("original"),
  };
  const measure = async (): Promise<Record<Server, number>> => {
    await takeTurns(rooms, job.warmUpMs);
    const usage = { signalbox: 0, relay: 0, original: 0 };
    for (const server of SERVERS) {
      rooms[server].delivered = 0;
      usage[server] = -cpuMs(job.targets[server].pid);
    }
    await takeTurns(rooms, job.measureMs);
    for (const server of SERVERS) {
      const used = usage[server] + cpuMs(job.targets[server].pid);
      usage[server] = used * 1000 / rooms[server].delivered;
    }
    return usage;
  };
  const result = await Promise.race([measure(), failure.promise]);
  for (const server of SERVERS) await rooms[server].close();
  return result;
}

async function takeTurns(rooms: Record<Server, Room>, ms: number): Promise<void> {
  using _awake = stayAwake();
  for (let turn = 0; turn < ms / TURN_MS; turn++) {
    for (const server of turn % 2 === 0 ? SERVERS : SERVERS.toReversed()) {
      await rooms[server].publish(TURN_MS);
    }
  }
}

/**
 * Keeps this process from sleeping. Otherwise the fastest server pays for waking it with every
 * message, and a slower one whose messages find it at work does not.
 */
function stayAwake(): Disposable {
  let next = setImmediate(spin);
  function spin(): void {
    next = setImmediate(spin);
  }
  return { [Symbol.dispose]: () => clearImmediate(next) };
}

/** A topic and its subscribers, the first of whom publishes. */
class Room {
  delivered = 0;
  readonly #members: Client[] = [];
  readonly #frames: Uint8Array;
  readonly #batch: number;
  #due = 0;
  #onArrived = (): void => {};

  private constructor(topic: string, count: number) {
    this.#batch = Math.max(1, Math.floor(DELIVERIES / count));
    const frame = textFrame(messageOf(topic));
    this.#frames = new Uint8Array(frame.length * this.#batch);
    for (let nth = 0; nth < this.#batch; nth++) this.#frames.set(frame, nth * frame.length);
  }

  static async open(
    origin: string,
    count: number,
    onFailure: (error: unknown) => void,
  ): Promise<Room> {
    const topic = crypto.randomUUID();
    const room = new Room(topic, count);
    await inParallel(Array.from({ length: count }), async () => {
      const client = await Client.open(origin, "/topics", { bufferBytes: BUFFER_BYTES });
      await client.send(JSON.stringify({ type: "subscribe", topics: [topic] }));
      room.#members.push(client);
    });
    await room.#proveDelivery(topic, count);
    for (const client of room.#members) {
      client.count(MESSAGE_BYTES, (arrived) => room.#arrive(arrived)).catch(onFailure);
    }
    return room;
  }

  /** Publishes for a while, one batch after the other. */
  async publish(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      this.#due = this.#batch * this.#members.length;
      await this.#members[0]?.write(this.#frames);
      if (this.#due > 0) await new Promise<void>((resolve) => this.#onArrived = resolve);
    }
  }

  async close(): Promise<void> {
    for (const client of this.#members) await client.close();
  }

  #arrive(count: number): void {
    this.delivered += count;
    this.#due -= count;
    if (this.#due === 0) this.#onArrived();
  }

  /** Every member gets the message with the number of members: nothing less would be a delivery. */
  async #proveDelivery(topic: string, count: number): Promise<void> {
    // The subscriptions are under way on connections of their own.
    await sleep(200);
    const message = messageOf(topic);
    await this.#members[0]?.send(message);
    const expected = `${message.slice(0, -1)},"clients":${count}}`;
    for (const client of this.#members) {
      const received = await client.receive();
      if (received !== expected) throw new Error(`Expected "${expected}", got "${received}"`);
    }
  }
}

function messageOf(topic: string): string {
  const message = { type: "publish", topic, data: { type: "note", text: "" } };
  message.data.text = "x".repeat(MESSAGE_BYTES - JSON.stringify(message).length);
  return JSON.stringify(message);
}
