import type { Clock } from "../core/clock.ts";

/** Certificate chain and private key, as PEM text. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

export interface ListenerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  readonly handle: (request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) =>
    | Response
    | Promise<Response>;
  readonly clock: Clock;
  /** The listener broke down and will be back; called once a minute at most. */
  readonly onBroken: (error: unknown) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
const REPORT_EVERY_MS = 60_000;

/** One listening port. When the system runs out of descriptors it listens again by itself. */
export class Listener {
  readonly #options: ListenerOptions;
  #tls: TlsMaterial | undefined;
  #server: Deno.HttpServer<Deno.NetAddr>;
  /** The address in use: where port 0 was asked for, the one that was given. */
  readonly #address: { readonly hostname: string; readonly port: number };
  #stopped: Promise<void> | undefined;
  #reportedAt = -Infinity;
  #attempts = 0;

  /** Listens at once; throws what the system says when it cannot. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#tls = options.tls;
    const { hostname } = options;
    this.#server = this.#serve(hostname, options.port);
    this.#address = { hostname, port: this.#server.addr.port };
    this.#watch(this.#server);
  }

  get port(): number {
    return this.#address.port;
  }

  /** Throws what the system says when a certificate and a key are not a pair that can be used. */
  static prove(tls: TlsMaterial): void {
    try {
      Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls }).close();
    } catch (error) {
      // With leave to listen at one address only, nothing can be proved.
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
    }
  }

  /** Listens anew with another certificate; connections that exist are the caller's. */
  async restart(tls: TlsMaterial): Promise<void> {
    this.#tls = tls;
    // It stops listening at once; requests that never end would keep it from ever being done.
    this.#server.shutdown().catch(() => {});
    await this.#listenAgain();
  }

  /** Accepts nobody any more. Open WebSockets may or may not outlive it, as the runtime likes. */
  async stop(): Promise<void> {
    await (this.#stopped ??= this.#server.shutdown());
  }

  #serve(hostname: string, port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({
      hostname,
      port,
      ...this.#tls,
      onListen: () => {},
      // The handler answers its own faults; what comes here is the runtime's.
      onError: () => new Response(null, { status: 500 }),
    }, this.#options.handle);
  }

  #watch(server: Deno.HttpServer<Deno.NetAddr>): void {
    server.finished.catch((error) => {
      if (this.#stopped !== undefined || server !== this.#server) return;
      this.#report(error);
      this.#listenAgain();
    });
  }

  async #listenAgain(): Promise<void> {
    const { hostname, port } = this.#address;
    const attempt = ++this.#attempts;
    let pauseMs = FIRST_PAUSE_MS;
    // A later attempt, with a newer certificate, ends an earlier one.
    while (this.#stopped === undefined && attempt === this.#attempts) {
      try {
        this.#server = this.#serve(hostname, port);
        this.#watch(this.#server);
        return;
      } catch (error) {
        // A port that was let go of is free a moment later; what broke down was told of.
        if (pauseMs === LONGEST_PAUSE_MS) this.#report(error);
        await this.#options.clock.delay(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  #report(error: unknown): void {
    const now = this.#options.clock.now();
    if (now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    this.#options.onBroken(error);
  }
}
