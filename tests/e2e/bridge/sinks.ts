import type { Browser, Page } from "../../helpers/browser/browser.ts";
import { openSinkPage, startGstWebRtcSite } from "../../helpers/browser/gstwebrtc.ts";
import { assertMoves } from "../../helpers/browser/pictures.ts";
import { until } from "../../helpers/wire/waiting.ts";
import type { Caller } from "./clients.ts";

export interface SinkPage extends Caller {
  readonly page: Page;
  /** Calls a peer with an offer of its own to receive sound and pictures. */
  offer(id: string): Promise<void>;
  /** Asks a peer that is in no list of producers. */
  ask(id: string): Promise<void>;
}

/** A page of gstwebrtc-api: a producer of its camera, or a consumer. */
export async function sinkPage(
  browser: Browser,
  server: string,
  { produces }: { readonly produces: boolean },
): Promise<SinkPage> {
  const site = await startGstWebRtcSite();
  const url = `${server.replace(/^http/, "ws").replace(/\/?$/, "/")}webrtcsink`;
  const { page, id } = await openSinkPage(browser, site, url);
  if (produces) await page.call("produce");
  return {
    id,
    page,
    call: async (other) => {
      await until(`the producer ${other}`, async () => {
        const producers = await page.call<{ id: string }[]>("producers");
        return producers.some(({ id }) => id === other);
      });
      await page.call("consume", other);
    },
    offer: async (other) => {
      await page.call("consume", other, { offerToReceiveAudio: true, offerToReceiveVideo: true });
    },
    ask: async (other) => void await page.call("consume", other),
    sees: (other) => assertMoves(page, other.id),
    leave: () => page.close(),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}
