import { assert, assertEquals } from "@std/assert";
import { type Capture, capturesOf } from "../helpers/session/captures.ts";
import { DialectBench, FORGOTTEN_MS } from "../helpers/session/dialect.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import type { Driver } from "./driver.ts";
import { DRIVERS } from "./drivers.ts";

/** Longest time that a reference server takes to say something by itself (an EXPIRE). */
const PATIENCE_MS = 10_000;
/** The code of a connection that was lost. */
const LOST = 1006;

for (const driver of DRIVERS) {
  const { name } = driver.dialect;
  const captures = capturesOf(name);

  Deno.test(`${name}: there are captures of real clients at every path`, () => {
    for (const { head } of captures) assert(head.client.length > 0 && head.scene.length > 0);
    const lines = captures.flatMap(({ lines }) => lines);
    const paths = lines.flatMap((line) =>
      line.dir === "open" ? [new URL(line.url, "http://x").pathname.replace(/(?<=.)\/$/, "")] : []
    );
    assert(paths.length > 0);
    for (const path of driver.recordedAt ?? []) assert(paths.includes(path), path);
  });

  for (const capture of captures) {
    const { file, head } = capture;
    Deno.test(`${name}: "${head.scene}" of ${head.client} happens as it was recorded (${file})`, async () => {
      using bench = new DialectBench(driver.dialect, { options: driver.asReference ?? {} });
      await new Replay(bench, driver).run(capture);
      // Some hold a place for a client that was lost.
      bench.clock.advance(FORGOTTEN_MS);
      assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
    });
  }
}

/** One connection of a capture, from its opening to its end. */
interface Connection {
  readonly client: TestClient;
  /** Frames of the original server and of this one, as far as they do not match yet. */
  expected: string[];
  heard: string[];
  read: number;
}

/** Sends the clients' frames and compares the frames that each connection gets. */
class Replay {
  readonly #bench: DialectBench;
  readonly #driver: Driver;
  readonly #open = new Map<string, Connection>();
  readonly #names: Names;

  constructor(bench: DialectBench, driver: Driver) {
    this.#bench = bench;
    this.#driver = driver;
    this.#names = new Names(driver.madeUp);
  }

  async run({ lines }: Capture): Promise<void> {
    for (const line of lines) {
      if (line.dir === "open") {
        const client = await this.#driver.connect(this.#bench, line.url);
        this.#open.set(line.peer, { client, expected: [], heard: [], read: 0 });
        continue;
      }
      const connection = this.#open.get(line.peer);
      assert(connection !== undefined, `${line.peer} is not connected`);
      if (line.dir === "in") {
        assert(connection.client.isOpen, `${line.peer} was hung up on`);
        await connection.client.say(this.#names.now(line.frame));
      } else if (line.dir === "out") {
        connection.expected.push(line.frame);
        await this.#waitFor(connection);
      } else {
        this.#end(connection);
        this.#open.delete(line.peer);
        await hangUp(connection.client, line.code);
      }
    }
    for (const connection of this.#open.values()) this.#end(connection);
    for (const { client } of this.#open.values()) await client.leave();
  }

  /** Lets time pass until a client has got all frames that are due. */
  async #waitFor(connection: Connection): Promise<void> {
    this.#compare(connection);
    for (let waited = 0; connection.expected.length > 0 && waited < PATIENCE_MS; waited += 100) {
      this.#bench.clock.advance(100);
      await Promise.resolve();
      this.#compare(connection);
    }
  }

  /**
   * Which of two senders was first is a matter of the network; of each the order is the server's. So
   * a frame is compared with the first one of every sender.
   */
  #compare(connection: Connection): void {
    const { client: { sent }, heard } = connection;
    for (; connection.read < sent.length; connection.read++) {
      heard.push(String(sent[connection.read]));
    }
    const { about } = this.#driver;
    const late = new Set<string>();
    connection.expected = connection.expected.filter((frame) => {
      const sender = about(frame);
      const firsts = new Map(heard.toReversed().map((frame) => [about(frame), frame]));
      const match = [...firsts.values()].find((other) => this.#names.match(frame, other));
      if (match === undefined || late.has(sender)) {
        late.add(sender);
        return true;
      }
      heard.splice(heard.indexOf(match), 1);
      return false;
    });
  }

  #end(connection: Connection): void {
    this.#compare(connection);
    assertEquals(connection.heard, connection.expected.map((frame) => this.#names.now(frame)));
  }
}

/** The connection ends: by the server with a code, by a loss, or in a way that is not recorded. */
async function hangUp(client: TestClient, code: number | undefined): Promise<void> {
  if (code === LOST) return await client.lose();
  if (code !== undefined) {
    const { closing } = client;
    assertEquals(closing === "bare" ? undefined : closing?.[0], code);
  }
  await client.leave();
}

/** Values that the original server made up during a capture, and their names now. */
class Names {
  readonly #pattern: RegExp | undefined;
  readonly #known = new Map<string, string>();

  constructor(pattern: RegExp | undefined) {
    this.#pattern = pattern;
  }

  /** A recorded frame with the names of now. */
  now(frame: string): string {
    let text = frame;
    for (const [then, now] of this.#known) text = text.replaceAll(then, now);
    return text;
  }

  /** Whether a frame is the recorded one but for names that are new; these are known from here on. */
  match(recorded: string, heard: string): boolean {
    const then = this.#namesIn(recorded);
    const now = this.#namesIn(heard);
    if (then.length !== now.length) return false;
    const taken = new Set(this.#known.values());
    const fresh = new Map<string, string>();
    for (const [at, name] of then.entries()) {
      const current = now[at] ?? "";
      if (!this.#known.has(name) && !taken.has(current)) fresh.set(name, current);
    }
    let text = this.now(recorded);
    for (const [name, current] of fresh) text = text.replaceAll(name, current);
    if (text !== heard) return false;
    for (const [name, current] of fresh) this.#known.set(name, current);
    return true;
  }

  #namesIn(frame: string): string[] {
    if (this.#pattern === undefined) return [];
    return [...frame.matchAll(this.#pattern)].map(([whole, group]) => group ?? whole);
  }
}
