import type { Browser } from "../../helpers/browser/browser.ts";
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import { launchFirefox } from "../../helpers/browser/firefox.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { startServerProcess } from "../../helpers/process/server_process.ts";
import {
  aiortc,
  type Client,
  gstreamerPage,
  peerJsPage,
  rtcPoolPage,
  simplePage,
} from "./clients.ts";
import { BRIDGED, type Row, rowTest, type Use } from "./rows.ts";

// Another browser on one side, and another WebRTC library.

interface Couple {
  readonly firefox: Browser;
  readonly chromium: Browser;
}

const COUPLES: Readonly<
  Record<string, (browsers: Couple, server: string, use: Use) => Promise<readonly Client[]>>
> = {
  "a PeerJS page in Firefox calls a GStreamer page in Chromium": async (
    { firefox, chromium },
    server,
    use,
  ) => {
    const other = await use(gstreamerPage(chromium, server, "other"));
    const page = await use(peerJsPage(firefox, server, "page"));
    await page.call("other");
    return [page, other];
  },
  "a Simple page in Chromium and an RTCPool newcomer in Firefox meet in a room": async (
    { firefox, chromium },
    server,
    use,
  ) => [
    await use(simplePage(chromium, server, "room")),
    await use(rtcPoolPage(firefox, server, "room", { shares: true })),
  ],
};

for (const [name, meet] of Object.entries(COUPLES)) {
  clientTest({
    name: `Bridge: ${name}`,
    needs: ["chromium", "firefox"],
    fn: async () => {
      await using server = await startServerProcess(BRIDGED);
      await using chromium = await launchBrowser();
      await using firefox = await launchFirefox();
      await using stack = new AsyncDisposableStack();
      const use: Use = async (client) => stack.use(await client);
      const [one, other] = await meet({ chromium, firefox }, server.url, use);
      if (one === undefined || other === undefined) throw new TypeError("Cannot find a couple");
      await Promise.all([one.sees(other), other.sees(one)]);
    },
  });
}

const ROWS: readonly Row[] = [
  {
    name: "a PeerJS page calls an application on aiortc",
    needs: ["chromium", "aiortc"],
    meet: async (browser, server, use) => {
      const robot = await use(aiortc(server, "robot"));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call("robot");
      return [page, robot];
    },
  },
];

for (const row of ROWS) rowTest(row);
