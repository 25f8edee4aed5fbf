import { assert, assertEquals } from "@std/assert";
import { launchBrowser, type Page } from "../helpers/browser/chromium.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { assertEmpty, gaugeOf } from "../helpers/wire/gauges.ts";
import { startPageServer } from "../helpers/browser/page_server.ts";
import { PollingClient } from "../helpers/wire/polling_client.ts";
import { readmeSnippet } from "../helpers/process/readme.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { SOCKET_IO_CLIENTS, startOwtSite } from "../helpers/wire/socket_io_clients.ts";
import { until } from "../helpers/wire/waiting.ts";

// Every version of socket.io-client that OWT's applications come with, and some between, over polls,
// by websocket and changing from the one to the other. The page is of another origin than the server.

const WAYS = {
  "polling only": { transports: ["polling"], used: "polling" },
  "websocket only": { transports: ["websocket"], used: "websocket" },
  "upgrading": { transports: ["polling", "websocket"], used: "websocket" },
} as const;
/** Messages of each client after its upgrade, if it makes one. */
const COUNT = 200;
/** Heartbeats would find the end of a client later than any test waits for it. */
const NO_HEARTBEATS = ["--socket-io-ping-interval-ms", "600000"]
  .concat(["--socket-io-ping-timeout-ms", "600000"]);

type Which = "tested" | "other";

/** The parts of a test of one way. */
interface Stage {
  readonly page: Page;
  readonly url: string;
  readonly transports: readonly string[];
  /** The versions that log in by query, as clients before 5.0 do (owt.md, section 4). */
  readonly byQuery: Which;
}

for (const tested of Object.keys(SOCKET_IO_CLIENTS)) {
  const isOld = Number(tested[0]) < 3;
  clientTest({
    name: `OWT with socket.io-client ${tested}: polling, by websocket and upgrading`,
    needs: ["chromium"],
    fn: async (t) => {
      await using server = await startServerProcess(["--metrics", "/metrics", ...NO_HEARTBEATS]);
      const { url } = server;
      // Always one of the other generation.
      await using site = await startOwtSite(tested, isOld ? "4.8.4" : "2.2.0");
      await using browser = await launchBrowser();
      for (const [way, { transports, used }] of Object.entries(WAYS)) {
        await t.step(way, async () => {
          const page = await browser.newPage(site.url);
          const stage = { page, url, transports, byQuery: isOld ? "tested" : "other" } as const;
          await meet(stage, used);
          await takeOver(stage);
          await vanish(stage, await browser.newPage(site.url));
          await beRefused(stage);
          await shareConnection(stage);
          await page.close();
          await assertEmpty(url);
        });
      }
      assertEquals(server.stderr().match(/ ERR .*/), null);
    },
  });
}

/** The ids of clients, which the page has under shorter names. */
const ID = { alice: "älice €", bob: "bob", carol: "carol😀" };
type Name = keyof typeof ID;

/** Logs in as the client's generation does, under an id of somebody else where one is named. */
async function login(
  { page, url, transports, byQuery }: Omit<Stage, "used">,
  which: Which,
  name: string,
  token: string = ID[name as Name],
): Promise<void> {
  const query = new URLSearchParams({ clientType: "Web", clientVersion: "4.3", token });
  // Encoded as scripts do it, not as forms do.
  const search = which === byQuery ? `?${String(query).replaceAll("+", "%20")}` : "";
  assertEquals(await page.call("start", name, which, `${url}/${search}`, transports), "connected");
  if (which !== byQuery) {
    assertEquals(await page.call("ask", name, "authentication", { token }), [{ uid: token }]);
  }
  assertEquals(await page.call("happened", name, "server-authenticated"), { uid: token });
}

/** Waits until messages to an id are refused, which has to be at once. */
async function untilFree({ page }: Stage, asker: Name, to: string): Promise<void> {
  const isFree = async () => {
    const answer = await page.call<unknown[]>("ask", asker, "owt-message", { to, data: "?" });
    if (answer.length > 0) assertEquals(answer, [2201]);
    return answer.length > 0;
  };
  await until(`the id "${to}" to be free`, isFree);
}

/** One of each generation, hundreds of messages both ways while they upgrade, if they do. */
async function meet(stage: Stage, used: string): Promise<void> {
  const { page, transports } = stage;
  await login(stage, "tested", "alice");
  await login(stage, "other", "bob");
  interface Side {
    answers: unknown[][];
    heard: unknown[];
  }
  // The page lets the upgrades go on when some of the messages have come.
  const names = [["alice", ID.alice], ["bob", ID.bob]];
  const [alice, bob] = await page.call<[Side, Side]>("converse", ...names, COUNT);
  const said = (from: string, { answers }: Side) =>
    answers.map((_, number) => ({ data: JSON.stringify({ number, text: "grün €😀" }), from }));
  assertEquals([alice.heard, bob.heard], [said(ID.bob, bob), said(ID.alice, alice)]);
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
  for (const name of ["alice", "bob"]) {
    const nobody = { to: "nobody", data: "x" };
    assertEquals(await page.call("ask", name, "owt-message", nobody), [2201]);
  }
  // Again on the same connection: harmless, and answered as before.
  const again = { token: ID.alice };
  assertEquals(await page.call("ask", "alice", "authentication", again), [{ uid: ID.alice }]);
}

/** The tested client loses its id to one of the same version, which gives it up by leaving. */
async function takeOver(stage: Stage): Promise<void> {
  const { page, url } = stage;
  const before = await page.call<string[]>("eventsOf", "alice");
  await login(stage, "tested", "taker", ID.alice);
  assertEquals(await page.call("happened", "alice", "disconnect"), "io server disconnect");
  const lost = [...before, "server-disconnect", "disconnect"];
  assertEquals(await page.call("eventsOf", "alice"), lost);
  assertEquals(
    await page.call("ask", "bob", "owt-message", { to: ID.alice, data: "to the taker" }),
    [],
  );
  await until("only two connections", async () => await sessionsOf(url) === 2);
  // Acknowledged when handed to the connection, which may be upgrading: it comes in its own time.
  const heard: unknown[] = [];
  const hasHeard = async () => heard.push(...await page.call<unknown[]>("heard", "taker")) > 0;
  await until("the taker to hear", hasHeard);
  assertEquals(heard, [{ data: "to the taker", from: ID.bob }]);

  await page.call("stop", "taker");
  await untilFree(stage, "bob", ID.alice);
  // The one that lost its id did not come back, neither to take it again nor without a name.
  await until("only one connection", async () => await sessionsOf(url) === 1);
  assertEquals(await page.call("eventsOf", "alice"), lost);
  await login(stage, "tested", "alice");
  assertEquals(await page.call("ask", "bob", "owt-message", { to: ID.alice, data: "hi" }), []);
}

function sessionsOf(url: string): Promise<number> {
  return gaugeOf(url, "signalbox_socket_io_sessions");
}

/** A page is closed while its client has a poll under way, or a socket. */
async function vanish(stage: Stage, page: Page): Promise<void> {
  await login({ ...stage, page }, "tested", "carol");
  const message = { to: ID.carol, data: "are you there?" };
  assertEquals(await stage.page.call("ask", "alice", "owt-message", message), []);
  await until("the message", async () => (await page.call<[]>("heard", "carol")).length > 0);
  await page.call("rest", "carol", stage.url);
  const others = await sessionsOf(stage.url) - 1;
  await page.close();
  // To ask for it would be to answer its poll.
  await until("it to have gone", async () => await sessionsOf(stage.url) === others);
  const toNobody = await stage.page.call("ask", "alice", "owt-message", message);
  assertEquals(toNobody, [2201]);
  await login(stage, "tested", "carol");
  assertEquals(await stage.page.call("ask", "alice", "owt-message", message), []);
  for (const name of ["carol", "bob", "alice"]) await stage.page.call("stop", name);
  await until("all to have gone", async () => await sessionsOf(stage.url) === 0);
}

async function beRefused({ page, url, transports }: Stage): Promise<void> {
  const target = (path: string) => ["tested", `${url}/${path}`, transports];
  assertEquals(await page.call("start", "lost", ...target("nowhere")), "Invalid namespace");
  await page.call("stop", "lost");
  assertEquals(await page.call("start", "old", ...target("?clientVersion=9.9")), "2103");
  await page.call("stop", "old");
  assertEquals(await page.call("start", "nameless", ...target("")), "connected");
  const early = { to: "nobody", data: "x" };
  assertEquals(await page.call("ask", "nameless", "owt-message", early), [2120]);
  assertEquals(await page.call("happened", "nameless", "disconnect"), "io server disconnect");
}

/** One connection is a client of OWT and, in another namespace, a member of a pool. */
async function shareConnection({ page, url, transports }: Stage): Promise<void> {
  await until("all to have gone", async () => await sessionsOf(url) === 0);
  for (const [name, namespace] of [["dora", "/"], ["member", "/ssp"]] as const) {
    const where = ["tested", url + namespace, transports, { forceNew: false }];
    assertEquals(await page.call("start", name, ...where), "connected");
  }
  assertEquals(await page.call("ask", "dora", "authentication", { token: "dora" }), [
    { uid: "dora" },
  ]);
  await page.call("emit", "member", "rtc:join", { pool: "p" });
  const { pool } = await page.call<{ pool: string }>("happened", "member", "rtc:joined");
  assertEquals(pool, "p");
  assertEquals(await sessionsOf(url), 1);
  await page.call("stop", "member");
  await until("the pool to be empty", async () => await gaugeOf(url, "signalbox_rooms") === 0);
  const message = { to: "dora", data: "still here" };
  assertEquals(await page.call("ask", "dora", "owt-message", message), []);
  assertEquals(await page.call("eventsOf", "dora"), ["connect", "server-authenticated"]);
  await page.call("stop", "dora");
}

for (const revision of [3, 4] as const) {
  Deno.test(`OWT: a client whose poll is cut off gives its id up at once, revision ${revision}`, async () => {
    await using server = startTestServer({ args: NO_HEARTBEATS });
    const sender = await PollingClient.open(server.url, 4, "&token=sender");
    const cut = new AbortController();
    const open = () => PollingClient.open(server.url, revision, "&token=poller");
    const poller = await open();
    assertEquals(await poller.next(), '42["server-authenticated",{"uid":"poller"}]');
    const poll = poller.poll(cut.signal).catch((error) => error);
    assertEquals(await sender.next(), '42["server-authenticated",{"uid":"sender"}]');
    const say = async (): Promise<string> => {
      await sender.send('427["owt-message",{"to":"poller","data":"x"}]');
      return await sender.next();
    };
    cut.abort();
    assertEquals((await poll).name, "AbortError");
    await until("the id to be free", async () => await say() === "437[2201]");
    const next = await open();
    assertEquals(await say(), "437[]");
    for (const client of [next, sender]) await client.close();
    await assertEmpty(server.url);
  });
}

clientTest({
  name: "README: the signalling channel for OWT logs in, talks, and tells what goes wrong",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer();
    await using site = await startPageServer({
      "/": `<!doctype html>
<script src="/global.js"></script>
<script type="importmap">{ "imports": { "socket.io-client": "/io.js" } }</script>
<script type="module">
import { SignalingChannel } from "/channel.js";
const channel = new SignalingChannel();
const heard = [];
let isLost = false;
channel.onMessage = (from, data) => heard.push([from, data]);
channel.onServerDisconnected = () => (isLost = true);
const settled = (promise) => promise.then((value) => ({ value }), (error) => ({ error }));
Object.assign(globalThis, {
  start: (host, token) => settled(channel.connect({ host, token })),
  say: (to, data) => settled(channel.send(to, data)),
  heard: () => heard,
  isLost: () => isLost,
});
</script>`,
      "/channel.js": await readmeSnippet("src/dialects/owt/README.md", "owt"),
      // The package does not export its own module.
      "/global.js": SOCKET_IO_CLIENTS["4.8.4"] ?? "",
      "/io.js": "export const io = globalThis.io;",
    });
    await using browser = await launchBrowser();
    const [alice, bob, other] = [
      await browser.newPage(site.url),
      await browser.newPage(site.url),
      await browser.newPage(site.url),
    ];
    assertEquals(await alice.call("start", server.url, "alice"), { value: "alice" });
    assertEquals(await bob.call("start", server.url, "bob"), { value: "bob" });
    assertEquals(await alice.call("say", "bob", "hi"), {});
    let heard: unknown[] = [];
    await until("the message", async () => (heard = await bob.call("heard")).length > 0);
    assertEquals(heard, [["alice", "hi"]]);
    assertEquals(await alice.call("say", "nobody", "hi"), { error: 2201 });
    assertEquals(await other.call("start", server.url, {}), { error: 2121 });
    assertEquals(await alice.call("isLost"), false);

    const taker = await browser.newPage(site.url);
    assertEquals(await taker.call("start", server.url, "alice"), { value: "alice" });
    await until("the loss", () => alice.call<boolean>("isLost"));
  },
});
