import { assert, assertEquals } from "@std/assert";
import { within } from "./waiting.ts";

interface ApiEvent {
  readonly id: string;
  readonly event: string;
  readonly data: {
    readonly type: string;
    readonly timestamp: string;
    readonly instance: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

/** A stream of events that is read one by one. */
export class EventReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";
  comments = 0;

  constructor(response: Response) {
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    assert(response.body !== null);
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  }

  async next(): Promise<ApiEvent> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end === -1) {
        const { value, done } = await within("an event", this.#reader.read());
        if (done) throw new Error("The stream has ended");
        this.#text += value;
        continue;
      }
      const block = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      if (block.startsWith(":")) {
        this.comments++;
        continue;
      }
      const fields = new Map(
        block.split("\n").map((line) => {
          const [name = "", ...rest] = line.split(": ");
          return [name, rest.join(": ")];
        }),
      );
      const data = JSON.parse(fields.get("data") ?? "");
      return { id: fields.get("id") ?? "", event: fields.get("event") ?? "", data };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}
