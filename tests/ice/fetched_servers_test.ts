import { assertEquals } from "@std/assert";
import { FetchedServers } from "../../src/ice/fetched_servers.ts";
import type { IceServer } from "../../src/ice/ice_servers.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

const SERVER: IceServer = { urls: ["turn:turn.example.org"], username: "u", credential: "c" };
const LIFETIME_MS = 600_000;

/** Servers of a provider that can be switched off; each fetch has a user name of its own. */
function newProvider(): {
  provider: FetchedServers;
  state: { isUp: boolean; fetches: number };
  outcomes: string[];
  wait: (ms: number) => Promise<void>;
  userNow: () => string | undefined;
} {
  const clock = new FakeClock();
  const state = { isUp: true, fetches: 0 };
  const outcomes: string[] = [];
  const provider = new FetchedServers({
    fetch: () => {
      state.fetches++;
      if (!state.isUp) return Promise.reject(new Error("down"));
      return Promise.resolve([{ ...SERVER, username: `user-${state.fetches}` }]);
    },
    lifetimeMs: LIFETIME_MS,
    clock,
    wallNow: clock.now,
    onFetched: (outcome) => void outcomes.push(outcome),
  });
  const wait = async (ms: number): Promise<void> => {
    await settle();
    clock.advance(ms);
    await settle();
  };
  const userNow = (): string | undefined => provider.current?.iceServers[0]?.username;
  return { provider, state, outcomes, wait, userNow };
}

Deno.test("credentials are fetched at the start, and again at half their life", async () => {
  const { provider, state, wait, userNow } = newProvider();
  using _end = provider;
  assertEquals(userNow(), undefined);
  await wait(0);
  assertEquals(userNow(), "user-1");
  await wait(LIFETIME_MS / 2 - 30_000);
  assertEquals([userNow(), state.fetches], ["user-1", 1]);
  await wait(30_000);
  assertEquals([userNow(), state.fetches], ["user-2", 2]);
});

Deno.test("while the provider fails, the last credentials are good until they expire", async () => {
  const { provider, state, outcomes, wait, userNow } = newProvider();
  using _end = provider;
  await wait(0);
  state.isUp = false;
  await wait(LIFETIME_MS - 30_000);
  assertEquals([userNow(), outcomes.at(-1)], ["user-1", "failed"]);
  await wait(30_000);
  assertEquals(userNow(), undefined);
  state.isUp = true;
  await wait(30_000);
  assertEquals([typeof userNow(), outcomes.at(-1)], ["string", "ok"]);
});

Deno.test("a fetch that hangs is given up, and only one is under way", async () => {
  const clock = new FakeClock();
  let fetches = 0;
  const outcomes: string[] = [];
  const provider = new FetchedServers({
    fetch: (signal) => {
      fetches++;
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    },
    lifetimeMs: LIFETIME_MS,
    clock,
    wallNow: clock.now,
    onFetched: (outcome) => void outcomes.push(outcome),
  });
  clock.advance(10_000);
  await settle();
  assertEquals([fetches, outcomes], [1, ["failed"]]);
  clock.advance(20_000);
  provider[Symbol.dispose]();
  await settle();
  // The end of the server is no failure of the provider.
  assertEquals([fetches, outcomes, clock.timers], [2, ["failed"], 0]);
});
