import { assertEquals } from "@std/assert";
import { SignalError } from "../../../src/core/errors.ts";
import type { Link } from "../../../src/core/session.ts";
import type { Visit } from "../../../src/core/visit.ts";
import { Gate } from "../../../src/http/gate.ts";
import type { Checked } from "../../../src/http/route.ts";
import { type Handshake, Upgrades } from "../../../src/server/door/upgrades.ts";
import { Connections } from "../../../src/transport/connections.ts";
import { NO_BUDGET } from "../../helpers/session/budget.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import { FakeSocket } from "../../helpers/session/fake_socket.ts";
import { WIDE_LIMITS } from "../../helpers/session/hub.ts";
import { ScriptedSession } from "../../helpers/session/scripted_session.ts";
import { visitOf } from "../../helpers/session/visit.ts";

const LIMITS = { ...WIDE_LIMITS, maxQueuedBytes: 1_000_000, stallTimeoutMs: 15_000 };

/** A route whose check the test settles. */
class Bench implements Disposable {
  readonly checked = Promise.withResolvers<Checked>();
  readonly log: string[] = [];
  isClosed = false;
  isBanned = false;
  readonly gate: Gate;
  readonly #connections: Connections;
  readonly #upgrades: Upgrades;

  constructor() {
    const clock = new FakeClock();
    const silent = { opened: () => {}, refused: () => {}, ended: () => {}, failed: () => {} };
    const limits = {
      maxConnections: Infinity,
      maxConnectionsPerAddress: Infinity,
      connectionsPerSecond: Infinity,
      connectionBurst: Infinity,
      maxAddresses: 100,
      maxRefusalConnections: 100,
    };
    this.gate = new Gate(limits, [], clock.now, { has: () => this.isBanned });
    this.#connections = new Connections(clock, silent, NO_BUDGET);
    this.#upgrades = new Upgrades({
      gate: this.gate,
      connections: this.#connections,
      clock,
      maxSilenceMs: 30_000,
      isClosed: () => this.isClosed,
      onTurnedAway: (_, status) => this.log.push(`status ${status}`),
      onRequestRefused: (_, { code }, word) => this.log.push(`${code} ${word}`),
      signpost: { silent: () => {} },
      transport: {
        upgrade: () => ({
          socket: new FakeSocket().asSocket,
          // Scripts cannot make an answer of this status.
          response: Object.defineProperty(new Response(), "status", { value: 101 }),
        }),
      },
    });
  }

  async knock(outcome: Checked): Promise<number> {
    const answer = this.#upgrades.handle(this.#handshake());
    assertEquals(this.gate.connections, 1);
    this.checked.resolve(outcome);
    return (await answer).status;
  }

  #handshake(): Handshake {
    const connect = (): never => {
      throw new Error("Connected past the check");
    };
    const check = (): Promise<Checked> => this.checked.promise;
    const route = { kind: "upgrade", path: "/x", limits: LIMITS, connect, check } as const;
    return {
      request: new Request("http://localhost/x"),
      visit: visitOf("/x"),
      upgrade: { owner: "x", route },
      guests: [],
    };
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }
}

const session = (_: Visit, link: Link): ScriptedSession => new ScriptedSession(link);

Deno.test("a client is upgraded once its check has admitted it, and holds its place from before", async () => {
  using bench = new Bench();
  assertEquals(await bench.knock({ connect: session }), 101);
  assertEquals([bench.gate.connections, bench.log], [1, []]);
});

for (
  const [code, status] of [
    ["credentials_missing", 401],
    ["credentials_wrong", 401],
    ["credentials_expired", 401],
    ["dialect_forbidden", 403],
    ["auth_unavailable", 503],
  ] as const
) {
  Deno.test(`a check that refuses with ${code} answers ${status} and gives the place back`, async () => {
    using bench = new Bench();
    const refusal = new SignalError(code, "Refused", {}, "auth_why");
    assertEquals(await bench.knock({ refusal }), status);
    assertEquals([bench.gate.connections, bench.log], [0, [`${code} auth_why`]]);
  });
}

Deno.test("a client whose check ends while the server stops is not let in", async () => {
  using bench = new Bench();
  queueMicrotask(() => bench.isClosed = true);
  assertEquals(await bench.knock({ connect: session }), 503);
  assertEquals([bench.gate.connections, bench.log], [0, ["status 503"]]);
});

Deno.test("a client whose address is banned while its token is checked is not let in", async () => {
  using bench = new Bench();
  queueMicrotask(() => bench.isBanned = true);
  assertEquals(await bench.knock({ connect: session }), 403);
  assertEquals([bench.gate.connections, bench.log], [0, ["address_banned address_banned"]]);
});
