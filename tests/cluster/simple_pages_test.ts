import { assertEquals } from "@std/assert";
import { launchBrowser, type Page } from "../helpers/browser/chromium.ts";
import { enter, exchange, startSite } from "../helpers/browser/simple.ts";
import { type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startTcpProxy, type TcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { until } from "../helpers/wire/waiting.ts";

// Simple's own client in real pages, whose connections move from node to node.

const needs = ["redis-server", "chromium"] as const;
// A loaded machine may be slow to bring a page back.
const ARGS = ["--simple-resume-ms", "300000"];

interface Stage extends AsyncDisposable {
  readonly nodes: NodeProcesses;
  readonly pages: readonly [fred: Page, barney: Page];
  /** The way of each page to its node. */
  readonly ways: readonly [TcpProxy, TcpProxy];
  /** Leads later connections of a page to another node. */
  readonly lead: (page: 0 | 1, to: number) => void;
}

/** Two pages in a call, each on a node of its own. */
async function meet(): Promise<Stage> {
  await using undo = new AsyncDisposableStack();
  const nodes = undo.use(await startNodes(2, ["simple"], ARGS));
  const site = undo.use(await startSite());
  const browser = undo.use(await launchBrowser());
  const targets = [0, 1];
  const way = (page: 0 | 1): TcpProxy =>
    startTcpProxy(() => nodes.nodes[targets[page] ?? 0]?.url ?? "");
  const ways = [way(0), way(1)] as const;
  for (const one of ways) undo.use(one);
  const [{ url: client } = { url: "" }] = nodes.nodes;
  const options = { client };
  const fred = await enter(browser, site, ways[0].url, "Fred", options);
  const barney = await enter(browser, site, ways[1].url, "Barney", options);
  for (const page of [fred, barney]) await page.call("happened", "open");
  await exchange(fred, "Fred", barney, "Barney");
  const parts = undo.move();
  return {
    nodes,
    pages: [fred, barney],
    ways,
    lead: (page, to) => void (targets[page] = to),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Nobody has left, no call has begun anew, and nothing has failed. */
async function assertSameCall(pages: readonly Page[]): Promise<void> {
  for (const page of pages) {
    assertEquals([await page.call("all", "leave"), await page.call("all", "error")], [[], []]);
    assertEquals((await page.call<unknown[]>("all", "open")).length, 1);
  }
}

clientTest({
  name:
    "cluster, Simple's client: a page in a call is taken back on another node, and renegotiates",
  needs,
  fn: async () => {
    await using stage = await meet();
    const { pages: [fred, barney], ways: [way] } = stage;
    const { id } = await fred.call<{ id: string }>("me");
    stage.lead(0, 1);
    way.cut();
    await barney.call("signalAll", "while Fred is away");
    assertEquals(await fred.call("happened", "ready", 2), { isBack: true });
    assertEquals(await fred.call("me"), { id, instance: 0 });
    const heard = await fred.call<{ data: unknown }>("happened", "data");
    assertEquals(heard.data, "while Fred is away");
    await fred.call("addVideo");
    await until("Fred's picture", async () => await barney.call("moving") === 1);
    // And back, where both have been.
    stage.lead(0, 0);
    way.cut();
    assertEquals(await fred.call("happened", "ready", 3), { isBack: true });
    await barney.call("addVideo");
    await until("Barney's picture", async () => await fred.call("moving") === 1);
    await assertSameCall([fred, barney]);
  },
});

clientTest({
  name: "cluster, Simple's client: all nodes are restarted in turn, and a call goes on",
  needs,
  fn: async () => {
    await using stage = await meet();
    const { nodes, pages } = stage;
    for (const nth of [0, 1] as const) {
      const [page, other] = [pages[nth], pages[1 - nth]];
      await nodes.add();
      stage.lead(nth, nth + 2);
      const stopping = nodes.nodes[nth]?.stop();
      await other?.call("signalAll", nth);
      assertEquals((await stopping)?.code, 0);
      assertEquals(await page.call("happened", "ready", 2), { isBack: true });
    }
    const [fred, barney] = pages;
    for (const [nth, page] of pages.entries()) {
      await page.call("happened", "data");
      const heard = await page.call<{ data: unknown }[]>("all", "data");
      assertEquals(heard.map(({ data }) => data), [nth]);
    }
    await Promise.all(pages.map((page) => page.call("addVideo")));
    for (const page of pages) {
      await until("a moving picture", async () => await page.call("moving") === 1);
    }
    await assertSameCall(pages);
    await fred.call("send", "still here");
    await barney.call("happened", "message", 2);
  },
});
