/**
 * A remote Deno KV, as far as signalbox needs one: the metadata exchange and the data path of the
 * KV Connect protocol over a map. A test can make it fail.
 */
export class RemoteKv implements AsyncDisposable {
  /** Answers everything with this status, where it is set. */
  status: number | undefined;
  /** Accepts requests and answers none before it is healed. */
  isSilent = false;
  /** Requests so far. */
  asked = 0;
  /** Tokens that clients came with. */
  readonly tokens = new Set<string>();
  /** By the key in hexadecimal digits, which sort as the bytes do. */
  readonly #records = new Map<string, Entry>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #healed = Promise.withResolvers<void>();
  #version = 0;

  /** @param port a free one unless told */
  constructor(port = 0) {
    const options = { hostname: "127.0.0.1", port, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
  }

  get port(): number {
    return this.#server.addr.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    await this.#server.shutdown();
  }

  /** Ends every fault, and answers everything that was asked meanwhile. */
  heal(): void {
    this.status = undefined;
    this.isSilent = false;
    this.#healed.resolve();
    this.#healed = Promise.withResolvers();
  }

  async #answer(request: Request): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer());
    this.asked++;
    if (this.isSilent) await this.#healed.promise;
    if (this.status !== undefined) return new Response("out of order", { status: this.status });
    const { pathname } = new URL(request.url);
    if (pathname === "/data/snapshot_read") return message(this.#read(decode(body)));
    if (pathname === "/data/atomic_write") return message(this.#write(decode(body)));
    this.tokens.add(request.headers.get("authorization") ?? "");
    return Response.json({
      version: 3,
      databaseId: "00000000-0000-4000-8000-000000000001",
      endpoints: [{ url: `${this.url}/data`, consistency: "strong" }],
      token: "data-path-token",
      expiresAt: "2100-01-01T00:00:00Z",
    });
  }

  #read(request: Fields): Uint8Array<ArrayBuffer> {
    const ranges = parts(request, 1).map(decode).map((range) => {
      const [start, end] = [part(range, 1).toHex(), part(range, 2).toHex()];
      const keys = [...this.#records.keys()].filter((key) => key >= start && key < end).sort();
      if (number(range, 4) === 1) keys.reverse();
      const entries = keys.slice(0, number(range, 3)).map((key) => {
        const { value, encoding, version } = this.#records.get(key) as Entry; // just listed
        return field(1, [
          ...field(1, Uint8Array.fromHex(key)),
          ...field(2, value),
          ...field(3, encoding),
          ...field(4, version),
        ]);
      });
      return field(1, entries.flat());
    });
    return Uint8Array.from([...ranges.flat(), ...field(4, 1), ...field(8, 1)]);
  }

  #write(request: Fields): Uint8Array<ArrayBuffer> {
    for (const check of parts(request, 1).map(decode)) {
      const found = this.#records.get(part(check, 1).toHex())?.version.toHex() ?? "";
      const wanted = part(check, 2).toHex();
      if (found !== wanted) return Uint8Array.from(field(1, 2));
    }
    const version = new Uint8Array(10);
    new DataView(version.buffer).setUint32(4, ++this.#version);
    for (const mutation of parts(request, 2).map(decode)) {
      const key = part(mutation, 1).toHex();
      const value = decode(part(mutation, 2));
      if (number(mutation, 3) === 2) this.#records.delete(key);
      else {
        this.#records.set(key, { value: part(value, 1), encoding: number(value, 2), version });
      }
    }
    return Uint8Array.from([...field(1, 1), ...field(2, version)]);
  }
}

interface Entry {
  readonly value: Uint8Array;
  readonly encoding: number;
  readonly version: Uint8Array;
}

// Protocol Buffers, the little of it that is needed: numbers and bytes.

type Fields = ReadonlyMap<number, readonly (number | Uint8Array)[]>;

function message(body: Uint8Array<ArrayBuffer>): Response {
  return new Response(body, { headers: { "content-type": "application/x-protobuf" } });
}

function decode(bytes: Uint8Array): Fields {
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const isBytes = (tag & 7) === 2;
    const number = varint();
    if (isBytes) at += number;
    const value = isBytes ? bytes.slice(at - number, at) : number;
    fields.set(tag >> 3, [...fields.get(tag >> 3) ?? [], value]);
  }
  return fields;
}

function parts(fields: Fields, number: number): Uint8Array[] {
  return (fields.get(number) ?? []).filter((value) => value instanceof Uint8Array);
}

function part(fields: Fields, number: number): Uint8Array {
  return parts(fields, number)[0] ?? new Uint8Array();
}

function number(fields: Fields, number: number): number {
  return (fields.get(number) ?? []).find((value) => typeof value === "number") ?? 0;
}

function field(number: number, value: number | ArrayLike<number>): number[] {
  if (typeof value === "number") return [number << 3, ...varintOf(value)];
  return [(number << 3) | 2, ...varintOf(value.length), ...Array.from(value)];
}

function varintOf(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varintOf(Math.floor(value / 128))];
}
