import { assertEquals } from "@std/assert";
import type { Page } from "../helpers/browser/browser.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import {
  assertSees,
  consume,
  openSinkPage,
  type SinkPage,
  startGstWebRtcSite,
} from "../helpers/browser/gstwebrtc.ts";
import { startYjsSite } from "../helpers/browser/topics.ts";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import type { ServerProcess } from "../helpers/process/server_process.ts";
import { until } from "../helpers/wire/waiting.ts";

// Real pages whose servers are different nodes.

clientTest({
  name: "cluster, y-webrtc: documents of pages on two nodes converge",
  needs: ["redis-server", "chromium"],
  fn: async () => {
    await using nodes = await startNodes(2, ["topics"], ["--metrics", "/metrics"]);
    await using site = await startYjsSite();
    await using browser = await launchBrowser();
    const pages: Page[] = [];
    for (const [nth, at] of [0, 1, 0].entries()) {
      const page = await browser.newPage(site.url(nth));
      const before = await published(nodes.nodes[at]);
      await page.call("start", `${nodes.wsUrl(at)}/topics`, "room");
      // Two pages whose announcements cross both call, and then often stay apart.
      await until("the announcement", async () => await published(nodes.nodes[at]) > before);
      pages.push(page);
    }
    const words = pages.map((_, nth) => `from ${nth};`);
    await Promise.all(pages.map((page, nth) => page.call("write", words[nth])));
    await Promise.all(pages.map((page) => page.call("reads", ...words)));
    await until("equal texts", async () => {
      const texts = await Promise.all(pages.map((page) => page.call<string>("content")));
      return new Set(texts).size === 1;
    });
    // Each page has a connection of its own with both others.
    assertEquals(await Promise.all(pages.map((page) => page.call("partners", 2))), [2, 2, 2]);
  },
});

clientTest({
  name: "cluster, gstwebrtc-api: pages of two nodes see the camera of a third, until its node dies",
  needs: ["redis-server", "chromium"],
  fn: async () => {
    await using nodes = await startNodes(3, ["webrtcsink"]);
    await using site = await startGstWebRtcSite();
    await using browser = await launchBrowser();
    const open = (at: number): Promise<SinkPage> =>
      openSinkPage(browser, site, `${nodes.wsUrl(at)}/webrtcsink`);
    const early = await open(0);
    const producer = await open(1);
    assertEquals(await producer.page.call("produce"), true);
    await producer.page.call("happened", "producer streaming");
    const late = await open(2);
    for (const consumer of [early, late]) {
      await consumer.page.call("happened", "producer added");
      await consume(consumer, producer);
      await assertSees(consumer, producer);
    }
    await early.page.call("stopConsuming", producer.id);
    await producer.page.call("happened", "client removed");
    await assertSees(late, producer);
    await nodes.nodes[1]?.stop("SIGKILL");
    await late.page.call("happened", "session closed");
    for (const consumer of [early, late]) {
      await consumer.page.call("happened", "producer removed");
      assertEquals(await consumer.page.call("producers"), []);
      assertEquals(await consumer.page.call("all", "error"), []);
    }
  },
});

/** Publications that a node's clients have sent. */
async function published(node: ServerProcess | undefined): Promise<number> {
  const metrics = await (await fetch(`${node?.url}/metrics`)).text();
  return Number(/^signalbox_topics_published_total\S* (\d+)$/m.exec(metrics)?.[1] ?? 0);
}
