import {
  decodePayload,
  encodePayload,
  type Revision,
} from "../../../src/transport/socket_io/payload.ts";
import { within } from "./waiting.ts";

/** A client that polls by `fetch`, one request at a time and only on demand. */
export class PollingClient {
  readonly url: string;
  readonly revision: Revision;
  readonly #unread: string[] = [];

  private constructor(url: string, revision: Revision, packets: readonly string[]) {
    this.url = url;
    this.revision = revision;
    this.#unread.push(...packets);
  }

  /** Shakes hands, and is in the namespace "/" when this resolves. */
  static async open(server: string, revision: Revision, query = ""): Promise<PollingClient> {
    const url = `${server}/socket.io/?EIO=${revision}&transport=polling${query}`;
    const [open = "", ...more] = await packetsOf(await fetch(url), revision);
    const { sid } = JSON.parse(open.slice(1));
    const client = new PollingClient(`${url}&sid=${sid}`, revision, more);
    if (revision === 4) await client.send("40");
    const accepted = await client.next();
    if (!accepted.startsWith("40")) throw new Error(`Instead of "40" came ${accepted}`);
    return client;
  }

  get wsUrl(): string {
    return this.url.replace("http", "ws").replace("polling", "websocket");
  }

  /** One POST. */
  async send(...packets: string[]): Promise<void> {
    const body = encodePayload(packets, this.revision);
    const response = await within("a POST", fetch(this.url, { method: "POST", body }));
    const answer = await response.text();
    if (answer !== "ok") throw new Error(`A POST was answered with ${response.status}: ${answer}`);
  }

  /** One GET. */
  async poll(signal?: AbortSignal): Promise<string[]> {
    const response = await within("a poll", fetch(this.url, signal ? { signal } : {}));
    return await packetsOf(response, this.revision);
  }

  /** The next packet. */
  async next(): Promise<string> {
    if (this.#unread.length === 0) this.#unread.push(...await this.poll());
    return this.#unread.shift() ?? "";
  }

  /** The client says goodbye. */
  async close(): Promise<void> {
    await this.send("1");
  }
}

async function packetsOf(response: Response, revision: Revision): Promise<string[]> {
  const text = await response.text();
  const packets = decodePayload(text, revision);
  if (!response.ok || packets === undefined) {
    throw new Error(`A poll was answered with ${response.status}: ${text}`);
  }
  return packets;
}
