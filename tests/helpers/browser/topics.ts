import { bundleForBrowser } from "./bundle.ts";
import type { Browser, Page } from "./browser.ts";
import events from "./page_events.js" with { type: "text" };
import { startPageServer } from "./page_server.ts";
import trysteroPage from "./trystero_page.js" with { type: "text" };
import yjsPage from "./yjs_page.js" with { type: "text" };

/** The versions of the real clients that the tests run. */
export const Y_WEBRTC = "y-webrtc 10.3.0";
export const TRYSTERO = "@trystero-p2p/core 0.25.4";

const IMPORTS = {
  "yjs": "npm:yjs@13.6.33",
  "y-webrtc": "npm:y-webrtc@10.3.0",
  "lib0": "npm:lib0@0.2.120",
  "simple-peer": "npm:simple-peer@9.11.1",
  "@trystero-p2p/core": "npm:@trystero-p2p/core@0.25.4",
};

const YJS = `import * as Y from "yjs";
import { WebrtcProvider } from "y-webrtc";
Object.assign(globalThis, { Y, WebrtcProvider });`;

const CORE = `import * as Trystero from "@trystero-p2p/core";
Object.assign(globalThis, { Trystero });`;

/** Bundles a script that imports either client for browsers. */
export function bundleTopics(script: string): Promise<string> {
  return bundleForBrowser(script, IMPORTS);
}

/** Serves pages with y-webrtc or with Trystero, and the functions of their scripts. */
export interface TopicsSite extends AsyncDisposable {
  /**
   * The address of one page. Each number has an origin of its own, because pages of one origin find
   * each other in the browser and not by the server.
   */
  url(nth: number): string;
}

export async function startYjsSite(): Promise<TopicsSite> {
  return startClientSite(await bundleTopics(YJS), yjsPage);
}

export async function startTrysteroSite(): Promise<TopicsSite> {
  return startClientSite(await bundleTopics(CORE), trysteroPage);
}

function startClientSite(client: string, script: string): Promise<TopicsSite> {
  return startPages({
    "/": `<!doctype html>
<title>Topics</title>
<script src="/client.js"></script>
<script type="module" src="/page.js"></script>
<body></body>`,
    "/client.js": client,
    "/page.js": script,
    "/page_events.js": events,
  });
}

/** Serves a page at many origins. */
export async function startPages(texts: Record<string, string>): Promise<TopicsSite> {
  const server = await startPageServer(texts, undefined, "0.0.0.0");
  return {
    url(nth): string {
      const url = new URL(server.url);
      url.hostname = `127.0.0.${1 + nth}`;
      return url.href;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Opens pages of a site, each of another origin. */
export function openPages(browser: Browser, site: TopicsSite, count: number): Promise<Page[]> {
  return Promise.all(Array.from({ length: count }, (_, nth) => browser.newPage(site.url(nth))));
}
