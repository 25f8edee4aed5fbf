import { assert } from "@std/assert";
import type { Browser, Page } from "../../helpers/browser/browser.ts";
import events from "../../helpers/browser/page_events.js" with { type: "text" };
import { startPageServer } from "../../helpers/browser/page_server.ts";
import { assertMoves } from "../../helpers/browser/pictures.ts";
import { SOCKET_IO_CLIENTS } from "../../helpers/wire/socket_io_clients.ts";
import type { Caller } from "./clients.ts";
import script from "../../helpers/browser/owt_peer_page.js" with { type: "text" };

const HTML = `<!doctype html>
<title>OWT</title>
<script src="/socket.io.js"></script>
<script type="module" src="/owt_peer_page.js"></script>
<body></body>`;

/** A page with a small OWT peer, which has logged in. Its calls publish the camera. */
export async function owtPage(
  browser: Browser,
  server: string,
  id: string,
): Promise<Caller & { readonly page: Page }> {
  const site = await startPageServer({
    "/": HTML,
    "/socket.io.js": SOCKET_IO_CLIENTS["4.8.4"] ?? "",
    "/owt_peer_page.js": script,
    "/page_events.js": events,
  });
  const page = await browser.newPage(site.url);
  await page.call("start", server, id);
  await page.call("happened", "ready");
  return {
    id,
    page,
    // The SDK's `publish()` is done when the other side has confirmed the tracks.
    call: async (other) => {
      await page.call("publish", other);
      assert(await page.call<number>("happened", "tracks added") > 0);
    },
    sees: (other) => assertMoves(page, other.id),
    leave: () => page.close(),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}
