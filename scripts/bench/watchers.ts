import { ADMIN_TOKEN } from "./guarded.ts";

// Everybody who watches a server: Prometheus, a console, a reader of events and a webhook's receiver.

const SCRAPE_MS = 1_000;
const SLOW_MS = 1_000;
/** As the console asks: facts of the server, and rows that events made old. */
const SERVER_MS = 5_000;
const ROWS_MS = 1_000;
const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };

/** Asks for a resource and drops the answer; failures after the end are of no interest. */
async function ask(url: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, { headers, signal });
  await response.body?.cancel();
}

/** Does something at once and again and again, until the signal ends it. */
function every(ms: number, act: () => Promise<void>, signal: AbortSignal): void {
  const run = (): void =>
    void act().catch((error) => {
      if (!signal.aborted) throw error;
    });
  run();
  const timer = setInterval(run, ms);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** Scrapes the metrics each second, as Prometheus does at its fastest. */
export function scrape(origin: string, signal: AbortSignal): void {
  every(SCRAPE_MS, () => ask(`${origin}/metrics`, signal), signal);
}

/**
 * Opens a stream of events. It is a bare connection, because a fetch reads ahead of its reader.
 * @param more header lines
 */
async function openEvents(
  origin: string,
  signal: AbortSignal,
  more: readonly string[] = [],
): Promise<Deno.TcpConn> {
  const { hostname, port, host } = new URL(origin);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  signal.addEventListener("abort", () => connection.close(), { once: true });
  const head = [
    "GET /admin/v1/events HTTP/1.1",
    `Host: ${host}`,
    `Authorization: ${headers.authorization}`,
    ...more,
  ];
  await connection.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
  const buffer = new Uint8Array(64);
  const count = await connection.read(buffer) ?? 0;
  const status = new TextDecoder().decode(buffer.subarray(0, count)).split("\r\n")[0] ?? "";
  if (!status.startsWith("HTTP/1.1 200")) throw new Error(`Cannot read events: ${status}`);
  return connection;
}

/** Makes the requests of a console with its list of peers open. */
export async function watchAsConsole(origin: string, signal: AbortSignal): Promise<void> {
  const base = `${origin}/admin/v1`;
  let isStale = true;
  const connection = await openEvents(origin, signal);
  void readAll(connection, signal, () => isStale = true);
  every(SERVER_MS, async () => {
    await Promise.all(["server", "webhooks"].map((path) => ask(`${base}/${path}`, signal)));
  }, signal);
  every(ROWS_MS, async () => {
    if (!isStale) return;
    isStale = false;
    await ask(`${base}/peers?limit=100`, signal);
  }, signal);
}

async function readAll(
  connection: Deno.TcpConn,
  signal: AbortSignal,
  onChunk: () => void,
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    while (await connection.read(buffer) !== null) onChunk();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Asks for all kept events and reads a kilobyte of the answer a second. */
export async function readSlowly(origin: string, signal: AbortSignal): Promise<void> {
  const connection = await openEvents(origin, signal, ["Last-Event-ID: 1"]);
  const buffer = new Uint8Array(1_024);
  every(SLOW_MS, async () => void await connection.read(buffer), signal);
}

/** The manners of a webhook's receiver; "gone" asks for no more events. */
export type Manner = "prompt" | "hanging" | "gone";

/** The receiver of a server's events. */
export class Receiver implements AsyncDisposable {
  manner: Manner = "prompt";
  readonly #held = new Set<PromiseWithResolvers<Response>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, async (request) => {
      await request.body?.cancel();
      if (this.manner !== "hanging") return answer(this.manner);
      const held = Promise.withResolvers<Response>();
      this.#held.add(held);
      return await held.promise;
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Changes its manner, and answers the requests that hang. */
  turn(manner: Manner): void {
    this.manner = manner;
    if (manner === "hanging") return;
    for (const { resolve } of this.#held) resolve(answer(manner));
    this.#held.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.turn("gone");
    await this.#server.shutdown();
  }
}

function answer(manner: Manner): Response {
  return new Response(null, { status: manner === "gone" ? 410 : 204 });
}

/** Has a server send events again to a receiver that had enough. */
export async function resumeWebhooks(origin: string): Promise<void> {
  const url = `${origin}/admin/v1/reload`;
  const response = await fetch(url, { method: "POST", headers });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`Cannot reload: ${response.status}`);
}

/** True once the server sends no more events. */
export async function isStopped(origin: string): Promise<boolean> {
  const response = await fetch(`${origin}/admin/v1/webhooks`, { headers });
  const { items } = await response.json() as { items: { stopped: boolean }[] };
  return items.every(({ stopped }) => stopped);
}
