import type { Browser } from "../../helpers/browser/browser.ts";
import { openSinkPage, startGstWebRtcSite } from "../../helpers/browser/gstwebrtc.ts";
import { assertMoves } from "../../helpers/browser/pictures.ts";
import { until } from "../../helpers/wire/waiting.ts";
import type { Caller } from "./clients.ts";

/** A page of gstwebrtc-api: a producer of its camera, or a consumer. */
export async function sinkPage(
  browser: Browser,
  server: string,
  { produces }: { readonly produces: boolean },
): Promise<Caller> {
  const site = await startGstWebRtcSite();
  const url = `${server.replace(/^http/, "ws").replace(/\/?$/, "/")}webrtcsink`;
  const { page, id } = await openSinkPage(browser, site, url);
  if (produces) await page.call("produce");
  return {
    id,
    call: async (other) => {
      // The client starts sessions only with producers that it has in its list.
      await until(`the producer ${other}`, async () => {
        const producers = await page.call<{ id: string }[]>("producers");
        return producers.some(({ id }) => id === other);
      });
      await page.call("consume", other);
    },
    sees: (other) => assertMoves(page, other.id),
    leave: () => page.close(),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}
