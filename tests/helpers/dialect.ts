import type { Hub, Reserve } from "../../src/core/hub.ts";
import type { HubLimits } from "../../src/core/limits.ts";
import type { Dialect, OpenDialect, Route } from "../../src/dialects/dialect.ts";
import { Router } from "../../src/http/router.ts";
import { FakeClock } from "./fake_clock.ts";
import { connect, newTestHub, type TestClient } from "./hub.ts";
import { newMemoryStore } from "./store.ts";

export interface DialectTestOptions {
  /** The dialect's part of a configuration; defaults elsewhere. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<HubLimits>;
  readonly reserve?: Reserve;
}

/** One dialect at work on a hub and a clock of its own, reached by its routes but for the network. */
export class DialectBench implements Disposable {
  readonly hub: Hub;
  readonly realm: string;
  readonly clock = new FakeClock();
  readonly open: OpenDialect;
  readonly #router: Router;

  constructor(dialect: Dialect, { options = {}, limits, reserve }: DialectTestOptions = {}) {
    this.hub = newTestHub(limits, reserve);
    this.realm = dialect.name;
    this.open = dialect.open(dialect.options.parse(options), {
      hub: this.hub,
      realm: dialect.name,
      clock: this.clock,
      store: newMemoryStore().dialect(dialect.name, () => false),
    });
    this.#router = new Router(this.routes.map((route) => ({ owner: dialect.name, route })));
  }

  get routes(): readonly Route[] {
    return this.open.routes;
  }

  /** Connects a client to the route at a path; a query may follow. */
  connect(target: string): Promise<TestClient> {
    const url = new URL(target, "http://signalbox.test");
    const route = this.#router.match(url.pathname).upgrade?.route;
    if (route === undefined) throw new RangeError(`Cannot connect: no WebSocket at "${target}"`);
    return connect((link) => route.connect(url, link), route.limits, this.clock.now);
  }

  /** Asks for a plain resource; undefined where there is none. */
  get(target: string): Response | undefined {
    const url = new URL(target, "http://signalbox.test");
    return this.#router.match(url.pathname).get?.route.handle(url);
  }

  [Symbol.dispose](): void {
    this.open[Symbol.dispose]?.();
  }
}
