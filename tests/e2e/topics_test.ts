import { assert, assertEquals } from "@std/assert";
import type { Browser, Page } from "../helpers/browser/browser.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { launchFirefox } from "../helpers/browser/firefox.ts";
import {
  bundleTopics,
  openPages,
  startPages,
  startTrysteroSite,
  startYjsSite,
  type TopicsSite,
} from "../helpers/browser/topics.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { freePort } from "../helpers/process/ports.ts";
import { readmeSnippet } from "../helpers/process/readme.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { startTcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { until } from "../helpers/wire/waiting.ts";

const needs = ["chromium"] as const;
/** A browser with sixty pages has all of the machine to share with other tests. */
const CROWD_PATIENCE_MS = 240_000;
/** A page of Trystero that failed to meet another one tries again, each time for up to half a minute. */
const MEETING_PATIENCE_MS = 300_000;

/** Real pages and a real server. */
interface Stage {
  readonly browser: Browser;
  readonly site: TopicsSite;
  readonly server: { readonly url: string };
}

function pageTest(
  client: string,
  startSite: () => Promise<TopicsSite>,
  name: string,
  fn: (stage: Stage) => Promise<void>,
): void {
  clientTest({
    name: `${client}: ${name}`,
    needs,
    fn: async () => {
      await using server = await startServerProcess(["--metrics", "/metrics"]);
      await using site = await startSite();
      await using browser = await launchBrowser();
      await fn({ browser, site, server });
    },
  });
}

const yjsTest = (name: string, fn: (stage: Stage) => Promise<void>): void =>
  pageTest("y-webrtc", startYjsSite, name, fn);
const trysteroTest = (name: string, fn: (stage: Stage) => Promise<void>): void =>
  pageTest("Trystero", startTrysteroSite, name, fn);

function topicsAt(url: string): string {
  return `${url.replace(/^http/, "ws")}/topics`;
}

/** Opens pages whose documents are in one room: all at once, where no password seals what they say. */
async function openDocuments(
  stage: Stage,
  count: number,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Page[]> {
  const pages = await openPages(stage.browser, stage.site, count);
  const starts = pages.map((page) => () => share(stage, page, options));
  // Two pages that call each other often stay apart, and sealed announcements look all alike.
  if ("password" in options) { for (const start of starts) await start(); }
  else await Promise.all(starts.map((start) => start()));
  return pages;
}

async function share(
  { server }: Stage,
  page: Page,
  options: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await page.call("start", topicsAt(server.url), "room", options);
  await page.call("happened", "connected");
}

/** Lets every page write a word of its own, and waits until all have the same text with all words. */
async function assertConverge(pages: readonly Page[], word: string): Promise<void> {
  const words = pages.map((_, nth) => `${word}${nth};`);
  await Promise.all(pages.map((page, nth) => page.call("write", words[nth])));
  await Promise.all(pages.map((page) => page.call("reads", ...words)));
  await until("equal texts", async () => {
    const texts = await Promise.all(pages.map((page) => page.call<string>("content")));
    return new Set(texts).size === 1;
  });
}

for (const [how, options] of [["", {}], [" with a password", { password: "sésame" }]] as const) {
  yjsTest(
    `three documents${how} converge, also after one has left and come back`,
    async (stage) => {
      const pages = await openDocuments(stage, 3, options);
      await assertConverge(pages, "one");

      const [first, ...rest] = pages;
      await first?.call("leave");
      await Promise.all(rest.map((page) => page.call("partners", 1)));
      await first?.call("write", "alone;");
      await first?.call("back");
      await Promise.all(pages.map((page) => page.call("reads", "alone;")));
      await assertConverge(pages, "two");
    },
  );
}

yjsTest("a page with another password gets nothing of a room", async (stage) => {
  const pages = await openDocuments(stage, 2, { password: "a" });
  await assertConverge(pages, "secret");
  const stranger = await stage.browser.newPage(stage.site.url(2));
  await share(stage, stranger, { password: "b" });
  await assertConverge(pages, "still");
  assertEquals(await stranger.call("content"), "");
});

clientTest({
  name: "y-webrtc: documents converge with a newcomer after the server was started again",
  needs,
  fn: async () => {
    await using site = await startYjsSite();
    await using browser = await launchBrowser();
    let pages: Page[];
    const listen = `--listen=http://127.0.0.1:${freePort()}`;
    {
      await using server = await startServerProcess([listen]);
      pages = await openDocuments({ browser, site, server }, 2);
      await assertConverge(pages, "before");
      await server.stop("SIGTERM");
    }
    await using server = await startServerProcess([listen]);
    const newcomer = await browser.newPage(site.url(2));
    await share({ browser, site, server }, newcomer);
    await assertConverge([...pages, newcomer], "after");
  },
});

yjsTest("sixty pages that join at once all get the same document", async (stage) => {
  const pages: Page[] = [];
  while (pages.length < 60) {
    const some = Array.from({ length: 10 }, (_, nth) => stage.site.url(pages.length + nth));
    pages.push(...await Promise.all(some.map((url) => stage.browser.newPage(url))));
  }
  const [hub, ...crowd] = pages;
  // A page calls nobody beyond its `maxConns`. Without one page that calls everybody, pages that join
  // slowly would form small circles that are full, and share nothing with each other.
  await hub?.call("start", topicsAt(stage.server.url), "room", { maxConns: crowd.length });
  await until("the first announcement", async () => await topicsCount(stage, "published") === 1);
  // With as many connections as the client makes by itself, the machine and not the server is slow.
  const options = { maxConns: 2 };
  await Promise.all(
    crowd.map((page) => page.call("start", topicsAt(stage.server.url), "room", options)),
  );
  const words = ["first;", "last;"];
  await crowd[0]?.call("write", words[0]);
  await crowd.at(-1)?.call("write", words[1]);
  for (const page of pages) {
    const reads = async (): Promise<boolean> => {
      const text = await page.call<string>("content");
      return words.every((word) => text.includes(word));
    };
    await until("both words", reads, CROWD_PATIENCE_MS);
  }
  const published = await topicsCount(stage, "published");
  const delivered = await topicsCount(stage, "delivered");
  // On the original server each publication is delivered sixty times. Announcements still are.
  assert(published > 600 && delivered < 10 * published, `${delivered} of ${published}`);
  assertEquals(await topicsCount(stage, "dropped"), 0);
});

/** Returns the sum of a counter of the dialect. */
async function topicsCount({ server }: Stage, what: string): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const lines = metrics.matchAll(new RegExp(`^signalbox_topics_${what}_total\\S* (\\d+)$`, "gm"));
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

clientTest({
  name: "y-webrtc and Trystero: Firefox and Chromium share documents, actions and pictures",
  needs: ["chromium", "firefox"],
  fn: async () => {
    await using server = await startServerProcess();
    await using chromium = await launchBrowser();
    await using firefox = await launchFirefox();
    {
      await using site = await startYjsSite();
      const pages = [chromium, firefox, firefox].map((browser, nth) =>
        browser.newPage(site.url(nth))
      );
      const opened = await Promise.all(pages);
      for (const page of opened) await share({ browser: chromium, site, server }, page);
      await assertConverge(opened, "mixed");
    }
    await using site = await startTrysteroSite();
    const [alice, bob] = [
      await chromium.newPage(site.url(0)),
      await firefox.newPage(site.url(1)),
    ];
    const room = await join([alice, bob], topicsAt(server.url));
    await assertMet(room);
    await bob.call("say", "hello");
    assertEquals(await alice.call("happened", `chat from ${[...room.keys()][1]}`), "hello");
    await alice.call("show");
    await bob.call("watch");
  },
});

/** Pages of one room by their ids. */
type Room = ReadonlyMap<string, Page>;

async function join(
  pages: readonly Page[],
  url: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Room> {
  const ids = await Promise.all(
    pages.map((page) => page.call<string>("join", url, "room", options)),
  );
  return new Map(pages.map((page, nth) => [ids[nth] ?? "", page]));
}

/** Opens pages that have joined one room and met each other; others if the first ones did not meet. */
async function openRoom(
  ...args: Parameters<typeof openMembers>
): Promise<Room> {
  const room = await openMembers(...args);
  try {
    await assertMet(room, { ms: MEETING_PATIENCE_MS / 3 });
    return room;
  } catch {
    await Promise.all([...room.values()].map((page) => page.close()));
  }
  const others = await openMembers(...args);
  await assertMet(others);
  return others;
}

async function openMembers(
  { browser, site }: Stage,
  url: string,
  count: number,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Room> {
  return await join(await openPages(browser, site, count), url, options);
}

/**
 * Waits until any two pages have met, and shows what all pages know if two have not.
 *
 * @param ends "either": one of two has to list the other. On a busy machine Trystero's own handshake,
 * over a connection that works, sometimes ends on one side alone, and then for good.
 */
async function assertMet(
  room: Room,
  { ends = "both", ms = MEETING_PATIENCE_MS }: {
    readonly ends?: "both" | "either";
    readonly ms?: number;
  } = {},
): Promise<void> {
  const haveMet = async (): Promise<boolean> => {
    const lists = await Promise.all(
      [...room].map(async ([id, page]) => [id, await page.call<string[]>("peers")] as const),
    );
    return lists.every(([id, peers]) =>
      lists.every(([other, others]) => {
        const sides = [peers.includes(other), others.includes(id)];
        return id === other || (ends === "both" ? !sides.includes(false) : sides.includes(true));
      })
    );
  };
  try {
    await until("all pages to meet", haveMet, ms);
  } catch (cause) {
    const pages = [...room.values()];
    const knowledge = await Promise.all(pages.map((page) => page.call("knowledge").catch(String)));
    throw new Error(`Pages did not meet: ${JSON.stringify(knowledge, null, 1)}`, { cause });
  }
}

for (const [how, options] of [["", {}], [" with a password", { password: "sésame" }]] as const) {
  trysteroTest(`three pages${how} send each other actions and a picture`, async (stage) => {
    const room = await openRoom(stage, topicsAt(stage.server.url), 3, options);
    for (const [id, page] of room) await page.call("say", `from ${id}`);
    for (const page of room.values()) {
      for (const [id, other] of room) {
        if (other === page) continue;
        assertEquals(await page.call("happened", `chat from ${id}`), `from ${id}`);
      }
    }
    const [actor, ...audience] = room.values();
    await actor?.call("show");
    for (const page of audience) await page.call("watch");
    await actor?.call("leave");
    const isAlone = async (page: Page) => (await page.call<string[]>("peers")).length === 1;
    for (const page of audience) await until("the actor to be gone", () => isAlone(page));
  });
}

trysteroTest("pages whose sockets were lost are found by a newcomer", async (stage) => {
  await using proxy = startTcpProxy(stage.server.url);
  const room = await openRoom(stage, topicsAt(proxy.url), 2);
  proxy.cut();
  const open = async (): Promise<boolean> => {
    const metrics = await (await fetch(`${stage.server.url}/metrics`)).text();
    return /^signalbox_sockets 2$/m.test(metrics) && /_remembered\S* [2-9]$/m.test(metrics);
  };
  await until("the pages to be back", open);
  const newcomer = await stage.browser.newPage(stage.site.url(2));
  const newcomers = await join([newcomer], topicsAt(stage.server.url));
  // Each page announces itself again and again, and is heard from then on.
  await assertMet(new Map([...room, ...newcomers]), { ends: "either" });
});

const GUIDE = "src/dialects/topics/README.md";

/** Opens two pages with a snippet of the guide, bundled as the guide says. */
async function openSnippet(browser: Browser, name: string, server: string): Promise<{
  readonly site: TopicsSite;
  readonly pages: readonly Page[];
}> {
  const snippet = (await readmeSnippet(GUIDE, name)).replace(
    "ws://localhost:8080/topics",
    topicsAt(server),
  );
  const site = await startPages({
    "/": `<!doctype html><body><script src="bundle.js"></script>`,
    "/bundle.js": await bundleTopics(snippet),
  });
  return { site, pages: await openPages(browser, site, 2) };
}

clientTest({
  name: "the guide's page for Yjs: two pages write one text",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using browser = await launchBrowser();
    const { site, pages: [alice, bob] } = await openSnippet(browser, "yjs", server.url);
    await using _site = site;
    const area = 'document.querySelector("textarea")';
    const write = async (page: Page | undefined, words: string): Promise<void> => {
      await page?.evaluate(`${area}.value = ${JSON.stringify(words)}, ${area}.oninput()`);
    };
    const reads = (page: Page | undefined, words: string): Promise<void> =>
      until("the text", async () => await page?.evaluate(`${area}.value`) === words);
    await write(alice, "hello");
    await reads(bob, "hello");
    await write(bob, "hello you");
    await reads(alice, "hello you");
  },
});

clientTest({
  name: "the guide's page for Trystero: two pages greet each other",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using browser = await launchBrowser();
    const { site, pages } = await openSnippet(browser, "trystero", server.url);
    await using _site = site;
    for (const page of pages) {
      const text = async (): Promise<string> =>
        String(await page.evaluate('document.querySelector("pre").textContent'));
      await until("a greeting", async () => /has joined[^]*: hello/.test(await text()));
    }
  },
});
