import { assert, assertEquals } from "@std/assert";
import { type Admission, Gate, type GateLimits } from "../../src/http/gate.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const WIDE: GateLimits = {
  maxConnections: Infinity,
  maxConnectionsPerAddress: Infinity,
  connectionsPerSecond: Infinity,
  connectionBurst: Infinity,
  maxAddresses: 100_000,
  maxRefusalConnections: 100,
};

interface Bench {
  readonly gate: Gate;
  readonly clock: FakeClock;
  /** Why somebody is refused; "welcome" where nobody is. */
  readonly ask: (address?: string, origin?: string | null) => string;
}

function newBench(limits: Partial<GateLimits> = {}, origins: readonly string[] = []): Bench {
  const clock = new FakeClock();
  const gate = new Gate({ ...WIDE, ...limits }, origins, clock.now);
  return {
    gate,
    clock,
    ask: (address = "192.0.2.1", origin = null) => {
      const admission = gate.admit(address, origin);
      return admission === undefined ? "turned away" : admission.refusal?.code ?? "welcome";
    },
  };
}

function admit(gate: Gate, address = "192.0.2.1"): Admission {
  const admission = gate.admit(address, null);
  assert(admission !== undefined && admission.refusal === undefined);
  return admission;
}

Deno.test("the limit of connections in total holds, and places are free again afterwards", () => {
  const { gate, ask } = newBench({ maxConnections: 2 });
  const first = admit(gate);
  admit(gate, "192.0.2.2");
  assertEquals([ask("192.0.2.3"), gate.connections], ["server_full", 2]);
  first.release();
  assertEquals([ask("192.0.2.3"), gate.connections], ["welcome", 2]);
});

Deno.test("while the server drains, newcomers are refused as by a full server", () => {
  let isDraining = true;
  const clock = new FakeClock();
  const gate = new Gate(WIDE, [], clock.now, undefined, () => isDraining);
  const code = (isBrief: boolean) => gate.admit("192.0.2.1", null, isBrief)?.refusal?.code;
  assertEquals([code(false), code(true)], ["server_full", undefined]);
  isDraining = false;
  assertEquals(code(false), undefined);
});

Deno.test("one address takes as many places as its limit says, and leaves the others theirs", () => {
  const { gate, ask } = newBench({ maxConnectionsPerAddress: 2 });
  const first = admit(gate);
  admit(gate);
  assertEquals([ask(), ask("192.0.2.2")], ["address_full", "welcome"]);
  first.release();
  assertEquals([ask(), ask()], ["welcome", "address_full"]);
});

Deno.test("an IPv6 client is its first 64 bits", () => {
  const { ask } = newBench({ maxConnectionsPerAddress: 1 });
  assertEquals(ask("2001:db8:1:2::1"), "welcome");
  assertEquals(ask("2001:db8:1:2:ffff:ffff:ffff:ffff"), "address_full");
  assertEquals(ask("2001:db8:1:3::1"), "welcome");
});

Deno.test("new connections of one address come in a burst, and then as they are due", () => {
  const { clock, ask } = newBench({ connectionsPerSecond: 2, connectionBurst: 3 });
  assertEquals([ask(), ask(), ask(), ask()], ["welcome", "welcome", "welcome", "address_rate"]);
  assertEquals(ask("192.0.2.2"), "welcome");
  clock.advance(499);
  assertEquals(ask(), "address_rate");
  clock.advance(1);
  assertEquals([ask(), ask()], ["welcome", "address_rate"]);
  clock.advance(60_000);
  assertEquals([ask(), ask(), ask(), ask()], ["welcome", "welcome", "welcome", "address_rate"]);
});

Deno.test("a place that is given back does not give back the allowance for new connections", () => {
  const { gate, ask } = newBench({ connectionsPerSecond: 1, connectionBurst: 1 });
  admit(gate).release();
  assertEquals(ask(), "address_rate");
});

Deno.test("a request that equals a new connection counts for the rate, and takes no place", () => {
  const limits = { connectionsPerSecond: 1, connectionBurst: 2, maxConnectionsPerAddress: 2 };
  const { gate, clock, ask } = newBench(limits);
  const readmit = (): string => gate.readmit("192.0.2.1")?.code ?? "welcome";
  assertEquals([ask(), readmit(), readmit(), ask()], [
    "welcome",
    "welcome",
    "address_rate",
    "address_rate",
  ]);
  assertEquals([gate.connections, gate.readmit("192.0.2.2")], [1, undefined]);
  clock.advance(1_000);
  assertEquals([ask(), readmit()], ["welcome", "address_rate"]);
});

Deno.test("without limits everybody is welcome", () => {
  const { ask } = newBench();
  for (let nth = 0; nth < 1_000; nth++) assertEquals(ask(), "welcome");
});

Deno.test("with a list of origins only pages of those may connect, and clients that are no page", () => {
  const { ask } = newBench({}, ["https://a.example", "https://b.example:8443"]);
  for (const origin of [null, "https://a.example", "https://b.example:8443"]) {
    assertEquals(ask("192.0.2.1", origin), "welcome");
  }
  const others = ["https://b.example", "http://a.example", "https://A.example", "null", ""];
  for (const origin of [...others, "https://a.example.evil", "https://a.example/"]) {
    assertEquals(ask("192.0.2.1", origin), "origin_forbidden");
  }
});

Deno.test("without a list every origin may connect", () => {
  const { ask } = newBench();
  for (const origin of ["https://a.example", "null", "anything"]) {
    assertEquals(ask("192.0.2.1", origin), "welcome");
  }
});

Deno.test("a refused client takes no place and no allowance", () => {
  const { gate, ask } = newBench({ connectionsPerSecond: 1, connectionBurst: 1 }, ["https://a"]);
  assertEquals(ask("192.0.2.1", "https://b"), "origin_forbidden");
  assertEquals([gate.connections, ask()], [0, "welcome"]);
});

Deno.test("maxRefusalConnections: a client over the limit does not even get a refusal", () => {
  const { gate, ask } = newBench({ maxConnections: 0, maxRefusalConnections: 3 });
  const refused = gate.admit("192.0.2.1", null);
  for (let nth = 1; nth < 3; nth++) assertEquals(ask(), "server_full");
  assertEquals(ask(), "turned away");
  refused?.release();
  assertEquals([ask(), ask(), gate.connections], ["server_full", "turned away", 0]);
});

Deno.test("a refusal has words for people", () => {
  const { gate } = newBench({ maxConnections: 0 });
  assertEquals(gate.admit("192.0.2.1", null)?.refusal?.message, "server is full");
});

Deno.test("an address is forgotten when it is idle and its allowance is whole again", () => {
  const { gate, clock } = newBench({ connectionsPerSecond: 1, connectionBurst: 2 });
  const admission = admit(gate);
  clock.advance(60_000);
  gate.forgetIdle();
  assertEquals(gate.addresses, 1);
  admission.release();
  gate.forgetIdle();
  assertEquals(gate.addresses, 0);

  admit(gate).release();
  clock.advance(999);
  gate.forgetIdle();
  assertEquals(gate.addresses, 1);
  clock.advance(1);
  gate.forgetIdle();
  assertEquals(gate.addresses, 0);
});

Deno.test("maxAddresses: beyond it an idle address is forgotten, one with connections never", () => {
  const { gate, ask } = newBench({ maxConnectionsPerAddress: 1, maxAddresses: 1_000 });
  admit(gate, "192.0.2.1");
  for (let nth = 0; nth < 1_500; nth++) {
    const address = `10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}`;
    gate.admit(address, null)?.release();
  }
  assertEquals(gate.addresses, 1_000);
  assertEquals(ask("192.0.2.1"), "address_full");
});

Deno.test("a list of origins admits those on it, and what is no page", () => {
  const gate = new Gate(WIDE, ["https://app.example.org"], () => 0);
  const origins = ["https://app.example.org", "https://evil.example.org", "null", null];
  assertEquals(origins.map((origin) => gate.allows(origin)), [true, false, false, true]);
  // Asking costs nothing.
  assertEquals([gate.connections, gate.addresses], [0, 0]);
});

Deno.test("an address has so many brief requests that prove nothing, beside its connections", () => {
  const { gate, clock, ask } = newBench({ connectionsPerSecond: 2, connectionBurst: 3 });
  const brief = (address = "192.0.2.1"): Admission | undefined => gate.admit(address, null, true);
  const codes = [];
  for (let asked = 0; asked < 4; asked++) {
    const admission = brief();
    codes.push(admission?.refusal?.code);
    admission?.wasStranger?.();
    admission?.release();
  }
  assertEquals(codes, [undefined, undefined, undefined, "address_rate"]);
  assertEquals([brief("192.0.2.2")?.refusal, ask()], [undefined, "welcome"]);
  clock.advance(500);
  const admission = brief();
  assertEquals(admission?.refusal, undefined);
  admission?.release();
  // One that proved whose it is costs nothing.
  assertEquals(brief()?.refusal, undefined);
});

Deno.test("an address is remembered while it has asked too much as a stranger", () => {
  const { gate, clock } = newBench({ connectionsPerSecond: 1, connectionBurst: 1 });
  const admission = gate.admit("192.0.2.1", null, true);
  admission?.wasStranger?.();
  admission?.release();
  gate.forgetIdle();
  assertEquals(gate.addresses, 1);
  clock.advance(1_000);
  gate.forgetIdle();
  assertEquals(gate.addresses, 0);
});
