import type { Browser } from "../browser/chromium.ts";
import type { PageServer } from "../browser/page_server.ts";
import { join, type PoolPage } from "../browser/rtcpool.ts";
import script from "../browser/ssp_v1_page.js" with { type: "text" };

const PATH = "ssp_v1";

/** The files that a site must serve for `openV1Page`. */
export const V1_SITE: Readonly<Record<string, string>> = {
  [`/${PATH}`]: `<!doctype html>
<title>ssp v1</title>
<script src="/socket.io.js"></script>
<script type="module" src="/ssp_v1_page.js"></script>
<body></body>`,
  "/ssp_v1_page.js": script,
};

/** Opens a page with a client of version 1 that joins a pool. */
export async function openV1Page(
  browser: Browser,
  site: PageServer,
  url: string,
  pool: string,
): Promise<PoolPage> {
  return await join(await browser.newPage(site.url + PATH), url, pool);
}
