import { assert, assertEquals } from "@std/assert";
import { launchBrowser, type Page } from "../helpers/chromium.ts";
import { clientTest } from "../helpers/clients.ts";
import { SOCKET_IO_CLIENTS, startSocketIoSite } from "../helpers/socket_io_clients.ts";
import { type SocketIoTestServer, startSocketIoServer } from "../helpers/socket_io_server.ts";
import { until } from "../helpers/waiting.ts";

// The layer under the real clients, in a browser: the page is of another origin than the server.

const WAYS = {
  "polling only": { transports: ["polling"], used: "polling" },
  "websocket only": { transports: ["websocket"], used: "websocket" },
  "upgrading": { transports: ["polling", "websocket"], used: "websocket" },
} as const;
/** Messages of each client after its upgrade, if it makes one. */
const COUNT = 200;

for (const version of Object.keys(SOCKET_IO_CLIENTS)) {
  clientTest({
    name: `socket.io-client ${version}: polling, by websocket and upgrading from one to the other`,
    needs: ["chromium"],
    fn: async (t) => {
      await using site = await startSocketIoSite(version);
      await using browser = await launchBrowser();
      for (const [way, { transports, used }] of Object.entries(WAYS)) {
        await t.step(way, async () => {
          await using server = startSocketIoServer({ names: ["/", "/ssp"] });
          const page = await browser.newPage(site.url);
          await tryOut(page, server, transports, used);
          await page.close();
          assertEquals(server.faults, []);
        });
      }
    },
  });
}

/**
 * Login, relay both ways in order, an absent target, takeover, leaving, refusals, namespaces. Clients
 * are stopped when they are done with: a browser polls with six connections at most.
 */
async function tryOut(
  page: Page,
  server: SocketIoTestServer,
  transports: readonly string[],
  used: string,
): Promise<void> {
  const { url, relay } = server;
  for (const name of ["alice", "bob"]) {
    assertEquals(await page.call("start", name, url, transports), "connected");
    assertEquals(await page.call("ask", name, "login", name), ["welcome"]);
  }
  interface Side {
    answers: unknown[][];
    heard: unknown[];
  }
  // The page lets the upgrades go on when some of the messages have come.
  const [alice, bob] = await page.call<[Side, Side]>("converse", "alice", "bob", COUNT);
  const said = (from: string, { answers }: Side) =>
    answers.map((_, number) => ({ from, data: { number, text: "grün €😀" } }));
  assertEquals([alice.heard, bob.heard], [said("bob", bob), said("alice", alice)]);
  assertEquals([...alice.answers, ...bob.answers].filter((answer) => answer.length > 0), []);
  for (const name of ["alice", "bob"]) {
    interface Transport {
      name: string;
      upgradedAt: number | null;
    }
    const { name: now, upgradedAt } = await page.call<Transport>("transport", name);
    assertEquals(now, used);
    assertEquals(upgradedAt !== null, transports.length > 1);
    // It has upgraded amid messages: some had come, and it went on sending until it had.
    if (upgradedAt !== null) assert(upgradedAt > 0);
  }
  assertEquals(await page.call("ask", "alice", "send", "nobody", 1), [2201]);

  assertEquals(await page.call("start", "robert", url, transports), "connected");
  assertEquals(await page.call("ask", "robert", "login", "bob"), ["welcome"]);
  assertEquals(await page.call("happened", "bob", "disconnect"), "io server disconnect");
  assertEquals(await page.call("eventsOf", "bob"), ["kicked", "disconnect"]);
  assertEquals(await page.call("ask", "alice", "send", "bob", 2), []);

  await page.call("stop", "alice");
  await until("alice to have left", () => !relay.members.has("alice"));
  assertEquals(relay.ends.includes("alice: left"), true);
  await page.call("stop", "robert");

  assertEquals(await page.call("start", "lost", `${url}/nowhere`, transports), "Invalid namespace");
  await page.call("stop", "lost");
  // The query of the first request is the dialect's, whose refusal is the client's error.
  assertEquals(await page.call("start", "old", `${url}/?refuse=2103`, transports), "2103");
  await page.call("stop", "old");
  assertEquals(await page.call("start", "guest", `${url}/?greet=hi`, transports), "connected");
  assertEquals(await page.call("happened", "guest", "greeting"), "hi");
  await page.call("stop", "guest");

  await until("everybody to have gone", () => server.server.sessionCount === 0);
  // Two namespaces in one connection.
  for (const [name, namespace] of [["root", "/"], ["pool", "/ssp"]] as const) {
    const options = { forceNew: false };
    const started = page.call("start", name, `${url}${namespace}`, transports, options);
    assertEquals(await started, "connected");
    assertEquals(await page.call("ask", name, "login", name), ["welcome"]);
  }
  assertEquals(server.server.sessionCount, 1);
  assertEquals(await page.call("ask", "root", "send", "pool", "x"), []);
  await page.call("stop", "pool");
  await until("the namespace to be left", () => !relay.members.has("pool"));
  assertEquals(await page.call("ask", "root", "send", "pool", "x"), [2201]);
}
