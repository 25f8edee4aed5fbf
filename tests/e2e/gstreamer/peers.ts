import { fileURLToPath } from "node:url";
import type { Browser, Page } from "../../helpers/browser/chromium.ts";
import { programOf } from "../../helpers/process/clients.ts";
import { type PageServer, startPageServer } from "../../helpers/browser/page_server.ts";
import { PATIENCE_MS, within } from "../../helpers/wire/waiting.ts";

/** One line of what a peer tells, such as `{ event: "frames", peer: "bob", count: 10 }`. */
export type PeerEvent = { event: string } & Record<string, unknown>;

/** A peer's part: the peer to call, or the room to meet others in. */
export interface PeerOptions {
  call?: string;
  room?: string;
  /** The caller offers; otherwise it asks the callee for an offer. */
  offer?: boolean;
}

/** More that a page can do. */
export interface PagePeerOptions extends PeerOptions {
  reconnect?: boolean;
  /** Exchanges texts instead of pictures. */
  channel?: boolean;
}

/** A real client, whatever it is made of: its events so far, and waiting for those to come. */
export abstract class CallPeer implements AsyncDisposable {
  readonly uid: string;
  readonly events: PeerEvent[] = [];

  constructor(uid: string) {
    this.uid = uid;
  }

  /** The first event after the first `after` that has these fields; waits for it. */
  async heard(fields: Partial<PeerEvent>, after = 0): Promise<PeerEvent> {
    const wanted = Object.entries(fields);
    return await this.#find(
      JSON.stringify(fields),
      (event) => wanted.every(([name, value]) => event[name] === value),
      after,
    );
  }

  /** Waits until it has shown so many frames of another peer; a callee knows only a "caller". */
  async sees(peer: string, frames = 10): Promise<void> {
    await this.#find(
      `${frames} frames of ${peer}`,
      ({ event, peer: from, count }) =>
        event === "frames" && from === peer && Number(count) >= frames,
    );
  }

  /** Ends its connection in good order. */
  abstract leave(): Promise<void>;

  abstract [Symbol.asyncDispose](): Promise<void>;

  /** Adds at least one to the events, or rejects if there will be no more. */
  protected abstract more(): Promise<void>;

  async #find(
    what: string,
    accepts: (event: PeerEvent) => boolean,
    after = 0,
  ): Promise<PeerEvent> {
    const deadline = performance.now() + PATIENCE_MS;
    let next = after;
    while (true) {
      const found = this.events.slice(next).find(accepts);
      if (found !== undefined) return found;
      next = Math.max(next, this.events.length);
      const left = deadline - performance.now();
      await within(`${what} at ${this.uid}, which told ${this.#tail()}`, this.more(), left);
    }
  }

  #tail(): string {
    return JSON.stringify(this.events.slice(-10));
  }
}

/** An application in a process of its own, which writes its events as lines of JSON. */
export class ProgramPeer extends CallPeer {
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<void>;
  #more = Promise.withResolvers<void>();
  #errors = "";

  constructor(uid: string, program: string, args: readonly string[]) {
    super(uid);
    this.#child = new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#more.promise.catch(() => {}); // it may end while nobody waits
    this.#ended = this.#watch();
  }

  async leave(): Promise<void> {
    await this.#child.stdin.close();
    await within(`${this.uid} to end`, this.#ended);
  }

  /** Stops or continues the process, or ends it without a word. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already, which is what was wanted.
    }
    await this.#ended;
    await this.#child.stdin.close().catch(() => {}); // closed or broken: the process is gone
  }

  protected override more(): Promise<void> {
    return this.#more.promise;
  }

  async #watch(): Promise<void> {
    await Promise.all([this.#readEvents(), this.#readErrors()]);
    const { code } = await this.#child.status;
    this.#more.reject(new Error(`${this.uid} ended with code ${code}\n${this.#errors}`));
  }

  async #readEvents(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.events.push(...lines.map((line) => JSON.parse(line)));
      this.#more.resolve();
      this.#more = Promise.withResolvers();
      this.#more.promise.catch(() => {});
    }
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#errors += text;
    }
  }
}

/** The Python application around webrtcbin. */
export class WebrtcbinPeer extends ProgramPeer {
  constructor(server: string, uid: string, { call, room, offer }: PeerOptions = {}) {
    const script = fileURLToPath(new URL("webrtcbin_peer.py", import.meta.url));
    super(uid, programOf("gstreamer"), [
      script,
      ...["--server", server, "--uid", uid],
      ...(call === undefined ? [] : ["--call", call]),
      ...(room === undefined ? [] : ["--room", room]),
      ...(offer ? ["--offer"] : []),
      ...(server.startsWith("wss:") ? ["--insecure"] : []),
    ]);
  }
}

/** The page that speaks for the browser. */
export class PagePeer extends CallPeer {
  readonly page: Page;
  readonly #files: PageServer;

  private constructor(uid: string, page: Page, files: PageServer) {
    super(uid);
    this.page = page;
    this.#files = files;
  }

  static async open(
    browser: Browser,
    server: string,
    uid: string,
    { call, room, offer, reconnect, channel }: PagePeerOptions = {},
  ): Promise<PagePeer> {
    const query = new URLSearchParams({ server, uid });
    if (call !== undefined) query.set("call", call);
    if (room !== undefined) query.set("room", room);
    if (offer) query.set("offer", "");
    if (reconnect) query.set("reconnect", "");
    if (channel) query.set("channel", "");
    const files = await startPageServer({
      "/": await Deno.readTextFile(new URL("call_page.html", import.meta.url)),
      "/call_page.js": await Deno.readTextFile(new URL("call_page.js", import.meta.url)),
    });
    try {
      return new PagePeer(uid, await browser.newPage(`${files.url}?${query}`), files);
    } catch (error) {
      await files[Symbol.asyncDispose]();
      throw error;
    }
  }

  async leave(): Promise<void> {
    await this.page.call("hangUp");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
    await this.#files[Symbol.asyncDispose]();
  }

  protected override async more(): Promise<void> {
    const count = this.events.length;
    const events = await this.page.call<PeerEvent[]>("eventsAfter", count);
    // Two who wait at once get the same events.
    this.events.splice(count, events.length, ...events);
  }
}
