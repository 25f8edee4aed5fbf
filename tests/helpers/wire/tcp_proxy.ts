/** A way to a server that can go dead, as when a phone changes networks. */
export interface TcpProxy extends AsyncDisposable {
  readonly url: string;
  /**
   * Stops forwarding on every present connection, without closing any, and returns them.
   * Connections made later work.
   */
  freeze(): FrozenPath[];
  /** Ends every present connection without any farewell, towards both sides. */
  cut(): void;
}

/** A connection whose ends have not been told that it is dead. */
export interface FrozenPath {
  /** Bytes that the server has sent in vain. */
  sent(): Uint8Array;
  /** Whether the server has ended it. */
  isEnded(): boolean;
}

/**
 * Forwards a loopback port of its own to the host and port of a URL.
 * @param target the URL, or one for each new connection
 */
export function startTcpProxy(target: string | (() => string)): TcpProxy {
  const read = (): URL => new URL(typeof target === "string" ? target : target());
  const { protocol } = read();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const paths = new Set<Path>();
  const accepting = (async () => {
    for await (const client of listener) {
      const { hostname, port } = read();
      const server = await Deno.connect({ hostname, port: Number(port) });
      paths.add(new Path(client, server));
    }
  })();
  return {
    url: `${protocol}//127.0.0.1:${listener.addr.port}`,
    freeze: () => [...paths].filter((path) => path.freeze()),
    cut: () => paths.forEach((path) => path.cut()),
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      for (const path of paths) await path.close();
    },
  };
}

class Path implements FrozenPath {
  readonly #client: Deno.Conn;
  readonly #server: Deno.Conn;
  readonly #running: Promise<unknown>;
  readonly #sent: number[] = [];
  #isFrozen = false;
  #isEnded = false;

  constructor(client: Deno.Conn, server: Deno.Conn) {
    this.#client = client;
    this.#server = server;
    this.#running = Promise.all([this.#up(), this.#down()]);
  }

  sent(): Uint8Array {
    return Uint8Array.from(this.#sent);
  }

  isEnded(): boolean {
    return this.#isEnded;
  }

  /** False for a connection that had ended before. */
  freeze(): boolean {
    this.#isFrozen = !this.#isEnded;
    return this.#isFrozen;
  }

  cut(): void {
    hangUp(this.#client);
    hangUp(this.#server);
  }

  async close(): Promise<void> {
    this.cut();
    await this.#running;
  }

  async #up(): Promise<void> {
    await forEachRead(this.#client, async (bytes) => {
      if (!this.#isFrozen) await writeAll(this.#server, bytes);
    });
    if (!this.#isFrozen) hangUp(this.#server);
  }

  async #down(): Promise<void> {
    await forEachRead(this.#server, async (bytes) => {
      if (this.#isFrozen) this.#sent.push(...bytes);
      else await writeAll(this.#client, bytes);
    });
    this.#isEnded = true;
    if (!this.#isFrozen) hangUp(this.#client);
  }
}

/** Returns at the end of the connection, whichever way it comes. */
async function forEachRead(
  conn: Deno.Conn,
  take: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      await take(buffer.subarray(0, n));
    }
  } catch {
    // Reset, or closed by the other direction.
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
}

function hangUp(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
