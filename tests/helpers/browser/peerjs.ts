import bundle from "npm:peerjs@1.5.5/dist/peerjs.min.js" with { type: "text" };
import type { Certificate } from "../process/certificate.ts";
import type { Browser, Page } from "./chromium.ts";
import { type PageServer, startPageServer } from "./page_server.ts";
import script from "./peerjs_page.js" with { type: "text" };

/** The version of the real client that the tests run. */
export const PEERJS = "peerjs 1.5.5";

const HTML = `<!doctype html>
<title>PeerJS</title>
<script src="/peerjs.js"></script>
<script type="module" src="/page.js"></script>
<body></body>`;

/** Options of the client's `Peer` that tests choose. */
export interface PeerOptions {
  path?: string;
  key?: string;
  token?: string;
}

/** Serves a page with the peerjs client and the functions of peerjs_page.js. */
export function startPeerJsSite(certificate?: Certificate): Promise<PageServer> {
  return startPageServer({ "/": HTML, "/peerjs.js": bundle, "/page.js": script }, certificate);
}

/** Starts the page's peer against a server; without an id the server chooses one. */
export async function startPeer(
  page: Page,
  server: string,
  id?: string,
  options: PeerOptions = {},
): Promise<void> {
  const { hostname, port, protocol } = new URL(server);
  await page.call("start", {
    host: hostname,
    port: Number(port),
    secure: protocol === "https:",
    // Candidates of the host are enough on one machine; the default servers are far away.
    config: { iceServers: [] },
    ...options,
  }, ...(id === undefined ? [] : [id]));
}

/** Opens a page with a peer in it, waits until it is open, and returns it with its id. */
export async function openPeer(
  browser: Browser,
  site: PageServer,
  server: string,
  id?: string,
  options?: PeerOptions,
): Promise<{ page: Page; id: string }> {
  const page = await browser.newPage(site.url);
  await startPeer(page, server, id, options);
  return { page, id: await page.call<string>("happened", "open") };
}
