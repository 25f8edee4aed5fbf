import { Client } from "./client.ts";
import { inParallel, sleep } from "./pairs.ts";

// Pages of y-webrtc that join a room at the same moment, without browsers: each announces itself,
// calls those whose announcement it receives, and answers those that call it.

/** A page sends a description and candidates to another, as large as a browser's. */
const CANDIDATES = 8;
const SDP = "x".repeat(550);
const CANDIDATE = "x".repeat(220);
/** A storm is over when all pages have met, and nothing has come for so long. */
const CALM_MS = 150;
const PATIENCE_MS = 60_000;

interface Signal {
  readonly type: "announce" | "signal";
  readonly from: string;
  readonly to?: string;
  readonly signal?: { readonly type: "offer" | "answer" | "candidate" };
}

/** Lets so many pages join one room, and returns how many messages were delivered to them. */
export async function storm(origin: string, count: number): Promise<number> {
  const topic = crypto.randomUUID();
  const pages: Page[] = [];
  await inParallel(Array.from({ length: count }), async () => {
    pages.push(new Page(await Client.open(origin, "/topics", {}), topic));
  });
  await Promise.all(pages.map((page) => page.join()));
  const delivered = (): number => pages.reduce((sum, page) => sum + page.delivered, 0);
  const unmet = (): number =>
    pages.flatMap((page) => pages.filter((other) => other !== page && !page.met(other))).length;
  const end = performance.now() + PATIENCE_MS;
  for (let before = -1; before !== delivered() || unmet() > 0;) {
    if (performance.now() > end) throw new Error(`${unmet()} pages did not meet`);
    before = delivered();
    await sleep(CALM_MS);
  }
  for (const page of pages) await page.close();
  return delivered();
}

class Page {
  delivered = 0;
  readonly id = crypto.randomUUID();
  readonly #client: Client;
  readonly #topic: string;
  /** Pages whose description it has. */
  readonly #met = new Set<string>();
  readonly #called = new Set<string>();
  #sending: Promise<void> = Promise.resolve();

  constructor(client: Client, topic: string) {
    this.#client = client;
    this.#topic = topic;
  }

  async join(): Promise<void> {
    // Ends when the client is closed.
    this.#listen().catch(() => {});
    this.#send({ type: "subscribe", topics: [this.#topic] });
    this.#publish({ type: "announce", from: this.id });
    await this.#sending;
  }

  met({ id }: Page): boolean {
    return this.#met.has(id);
  }

  async close(): Promise<void> {
    await this.#sending;
    await this.#client.close();
  }

  async #listen(): Promise<void> {
    while (true) {
      const { data } = JSON.parse(await this.#client.receive()) as { data: Signal };
      this.delivered++;
      if (data.from === this.id || (data.to !== undefined && data.to !== this.id)) continue;
      if (data.type === "announce") this.#call(data.from, "offer");
      if (data.signal?.type === "offer") this.#call(data.from, "answer");
      if (data.signal?.type !== "candidate" && data.signal !== undefined) this.#met.add(data.from);
    }
  }

  #call(to: string, type: "offer" | "answer"): void {
    // A page that is called has no reason to call, and one that has called answers nevertheless.
    if (type === "offer" && this.#called.has(to)) return;
    this.#called.add(to);
    const token = performance.now();
    this.#publish({ to, from: this.id, type: "signal", token, signal: { type, sdp: SDP } });
    for (let nth = 0; nth < CANDIDATES; nth++) {
      const signal = { type: "candidate", candidate: { candidate: CANDIDATE, sdpMLineIndex: 0 } };
      this.#publish({ to, from: this.id, type: "signal", token, signal });
    }
  }

  #publish(data: unknown): void {
    this.#send({ type: "publish", topic: this.#topic, data });
  }

  /** One write after the other. */
  #send(message: unknown): void {
    this.#sending = this.#sending.then(() => this.#client.send(JSON.stringify(message)));
    this.#sending.catch(() => {});
  }
}
