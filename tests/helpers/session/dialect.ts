import { Calls } from "../../../src/core/calls/calls.ts";
import type { Happenings } from "../../../src/core/happenings.ts";
import type { Hub, Reserve } from "../../../src/core/hub.ts";
import type { Judge } from "../../../src/auth/authenticator.ts";
import type { DialectStore } from "../../../src/core/kept.ts";
import type { HubLimits, LinkLimits } from "../../../src/core/limits.ts";
import type { Session } from "../../../src/core/session.ts";
import type { Visit } from "../../../src/core/visit.ts";
import type { Dialect, Namespace, OpenDialect, Reading } from "../../../src/dialects/dialect.ts";
import type { Route } from "../../../src/http/route.ts";
import { Router } from "../../../src/http/router.ts";
import { newAuthentication } from "./auth.ts";
import { FakeClock } from "./fake_clock.ts";
import type { FakeLink } from "./fake_link.ts";
import { dealHubs } from "../cluster/dealt.ts";
import { connect, newTestHub, NO_LIMITS, settle, TestClient } from "./hub.ts";
import { hubs } from "./hub_modes.ts";
import { WIDE_CALLS } from "./legs.ts";
import { NO_GREETING } from "./namespace.ts";
import { realms } from "./realms.ts";
import { newMemoryStore } from "../store/store.ts";
import { visitOf } from "./visit.ts";

export interface DialectTestOptions {
  /** The dialect's part of a configuration; defaults elsewhere. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<HubLimits>;
  readonly reserve?: Reserve;
  /** Judges the clients' tokens; without one nobody needs a token, unless the options name some. */
  readonly judge?: Judge | undefined;
  /** A realm that the dialect shares with others; one of its own elsewhere. */
  readonly bridge?: { readonly hub: Hub; readonly clock: FakeClock; readonly realm: string };
  /** A hub that others use, too; one of its own elsewhere. */
  readonly on?: { readonly hub: Hub; readonly clock: FakeClock };
  /** Gets the news for operators. */
  readonly happenings?: Happenings;
  /** State left behind by an earlier bench; empty otherwise. */
  readonly store?: DialectStore;
}

/** Time after which a server has forgotten every client that was lost. */
export const FORGOTTEN_MS = 200_000;

/** Where sessions begin, whatever carries them. */
export interface Opening {
  readonly limits: LinkLimits;
  readonly connect: (link: FakeLink) => Session;
}

/** A realm as with `--bridge all`, if this process is to have such; undefined elsewhere. */
function ownBridge(
  realm: string,
  { limits, happenings }: DialectTestOptions,
): DialectTestOptions["bridge"] {
  if (realms.mode === "own") return undefined;
  const clock = new FakeClock();
  const calls = new Calls(WIDE_CALLS, clock, () => {});
  return { hub: newTestHub(limits, { calls }, happenings), clock, realm };
}

/** One dialect at work on a hub and a clock of its own, reached by its routes but for the network. */
export class DialectBench implements Disposable {
  readonly hub: Hub;
  readonly realm: string;
  readonly clock: FakeClock;
  readonly open: OpenDialect;
  readonly store: DialectStore;
  /** How many sealed items the dialect could not make anything of. */
  unreadable = 0;
  /** Warnings of the dialect, each with its facts. */
  readonly warnings: (readonly [what: string, facts: Readonly<Record<string, string | number>>])[] =
    [];
  readonly #dialect: Dialect;
  readonly #clients: TestClient[] = [];
  readonly #test: DialectTestOptions;
  readonly #undo = new DisposableStack();
  /** The dialect at work on each node, of which there is one but for "dealt" hubs. */
  readonly #nodes: readonly { readonly open: OpenDialect; readonly router: Router }[];
  #dealt = 0;

  constructor(dialect: Dialect, test: DialectTestOptions = {}) {
    const { options = {}, limits, reserve } = test;
    this.#dialect = dialect;
    this.#test = test;
    this.store = {
      ...test.store ?? newMemoryStore().dialect(dialect.name, (id) => this.hub.has(this.realm, id)),
      unreadable: (items) => this.unreadable += items,
    };
    const { on } = test;
    const bridge = test.bridge ?? (on === undefined ? ownBridge(dialect.name, test) : undefined);
    this.clock = bridge?.clock ?? on?.clock ?? new FakeClock();
    const given = bridge?.hub ?? on?.hub;
    const dealt = hubs.mode === "dealt" && given === undefined
      ? this.#undo.use(dealHubs({ ...NO_LIMITS, ...limits }, test.happenings))
      : undefined;
    this.hub = given ?? dealt?.asOne ?? newTestHub(limits, undefined, test.happenings);
    const nodes = dealt?.hubs ?? [this.hub];
    this.realm = bridge?.realm ?? dialect.name;
    if (reserve !== undefined) { for (const hub of nodes) hub.reserve(this.realm, reserve); }
    const checked = dialect.options.parse(options);
    const authenticator = newAuthentication({
      clock: this.clock,
      own: new Map([[dialect.name, dialect.tokens?.(checked) ?? []]]),
      judge: test.judge,
      dialects: [dialect.name],
    });
    if (bridge !== undefined) {
      const admits = (room: string, token?: string): boolean =>
        authenticator.admits(dialect.name, room, token);
      this.hub.rulesOf(this.realm).guard(dialect.name, admits);
    }
    this.#nodes = nodes.map((hub) => {
      const open = dialect.open(checked, {
        hub,
        realm: this.realm,
        dialect: dialect.name,
        isBridged: bridge !== undefined,
        clock: this.clock,
        iceServers: () => [],
        basePath: "",
        authenticator,
        store: this.store,
        warn: (what, facts) => void this.warnings.push([what, facts]),
      });
      this.#undo.defer(() => open[Symbol.dispose]?.());
      const routes = open.routes.map((route) => ({ owner: dialect.name, route }));
      return { open, router: new Router(routes) };
    });
    this.open = this.#node(0).open;
  }

  /**
   * The end of this one as a server plans it, and the next on the same store.
   * @param ageMs how long nobody served
   * @param change does something to what was sealed
   */
  async restart(
    { ageMs = 0, change = (items) => items, ...test }: DialectTestOptions & {
      readonly ageMs?: number;
      readonly change?: (items: unknown[]) => unknown[];
    } = {},
  ): Promise<DialectBench> {
    this.hub.silence();
    for (const { link } of this.#clients) link.close(1001);
    await settle();
    const items = change(JSON.parse(JSON.stringify([...this.open.seal?.().items ?? []])));
    this[Symbol.dispose]();
    const store = { ...this.store, sealed: { items, ageMs } };
    return new DialectBench(this.#dialect, { ...this.#test, store, ...test });
  }

  get name(): string {
    return this.#dialect.name;
  }

  get routes(): readonly Route[] {
    return this.open.routes;
  }

  /** The gauges of all nodes. */
  get gauges(): Reading[] {
    return this.#nodes.flatMap(({ open: { gauges = [] } }) => gauges);
  }

  /** The sum of a gauge over all nodes. */
  gauge(name: string): number {
    return this.gauges.reduce((sum, gauge) => gauge.name === name ? sum + gauge.read() : sum, 0);
  }

  /** Connects a client to the route at a path; a query may follow. Nodes are taken in turn. */
  connect(target: string, more: Partial<Visit> = {}): Promise<TestClient> {
    const visit = visitOf(target, more);
    const route = this.#node(this.#dealt++).router.match(visit.url.pathname).upgrade?.route;
    if (route === undefined) throw new RangeError(`Cannot connect: no WebSocket at "${target}"`);
    return this.#keep(connect((link) => route.connect(visit, link), route.limits, this.clock.now));
  }

  async #keep(connecting: Promise<TestClient>): Promise<TestClient> {
    const client = await connecting;
    this.#clients.push(client);
    return client;
  }

  /** Connects a client to a Socket.IO namespace: its frames are the namespace's packets. */
  connectTo(namespace: string, query = ""): Promise<TestClient> {
    const { namespaces = [] } = this.#node(this.#dealt++).open;
    const found = namespaces.find(({ name }) => name === namespace);
    if (found === undefined) throw new RangeError(`Cannot connect: no namespace "${namespace}"`);
    const visit = visitOf(`/socket.io/${query}`);
    return this.#keep(
      connect((link) => found.connect(visit, link, NO_GREETING), found.limits, this.clock.now),
    );
  }

  get namespaces(): readonly Namespace[] {
    return this.open.namespaces ?? [];
  }

  /** Everything that begins a session. */
  get openings(): readonly Opening[] {
    const posting = { method: "GET", body: "", lastEventId: undefined } as const;
    const ofRoutes = this.routes.flatMap((route): Opening[] => {
      const visit = visitOf(route.path);
      switch (route.kind) {
        case "upgrade":
          return [{ limits: route.limits, connect: (link) => route.connect(visit, link) }];
        case "stream":
          return [{ limits: route.limits, connect: (link) => route.connect(visit, link, posting) }];
        case "http":
          return [];
      }
    });
    const ofNamespaces = this.namespaces.map(({ limits, connect }): Opening => ({
      limits,
      connect: (link) => connect(visitOf("/socket.io/"), link, NO_GREETING),
    }));
    return [...ofRoutes, ...ofNamespaces];
  }

  /** A session of each opening, as it is before its connection is open. */
  unopened(): TestClient[] {
    return this.openings.map(({ limits, connect }) =>
      new TestClient(connect, limits, this.clock.now)
    );
  }

  /** Asks for a plain resource; undefined where there is none. */
  get(target: string): Response | undefined {
    const visit = visitOf(target);
    const route = this.#node(0).router.match(visit.url.pathname).resources[0]?.route;
    if (route === undefined) return undefined;
    const refusal = route.access === "open" ? undefined : route.access(visit);
    const answer = refusal ?? route.handle(new Request(visit.url), visit);
    if (answer instanceof Promise) throw new TypeError(`Cannot wait for "${target}"`);
    return answer;
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
  }

  #node(nth: number): { readonly open: OpenDialect; readonly router: Router } {
    const node = this.#nodes[nth % this.#nodes.length];
    if (node === undefined) throw new RangeError("Cannot use a bench without nodes");
    return node;
  }
}
