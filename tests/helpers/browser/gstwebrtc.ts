import { assert, assertEquals } from "@std/assert";
import { until } from "../wire/waiting.ts";
import bundle from "npm:gstwebrtc-api@3.0.0/dist/gstwebrtc-api-3.0.0.min.js" with { type: "text" };
import type { Browser, Page } from "./chromium.ts";
import script from "./gstwebrtc_page.js" with { type: "text" };
import events from "./page_events.js" with { type: "text" };
import { type PageServer, startPageServer } from "./page_server.ts";

/** The version of the real client that the tests run. */
export const GSTWEBRTC = "gstwebrtc-api 3.0.0";

/** The client's script for browsers. */
export const GSTWEBRTC_BUNDLE: string = bundle;

const HTML = `<!doctype html>
<title>gstwebrtc-api</title>
<script src="/gstwebrtc.js"></script>
<script type="module" src="/gstwebrtc_page.js"></script>
<body></body>`;

/** Serves a page with the gstwebrtc-api client and the functions of gstwebrtc_page.js. */
export function startGstWebRtcSite(): Promise<PageServer> {
  return startPageServer({
    "/": HTML,
    "/gstwebrtc.js": GSTWEBRTC_BUNDLE,
    "/gstwebrtc_page.js": script,
    "/page_events.js": events,
  });
}

/** A page that is connected and knows its id. */
export interface SinkPage {
  readonly page: Page;
  readonly id: string;
}

/** Opens a page whose client connects to the WebSocket at `url`. */
export async function openSinkPage(
  browser: Browser,
  site: PageServer,
  url: string,
  meta: Readonly<Record<string, unknown>> | null = null,
): Promise<SinkPage> {
  const page = await browser.newPage(site.url);
  await page.call("start", url, meta);
  return { page, id: await page.call<string>("happened", "connected") };
}

/** Asks for a producer's stream. */
export async function consume(consumer: SinkPage, producer: SinkPage): Promise<void> {
  assertEquals(await consumer.page.call("consume", producer.id), true);
}

/** Waits until a page sees a producer's picture move, in the nth stream that it has of it. */
export async function assertSees(consumer: SinkPage, producer: SinkPage, nth = 1): Promise<void> {
  await until("the video", async () => {
    const videos = await consumer.page.call<string[]>("all", "video");
    return videos.filter((id) => id === producer.id).length === nth;
  });
  const { frames, pictures } = await consumer.page.call<{ frames: number; pictures: number }>(
    "watchFrames",
    producer.id,
    10,
  );
  assert(frames >= 10 && pictures >= 2);
}
