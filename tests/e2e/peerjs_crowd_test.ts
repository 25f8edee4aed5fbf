import { assert, assertEquals } from "@std/assert";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { openPeer, startPeerJsSite } from "../helpers/browser/peerjs.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import type { WsClient } from "../helpers/wire/ws_client.ts";

const VIEWERS = 60;

interface Sent {
  readonly type: string;
  readonly dst: string;
  readonly payload: unknown;
}

/** Opens viewers that answer nothing, one after the other. */
async function openViewers(wsUrl: string, count: number): Promise<WsClient[] & AsyncDisposable> {
  const viewers: WsClient[] = [];
  for (let nth = 0; nth < count; nth++) viewers.push(await openPeerJs(wsUrl, `viewer-${nth}`));
  return Object.assign(viewers, {
    [Symbol.asyncDispose]: async () => void await Promise.all(viewers.map((one) => one.close())),
  });
}

clientTest({
  name: "PeerJS client: a host calls 60 viewers at once, and everything arrives in order",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    await using viewers = await openViewers(server.url.replace("http", "ws"), VIEWERS);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const { page } = await openPeer(browser, site, server.url, "host");
    const ids = viewers.map((_, nth) => `viewer-${nth}`);
    const sent = await page.call<Sent[]>("callAll", ids);
    // An offer and at least one address each; on a machine with a network there are two dozen.
    assert(sent.length >= 2 * VIEWERS, `${sent.length} messages`);

    for (const [nth, viewer] of viewers.entries()) {
      for (const { dst, ...message } of sent.filter(({ dst }) => dst === ids[nth])) {
        assertEquals(await viewer.nextJson(), { ...message, src: "host", dst });
      }
    }
    assertEquals(await page.call("count", "error"), 0);
  },
});

clientTest({
  name: "PeerJS client: two tabs with one stored id and token come to rest, and the log warns once",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const stored = { token: "stored" };
    const { page: one } = await openPeer(browser, site, server.url, "alice", stored);
    await one.call("insist");
    const { page: other } = await openPeer(browser, site, server.url, "alice", stored);
    await other.call("insist");
    const opens = async (): Promise<number> =>
      await one.call<number>("count", "open") + await other.call<number>("count", "open");

    const warning = /one id is taken over again and again/g;
    await until("the warning", () => server.stderr().match(warning) !== null);
    const first = await opens();
    assert(first <= 15, `opened ${first} times`);
    // The next two take-overs wait for one second and for two.
    await until("two more take-overs", async () => await opens() >= first + 2);
    assert(await opens() <= first + 4, `opened ${await opens()} times`);
    assertEquals(server.stderr().match(warning)?.length, 1);

    // The tab that has the id can be called all the while.
    const { page: bob } = await openPeer(browser, site, server.url, "bob");
    await bob.call("connect", "alice");
    await bob.call("happened", "connection");
  },
});

Deno.test("PeerJS: a host calls 200 viewers at once, and everything arrives in order", async () => {
  await using server = startTestServer();
  await using viewers = await openViewers(server.wsUrl, 200);
  await using host = await openPeerJs(server.wsUrl, "host");
  const payloads = [{ sdp: "v=0".padEnd(8_000) }]
    .concat(Array.from({ length: 25 }, (_, nth) => ({ sdp: `candidate ${nth}`.padEnd(500) })));
  for (const payload of payloads) {
    for (let nth = 0; nth < viewers.length; nth++) {
      host.send({ type: "OFFER", dst: `viewer-${nth}`, payload });
    }
  }
  for (const [nth, viewer] of viewers.entries()) {
    for (const payload of payloads) {
      const message = { type: "OFFER", src: "host", dst: `viewer-${nth}`, payload };
      assertEquals(await viewer.nextJson(), message);
    }
  }
  host.send({ type: "OFFER", dst: "host", payload: "the marker" });
  assertEquals((await host.nextJson() as { payload: unknown }).payload, "the marker");
});
