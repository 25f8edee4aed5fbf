import { assert, assertEquals } from "@std/assert";
import { type Browser, launchBrowser } from "../helpers/browser/chromium.ts";
import { clientTest } from "../helpers/process/clients.ts";
import {
  assertSees,
  consume,
  GSTWEBRTC_BUNDLE,
  openSinkPage,
  type SinkPage,
  startGstWebRtcSite,
} from "../helpers/browser/gstwebrtc.ts";
import { type PageServer, startPageServer } from "../helpers/browser/page_server.ts";
import { readmeSnippet } from "../helpers/process/readme.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { until } from "../helpers/wire/waiting.ts";

const needs = ["chromium"] as const;

/** The parts of one test, all of them real. */
interface Stage {
  readonly browser: Browser;
  readonly site: PageServer;
  /** Where WebSockets of the dialect go. */
  readonly url: string;
  stopServer(): Promise<{ code: number }>;
}

function sinkTest(name: string, fn: (stage: Stage) => Promise<void>, args: string[] = []): void {
  clientTest({
    name: `gstwebrtc-api client: ${name}`,
    needs,
    fn: async () => {
      await using server = await startServerProcess(args);
      await using site = await startGstWebRtcSite();
      await using browser = await launchBrowser();
      const url = `${server.url.replace(/^http/, "ws")}/webrtcsink`;
      await fn({ browser, site, url, stopServer: () => server.stop("SIGTERM") });
    },
  });
}

function open({ browser, site, url }: Stage, meta?: Record<string, unknown>): Promise<SinkPage> {
  return openSinkPage(browser, site, url, meta);
}

/** A page that offers its fake camera, and is known for it. */
async function openProducer(stage: Stage, meta?: Record<string, unknown>): Promise<SinkPage> {
  const producer = await open(stage, meta);
  assertEquals(await producer.page.call("produce"), true);
  await producer.page.call("happened", "producer streaming");
  return producer;
}

/** Waits until the page has noted something as often as that. */
async function assertNoted({ page }: SinkPage, name: string, details: unknown[]): Promise<void> {
  await page.call("happened", name, details.length);
  assertEquals(await page.call("all", name), details);
}

async function assertNoErrors(...pages: readonly SinkPage[]): Promise<void> {
  for (const { page } of pages) assertEquals(await page.call("all", "error"), []);
}

sinkTest(
  "two pages see one camera; one leaves, the other plays on; the producer leaves",
  async (stage) => {
    const early = await open(stage);
    const producer = await openProducer(stage, { name: "Käthe" });
    const late = await open(stage);
    const listed = { id: producer.id, meta: { name: "Käthe" } };
    for (const consumer of [early, late]) {
      await assertNoted(consumer, "producer added", [listed]);
      await consume(consumer, producer);
      await assertSees(consumer, producer);
    }

    await early.page.call("stopConsuming", producer.id);
    await assertNoted(early, "session closed", [producer.id]);
    const [first] = await producer.page.call<{ peer: string }[]>("all", "client added");
    assertEquals(first?.peer, early.id);
    await assertNoted(producer, "client removed", [first]);
    await assertSees(late, producer);
    // Asking again gives another session.
    await consume(early, producer);
    await assertSees(early, producer, 2);

    await producer.page.close();
    await assertNoted(late, "session closed", [producer.id]);
    await assertNoted(early, "session closed", [producer.id, producer.id]);
    for (const consumer of [early, late]) {
      await assertNoted(consumer, "producer removed", [producer.id]);
      assertEquals(await consumer.page.call("producers"), []);
    }
    await assertNoErrors(early, late);
  },
);

sinkTest("a page that stops producing ends its streams, and may produce anew", async (stage) => {
  const producer = await openProducer(stage);
  const consumer = await open(stage);
  for (const nth of [1, 2]) {
    await consumer.page.call("happened", "producer added", nth);
    await consume(consumer, producer);
    await assertSees(consumer, producer, nth);
    await producer.page.call("stopProducing");
    await consumer.page.call("happened", "session closed", nth);
    await consumer.page.call("happened", "producer removed", nth);
    if (nth === 1) await producer.page.call("produce");
  }
  await assertNoErrors(producer, consumer);
});

sinkTest("two pages produce, and each sees the other", async (stage) => {
  const one = await openProducer(stage);
  const other = await openProducer(stage);
  await one.page.call("happened", "producer added");
  await consume(one, other);
  await consume(other, one);
  await assertSees(one, other);
  await assertSees(other, one);
  await other.page.close();
  await one.page.call("happened", "session closed");
  await one.page.call("happened", "client removed");
  await assertNoErrors(one);
});

sinkTest("asking somebody who produces nothing is an error that changes nothing", async (stage) => {
  const producer = await openProducer(stage);
  const consumer = await open(stage);
  await consume(consumer, consumer);
  const error = await consumer.page.call<string>("happened", "error");
  assert(error.startsWith("error received from signaling server: "), error);
  await consume(consumer, producer);
  await assertSees(consumer, producer);
  await assertNoErrors(producer);
});

sinkTest("when the server stops, pages learn only that it has gone", async (stage) => {
  const producer = await openProducer(stage);
  const consumer = await open(stage);
  await consume(consumer, producer);
  await assertSees(consumer, producer);
  assertEquals(await stage.stopServer(), { code: 0 });
  for (const { page } of [producer, consumer]) await page.call("happened", "disconnected");
  await assertNoErrors(producer, consumer);
});

clientTest({
  name: "README: the gstwebrtc-api page shows a producer to everybody else",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    const page = await readmeSnippet("src/dialects/webrtcsink/README.md", "gstwebrtc");
    const script = /src="([^"]+)"/.exec(page)?.[1];
    await using site = await startPageServer({
      "/watch.html": page.replace("localhost:8080", new URL(server.url).host),
      [`/${script}`]: GSTWEBRTC_BUNDLE,
    });
    await using browser = await launchBrowser();
    const open = () => browser.newPage(`${site.url}watch.html`);
    const pages = [await open(), await open()];
    const producer = await open();
    const isConnected = "api.createConsumerSession('nobody') !== null";
    await until("the connection", async () => await producer.evaluate(isConnected) === true);
    await producer.evaluate("document.getElementById('produce').click()");
    const count = (condition: string): string =>
      `[...document.querySelectorAll("video")].filter((video) => ${condition}).length`;
    for (const page of pages) {
      const moving = count("video.currentTime > 0.5 && video.videoWidth > 0");
      await until("the moving picture", async () => await page.evaluate(moving) === 1);
    }
    assertEquals(await producer.evaluate(count("true")), 0);
    await producer.close();
    for (const page of pages) {
      await until("it to be gone", async () => await page.evaluate(count("true")) === 0);
    }
  },
});
