import { type Client, peerJsPage, rtcPoolPage } from "../e2e/bridge/clients.ts";
import { BRIDGED, type Use } from "../e2e/bridge/rows.ts";
import { sinkPage } from "../e2e/bridge/sinks.ts";
import type { Browser } from "../helpers/browser/browser.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";

// Pages of gstwebrtc-api and of other protocols, each on a node of its own: pictures from one to the
// other.

const DIALECTS = ["peerjs", "gstreamer", "ssp", "owt", "webrtcsink"] as const;

interface Places {
  readonly browser: Browser;
  readonly here: string;
  readonly there: string;
  readonly use: Use;
}

/** Starts the viewer here and the sender there, and has one call the other. */
const MEETINGS: Readonly<
  Record<string, (places: Places) => Promise<readonly [viewer: Client, sender: Client]>>
> = {
  "a PeerJS page knocks at a gstwebrtc-api producer of another node": async (
    { browser, here, there, use },
  ) => {
    const producer = await use(sinkPage(browser, there, { produces: true }));
    const page = await use(peerJsPage(browser, here, "page"));
    await page.call(producer.id);
    return [page, producer];
  },
  "a gstwebrtc-api consumer offers to receive, and watches PeerJS on another node": async (
    { browser, here, there, use },
  ) => {
    const page = await use(peerJsPage(browser, there, "page"));
    const consumer = await use(sinkPage(browser, here, { produces: false }));
    await consumer.offer("page");
    return [consumer, page];
  },
  "an RTCPool newcomer to the lobby watches a gstwebrtc-api producer of another node": async (
    { browser, here, there, use },
  ) => {
    const producer = await use(sinkPage(browser, there, { produces: true }));
    return [await use(rtcPoolPage(browser, here, "hall", { shares: true })), producer];
  },
};

for (const [name, meet] of Object.entries(MEETINGS)) {
  clientTest({
    name: `cluster, bridge: ${name}`,
    needs: ["redis-server", "chromium"],
    fn: async () => {
      await using nodes = await startNodes(2, DIALECTS, BRIDGED);
      const [here, there] = nodes.nodes;
      if (here === undefined || there === undefined) throw new Error("Cannot test without nodes");
      await using browser = await launchBrowser();
      await using stack = new AsyncDisposableStack();
      const use: Use = async (client) => stack.use(await client);
      const places = { browser, here: here.url, there: there.url, use };
      const [viewer, sender] = await meet(places);
      await viewer.sees(sender);
    },
  });
}
