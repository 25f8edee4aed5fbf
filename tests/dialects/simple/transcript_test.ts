import { assert, assertEquals } from "@std/assert";
import { type Capture, capturesOf } from "../../helpers/captures.ts";
import { newRooms, SimpleClient } from "../../helpers/simple.ts";

/** Values that the server makes up: those of a transcript stand for those of this run. */
const MADE_UP = new Set(["p_id", "peer_id", "p_secret"]);
/** The code of a connection that was lost. */
const LOST = 1006;

for (const capture of capturesOf("simple")) {
  Deno.test(`Simple: the transcript "${capture.head.scene}" happens as it stands`, async () => {
    await replay(capture);
  });
}

async function replay({ lines }: Capture): Promise<void> {
  using bench = newRooms();
  const clients = new Map<string, SimpleClient>();
  const expected = new Map<string, unknown[]>();
  const names = new Names();
  const compare = (): void => {
    for (const [peer, client] of clients) {
      const heard = client.heard();
      assertEquals(heard, names.ofRun(expected.get(peer) ?? [], heard), peer);
    }
    expected.clear();
  };
  for (const line of lines) {
    if (line.dir === "out") {
      expected.set(line.peer, [...expected.get(line.peer) ?? [], JSON.parse(line.frame)]);
      continue;
    }
    compare();
    if (line.dir === "open") {
      clients.set(line.peer, await SimpleClient.connect(bench, line.url.replace("/simple", "")));
      continue;
    }
    const client = clients.get(line.peer);
    assert(client !== undefined, `${line.peer} is not connected`);
    if (line.dir === "in") await client.client.say(names.inText(line.frame));
    else if (line.code === LOST) await client.lose();
    else await client.leave();
  }
  compare();
}

/** What a transcript calls things, and what they are called in this run. */
class Names {
  readonly #known = new Map<string, string>();

  inText(frame: string): string {
    let text = frame;
    for (const [name, value] of this.#known) text = text.replaceAll(name, value);
    return text;
  }

  /** The expected value with this run's names; a new one is the one that came at its place. */
  ofRun(expected: unknown, heard: unknown): unknown {
    if (Array.isArray(expected)) {
      return expected.map((item, at) => this.ofRun(item, Array.isArray(heard) ? heard[at] : null));
    }
    if (typeof expected !== "object" || expected === null) return expected;
    return Object.fromEntries(
      Object.entries(expected).map(([key, value]) => {
        const other = Reflect.get(Object(heard), key);
        return [key, MADE_UP.has(key) ? this.#name(value, other) : this.ofRun(value, other)];
      }),
    );
  }

  #name(name: unknown, heard: unknown): unknown {
    if (typeof name !== "string") return name;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    assert(typeof heard === "string" && ![...this.#known.values()].includes(heard));
    this.#known.set(name, heard);
    return heard;
  }
}
