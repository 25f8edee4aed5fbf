import type { Clock } from "../../core/clock.ts";
import type { Listener, ListenOptions, TlsMaterial } from "../transport.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
const REPORT_EVERY_MS = 60_000;

/** A port that `Deno.serve` listens on. If that server breaks down, another one takes its place. */
export class ServeListener implements Listener {
  readonly #options: ListenOptions;
  readonly #clock: Clock;
  #tls: TlsMaterial | undefined;
  #server: Deno.HttpServer<Deno.NetAddr>;
  /** The address in use, with the port that the system chose. */
  readonly #address: { readonly hostname: string; readonly port: number };
  /** The server that a renewal has ended. */
  #retired: Deno.HttpServer<Deno.NetAddr> | undefined;
  #stopped: Promise<void> | undefined;
  #reportedAt = -Infinity;
  #attempts = 0;

  /** Listens at once; throws the system's error if it cannot. */
  constructor(options: ListenOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#tls = options.tls;
    const { hostname } = options;
    this.#server = this.#serve(hostname, options.port);
    this.#address = { hostname, port: this.#server.addr.port };
    this.#watch(this.#server);
  }

  get port(): number {
    return this.#address.port;
  }

  /** Listens anew with another certificate. The caller has closed the connections. */
  async renew(tls: TlsMaterial): Promise<void> {
    this.#tls = tls;
    // Listening ends at once; the promise would wait for requests that may never end.
    this.#retired = this.#server;
    this.#retired.shutdown().catch(() => {});
    await this.#listenAgain();
  }

  /** Whether open WebSockets survive this depends on the version of the runtime. */
  async stop(): Promise<void> {
    await (this.#stopped ??= this.#server.shutdown());
  }

  #serve(hostname: string, port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({
      hostname,
      port,
      ...this.#tls,
      onListen: () => {},
      // The handler answers its own faults, so this is a fault of the runtime.
      onError: () => new Response(null, { status: 500 }),
    }, (request, info) => this.#options.handle(request, info.remoteAddr.hostname));
  }

  #watch(server: Deno.HttpServer<Deno.NetAddr>): void {
    const onEnd = (error: unknown): void => {
      const isMeant = this.#stopped !== undefined || server === this.#retired;
      if (isMeant || server !== this.#server) return;
      this.#report(error);
      this.#listenAgain();
    };
    // The runtime also closes a server without an error, such as after an answer that it did not expect.
    server.finished.then(() => onEnd(new Error("the runtime has closed the listener")), onEnd);
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
        // The port is free a moment after it was given up; the breakdown was reported already.
        if (pauseMs === LONGEST_PAUSE_MS) this.#report(error);
        await this.#clock.delay(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  #report(error: unknown): void {
    const now = this.#clock.now();
    if (now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    this.#options.onBroken(error);
  }
}
