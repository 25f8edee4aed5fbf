import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { clientTest, programOf } from "../helpers/process/clients.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { within } from "../helpers/wire/waiting.ts";

const PEER = fileURLToPath(new URL("socket_io/polling_peer.py", import.meta.url));

/** A peer on Debian's python-socketio, and what it reports. */
class PythonPeer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(url: string, token: string) {
    this.#child = new Deno.Command(programOf("python-socketio"), {
      args: [PEER, url, token],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Sends messages numbered from 0 to another peer, all at once. */
  async send(to: string, count: number): Promise<void> {
    const command = `${JSON.stringify({ to, count })}\n`;
    await this.#input.write(new TextEncoder().encode(command));
  }

  /** The next report. */
  async next(): Promise<Readonly<Record<string, unknown>>> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await within("a report of the peer", this.#lines.read());
      if (done) throw new Error("Instead of a report came the end of the peer");
      this.#text += value;
    }
    const [line = "", ...rest] = this.#text.split("\n");
    this.#text = rest.join("\n");
    return JSON.parse(line);
  }

  /** Ends it as its own code does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    while (!(await within("the end of the peer", this.#lines.read())).done);
    await within("the end of the process", this.#child.status);
  }
}

clientTest({
  name: "python-socketio: everything arrives of bursts of 40, over polling on both ends",
  needs: ["python-socketio"],
  fn: async () => {
    await using server = startTestServer();
    await using alice = new PythonPeer(server.url, "alice");
    assertEquals(await alice.next(), { authenticated: { uid: "alice" } });
    await using bob = new PythonPeer(server.url, "bob");
    assertEquals(await bob.next(), { authenticated: { uid: "bob" } });
    for (const [sender, receiver, name] of [[alice, bob, "bob"], [bob, alice, "alice"]] as const) {
      await sender.send(name, 40);
      // The library hands each message to a thread of its own, and so loses their order.
      const heard = new Set<unknown>();
      for (let count = 0; count < 40; count++) {
        const { message } = await receiver.next() as { message: { data: unknown } };
        heard.add(message.data);
      }
      assertEquals(heard, new Set(Array.from({ length: 40 }, (_, number) => number)));
      for (let number = 0; number < 40; number++) {
        assertEquals(await sender.next(), { answered: [] });
      }
    }
  },
});
