import { assert, assertEquals } from "@std/assert";
import { within } from "../wire/waiting.ts";

/** Numbers in [0, 1) that are the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    // An xorshift: good enough to choose moments and receivers.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Every signal that was said, what the server answered, and where it arrived. */
export class Ledger {
  #next = 0;
  readonly #receivers: string[] = [];
  readonly #acknowledged = new Set<number>();
  readonly #received = new Set<number>();
  acknowledged = 0;
  queued = 0;

  /** A new signal's number. */
  say(to: string): number {
    this.#receivers.push(to);
    return this.#next++;
  }

  acknowledge(id: number, { queued }: { readonly queued: number }): void {
    this.#acknowledged.add(id);
    this.acknowledged++;
    this.queued += queued;
  }

  receive(id: number, by: string): void {
    assertEquals(this.#receivers[id], by, `Signal ${id} arrived at the wrong client`);
    assert(!this.#received.has(id), `Signal ${id} arrived twice`);
    this.#received.add(id);
  }

  /** Fails where an acknowledged signal has not arrived. */
  settle(): void {
    const missing = [...this.#acknowledged].filter((id) => !this.#received.has(id));
    assertEquals(missing, [], "Acknowledged signals did not arrive");
    this.#acknowledged.clear();
  }

  /** The process was killed: messages on their way may be lost. */
  forgive(): void {
    this.#acknowledged.clear();
  }
}

interface Answer {
  readonly event?: string;
  readonly [name: string]: unknown;
}

/** A client of Simple Signalling that comes back as the contract says, and checks each number. */
export class RestartedClient {
  readonly #ledger: Ledger;
  #socket: WebSocket | undefined;
  #credentials: { p_id: string; p_secret: string; p_instance: number } | undefined;
  #lastSeq = 0;
  #nextRef = 0;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #joined = Promise.withResolvers<Answer>();
  #closed: Promise<void> = Promise.resolve();
  /** Numbers of markers that came, and who waits for one. */
  readonly #markers = new Set<string>();
  #onMarker: () => void = () => {};
  /** Problems that no client could report. */
  #fault: unknown;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  get id(): string {
    return this.#credentials?.p_id ?? "";
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Joins, or comes back. @param recovers whether nothing may be missing; undefined for either */
  async enter(url: string, recovers: boolean | undefined): Promise<void> {
    this.#joined = Promise.withResolvers();
    const socket = this.#socket = new WebSocket(`${url.replace(/^http/, "ws")}/simple`);
    const closed = Promise.withResolvers<void>();
    this.#closed = closed.promise;
    const before = this.#credentials;
    socket.onopen = () =>
      this.#send({
        event: "join",
        room: "r",
        ...before,
        ...(before === undefined ? {} : { seq: this.#lastSeq }),
      });
    socket.onmessage = ({ data }) => {
      try {
        this.#take(JSON.parse(data));
      } catch (error) {
        this.#fault ??= error;
        this.#joined.reject(error);
        this.#onMarker();
      }
    };
    socket.onerror = () => {};
    socket.onclose = () => {
      for (const resolve of this.#waiting.values()) resolve(undefined);
      this.#waiting.clear();
      this.#joined.reject(new Error("The connection ended before the join was answered"));
      closed.resolve();
    };
    const lastSeq = this.#lastSeq;
    const ready = await within("the join", this.#joined.promise);
    if (before !== undefined) {
      assertEquals(this.#credentials?.p_id, before.p_id, "Another id");
      if (recovers !== undefined) assertEquals(ready["recovered"], recovers, "Recovered");
      if (recovers) assertEquals([this.#credentials, ready["seq"]], [before, lastSeq]);
    }
  }

  /** Says a signal; resolves with its number where it was acknowledged. */
  async say(to: string): Promise<void> {
    const id = this.#ledger.say(to);
    const answer = await this.#ask({ event: "signal", type: "data", peer_id: to, data: id });
    if (answer?.event !== "ok") return;
    this.#ledger.acknowledge(id, { queued: Number(answer["queued"]) });
  }

  /** Sends a marker. Everything that this client sent before to the same one arrives before it. */
  async mark(to: string, marker: string): Promise<void> {
    const data = { marker: `${marker} ${this.id}` };
    const answer = await this.#ask({ event: "signal", type: "data", peer_id: to, data });
    assertEquals(answer?.event, "ok", JSON.stringify(answer));
  }

  /** Waits for the marker of another client. */
  async heard(from: string, marker: string): Promise<void> {
    const name = `${marker} ${from}`;
    const seen = Promise.withResolvers<void>();
    this.#onMarker = () => {
      if (this.#markers.has(name) || this.#fault !== undefined) seen.resolve();
    };
    this.#onMarker();
    await within("a marker", seen.promise);
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Resolves when the server has hung up, or is gone. */
  async ended(): Promise<void> {
    await within("the end of the connection", this.#closed);
    if (this.#fault !== undefined) throw this.#fault;
  }

  #send(frame: unknown): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  #ask(frame: Record<string, unknown>): Promise<Answer | undefined> {
    const ref = this.#nextRef++;
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    if (!this.isOpen) return Promise.resolve(undefined);
    this.#waiting.set(ref, resolve);
    this.#send({ ...frame, ref });
    return promise;
  }

  #take(frame: Answer): void {
    switch (frame.event) {
      case undefined:
        this.#credentials = { p_secret: "", p_instance: 0, p_id: String(frame["p_id"]) };
        return;
      case "ready":
        this.#credentials = {
          p_id: this.id,
          p_secret: String(frame["p_secret"]),
          p_instance: Number(frame["p_instance"]),
        };
        this.#lastSeq = Number(frame["seq"]);
        return this.#joined.resolve(frame);
      case "signal":
        assertEquals(frame["seq"], this.#lastSeq + 1, "A signal is missing, or came twice");
        this.#lastSeq++;
        if (typeof frame["data"] === "number") this.#ledger.receive(frame["data"], this.id);
        else this.#markers.add(Object(frame["data"]).marker);
        return this.#onMarker();
      case "ok":
      case "error":
        this.#waiting.get(Number(frame["ref"]))?.(frame);
        this.#waiting.delete(Number(frame["ref"]));
        return;
    }
  }
}
