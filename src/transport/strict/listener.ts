import type { Listener, ListenOptions, TlsMaterial } from "../transport.ts";
import type { Conn, Host, HostMember, Shared } from "./host.ts";
import { HttpConnection } from "./http/connection.ts";

const SWEEP_MS = 500;
/** A sweep that is so late means that this process was suspended. */
const LATE_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
const REPORT_EVERY_MS = 60_000;
/** The old listener goes on accepting for so long, since clients may be in its queue already. */
const HANDOVER_MS = 1_000;
/** How long responses that are under way have at the end. */
const STOP_MS = 500;

/** Whether two acceptors can have one port, for as long as a certificate is being replaced. */
const MAY_SHARE = Deno.build.os === "linux";

type Acceptor = Deno.Listener<Conn, Deno.NetAddr>;

/** A port with sockets of our own. */
export class StrictListener implements Listener, Host {
  readonly shared: Shared;
  readonly handle: ListenOptions["handle"];
  readonly onRefused: ListenOptions["onRefused"];
  readonly port: number;
  readonly #options: ListenOptions;
  readonly #members = new Set<HostMember>();
  readonly #sweep: Disposable;
  readonly #acceptors = new Set<Acceptor>();
  #acceptor: Acceptor;
  #handover: Disposable | undefined = undefined;
  #isStopping = false;
  #onEmpty: (() => void) | undefined = undefined;
  #stopped: Promise<void> | undefined;
  #sweptAt: number;
  #reportedAt = -Infinity;

  /** Listens at once; throws the system's error if it cannot. */
  constructor(options: ListenOptions, shared: Shared) {
    this.shared = shared;
    this.handle = options.handle;
    this.onRefused = options.onRefused;
    this.#options = options;
    this.#acceptor = open(options);
    this.port = this.#acceptor.addr.port;
    this.#sweptAt = shared.clock.now();
    this.#sweep = shared.clock.every(SWEEP_MS, () => this.#sweepAll());
    this.#accept(this.#acceptor);
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  enter(member: HostMember): void {
    this.#members.add(member);
  }

  leave(member: HostMember): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.#onEmpty?.();
  }

  /** A second listener takes the port over; connections that exist live on. */
  renew(tls: TlsMaterial): Promise<void> {
    const old = this.#acceptor;
    if (!MAY_SHARE) this.#close(old);
    this.#acceptor = openTls(this.#options.hostname, this.port, tls);
    this.#accept(this.#acceptor);
    this.#handover?.[Symbol.dispose]();
    this.#handover = this.shared.clock.after(HANDOVER_MS, () => this.#close(old));
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    for (const acceptor of this.#acceptors) this.#close(acceptor);
    this.#handover?.[Symbol.dispose]();
    for (const member of [...this.#members]) member.retire();
    using _timer = this.shared.clock.after(STOP_MS, () => {
      for (const member of [...this.#members]) member.giveUp();
    });
    if (this.#members.size > 0) await new Promise<void>((resolve) => this.#onEmpty = resolve);
    this.#sweep[Symbol.dispose]();
  }

  /** Accepts until the acceptor is closed. A lack of descriptors is waited out. */
  async #accept(acceptor: Acceptor): Promise<void> {
    this.#acceptors.add(acceptor);
    let pauseMs = FIRST_PAUSE_MS;
    while (this.#acceptors.has(acceptor)) {
      try {
        this.#begin(await acceptor.accept());
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        if (!this.#acceptors.has(acceptor)) return;
        // The client went away while it was in the queue.
        if (isOneClients(error)) continue;
        this.#report(error);
        await this.shared.clock.delay(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  #begin(conn: Conn): void {
    const isSecure = "handshake" in conn;
    if (!isSecure) conn.setNoDelay();
    new HttpConnection(conn, this, isSecure).run();
  }

  #close(acceptor: Acceptor): void {
    if (this.#acceptors.delete(acceptor)) acceptor.close();
  }

  #sweepAll(): void {
    const now = this.shared.clock.now();
    const isLate = now - this.#sweptAt > LATE_MS;
    this.#sweptAt = now;
    this.shared.framer.forget();
    for (const member of this.#members) member.check(now, isLate);
  }

  #report(error: unknown): void {
    const now = this.shared.clock.now();
    if (now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    this.#options.onBroken(error);
  }
}

function open({ hostname, port, tls }: ListenOptions): Acceptor {
  const plain = Deno.listen({ hostname, port });
  if (tls === undefined) return plain;
  // The port was free of others: an acceptor that shares it would not notice them.
  const { addr } = plain;
  plain.close();
  return openTls(hostname, addr.port, tls);
}

function openTls(hostname: string, port: number, tls: TlsMaterial): Acceptor {
  return Deno.listenTls({
    hostname,
    port,
    ...tls,
    alpnProtocols: ["http/1.1"],
    ...(MAY_SHARE ? { reusePort: true } : {}),
  });
}

function isOneClients(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
