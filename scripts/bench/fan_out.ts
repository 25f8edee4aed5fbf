import type { Client } from "./client.ts";
import { type Both, type FanOut, type FanOutReading, type Side, SIDES } from "./job.ts";
import { inParallel, join, sleep } from "./pairs.ts";
import { cpuMs } from "./process_usage.ts";
import { inYardstickRoom, type Scenario } from "./scenarios.ts";

/** Long for a clock that ticks every 10 ms, short enough that all rooms see the same noise. */
const TURN_MS = 250;
/** Enough for an announcement; a thousand of larger ones would only cost the generator memory. */
const BUFFER_BYTES = 1024;

/**
 * Measures the cost of announcing an arrival or departure to a room: members only listen, and guests
 * join and leave one after the other. The cost of a guest itself (connection, handshake, id, goodbye)
 * is measured in an empty room, by turns with the others, and subtracted. The announcements remain,
 * and the list of members in the answer to the join: one entry for two announcements in every room.
 */
export async function fanOut(
  job: FanOut,
  scenario: Scenario,
  rival?: Scenario,
): Promise<Both<FanOutReading[]>> {
  const failure = Promise.withResolvers<never>();
  const roomsOf = async (side: Side): Promise<Room[]> => {
    const dialect = side === "signalbox" ? scenario : rival ?? inYardstickRoom(scenario);
    const { origin } = job.targets[side];
    const opening = [0, ...job.rooms].map((size) =>
      Room.open(size, dialect, origin, failure.reject)
    );
    return await Promise.race([Promise.all(opening), failure.promise]);
  };
  const rooms = { signalbox: await roomsOf("signalbox"), yardstick: await roomsOf("yardstick") };
  const measure = async (): Promise<Both<FanOutReading[]>> => {
    await takeTurns(job, rooms, job.warmUpMs);
    for (const side of SIDES) rooms[side].forEach((room) => room.forget());
    await takeTurns(job, rooms, job.measureMs);
    return { signalbox: readings(rooms.signalbox), yardstick: readings(rooms.yardstick) };
  };
  const result = await Promise.race([measure(), failure.promise]);
  await inParallel([...rooms.signalbox, ...rooms.yardstick], (room) => room.close());
  return result;
}

/** A room and those who listen in it. */
class Room {
  readonly size: number;
  guests = 0;
  cpuMs = 0;
  readonly #scenario: Scenario;
  readonly #origin: string;
  readonly #name = crypto.randomUUID();
  readonly #members: Client[] = [];
  /** Announcements that have not arrived yet. */
  #due = 0;
  #onArrived = (): void => {};

  private constructor(size: number, scenario: Scenario, origin: string) {
    this.size = size;
    this.#scenario = scenario;
    this.#origin = origin;
  }

  static async open(
    size: number,
    scenario: Scenario,
    origin: string,
    onFailure: (error: unknown) => void,
  ): Promise<Room> {
    const room = new Room(size, scenario, origin);
    if (size > 0) await room.#proveNews();
    // Exactly one of any two members is informed of the other.
    room.#due = size * (size - 1) / 2;
    await inParallel(Array.from({ length: size }), async () => {
      const { client } = await room.#enter();
      client.count(1, (count) => room.#onMessages(count)).catch(onFailure);
      room.#members.push(client);
    });
    await room.#allArrived();
    return room;
  }

  /** Has guests come and go for a while. */
  async receiveGuests(pid: number): Promise<void> {
    const before = cpuMs(pid);
    const end = performance.now() + TURN_MS;
    while (performance.now() < end) {
      this.#due = this.size;
      const { client } = await this.#enter();
      await this.#allArrived();
      this.#due = this.size;
      await client.leave();
      await this.#allArrived();
      this.guests++;
    }
    // An empty room tells nobody: let the last goodbye be over before the clock is read.
    await sleep(5);
    this.cpuMs += cpuMs(pid) - before;
  }

  forget(): void {
    this.guests = 0;
    this.cpuMs = 0;
  }

  async close(): Promise<void> {
    for (const member of this.#members) await member.close();
  }

  async #enter(): Promise<{ readonly client: Client; readonly id: string }> {
    const wish = { id: crypto.randomUUID(), room: this.#name };
    const guest = await join(this.#scenario, this.#origin, wish, BUFFER_BYTES);
    await this.#scenario.enter?.(guest.client, wish);
    return guest;
  }

  /** Announcements name the guest: quick errors would be no fan-out. */
  async #proveNews(): Promise<void> {
    const [member, guest] = [await this.#enter(), await this.#enter()];
    const joined = await member.client.receive();
    await guest.client.leave();
    for (const news of [joined, await member.client.receive()]) {
      if (!news.includes(guest.id)) throw new Error(`Expected news of a guest, got "${news}"`);
    }
    await member.client.leave();
  }

  #onMessages(count: number): void {
    this.#due -= count;
    if (this.#due === 0) this.#onArrived();
  }

  async #allArrived(): Promise<void> {
    if (this.#due === 0) return;
    await new Promise<void>((resolve) => this.#onArrived = resolve);
  }
}

async function takeTurns(job: FanOut, rooms: Both<Room[]>, ms: number): Promise<void> {
  for (let turn = 0; turn < ms / TURN_MS; turn++) {
    for (const side of turn % 2 === 0 ? SIDES : SIDES.toReversed()) {
      for (const room of rooms[side]) await room.receiveGuests(job.targets[side].pid);
    }
  }
}

function readings([empty, ...rooms]: readonly Room[]): FanOutReading[] {
  const costUs = ({ cpuMs, guests }: Room): number => cpuMs * 1000 / guests;
  const lone = empty === undefined ? NaN : costUs(empty);
  return rooms.map((room) => ({
    members: room.size,
    cpuUsPerAnnouncement: (costUs(room) - lone) / (2 * room.size),
    cpuUsPerGuest: costUs(room),
    cpuUsPerLoneGuest: lone,
  }));
}
