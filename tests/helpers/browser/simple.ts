import { assertEquals } from "@std/assert";
import { until } from "../wire/waiting.ts";
import type { Browser, Page } from "./browser.ts";
import { type PageServer, startPageServer } from "./page_server.ts";
import script from "./simple_page.js" with { type: "text" };

const HTML = `<!doctype html><title>Simple</title><script type="module" src="/page.js"></script>
<body></body>`;

/** Serves a page with the functions of simple_page.js, which imports the client from its server. */
export function startSite(): Promise<PageServer> {
  return startPageServer({ "/": HTML, "/page.js": script });
}

/** Opens a page and joins the room `r` under a name. */
export async function enter(
  browser: Browser,
  site: PageServer,
  server: string,
  name: string,
  options: Record<string, unknown> = {},
): Promise<Page> {
  const page = await browser.newPage(site.url);
  await page.call("start", server, "r", { peer: { name }, ...options });
  await page.call("happened", "ready");
  return page;
}

/** Says something both ways and compares all that came. */
export async function exchange(
  one: Page,
  name: string,
  other: Page,
  otherName: string,
): Promise<void> {
  await until("the other's channel", async () => await one.call<number>("connected") > 0);
  await until("the other's channel", async () => await other.call<number>("connected") > 0);
  await one.call("send", `from ${name}`);
  await other.call("send", `from ${otherName}`);
  const heard = [await other.call("happened", "message"), await one.call("happened", "message")];
  assertEquals(heard, [
    { data: `from ${name}`, name },
    { data: `from ${otherName}`, name: (heard[1] as { name: string }).name },
  ]);
}
