import { assertEquals } from "@std/assert";
import type { Browser } from "../helpers/browser/browser.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { launchFirefox } from "../helpers/browser/firefox.ts";
import {
  assertSees,
  consume,
  openSinkPage,
  startGstWebRtcSite,
} from "../helpers/browser/gstwebrtc.ts";
import { callBothWays, connectData, openPeer, startPeerJsSite } from "../helpers/browser/peerjs.ts";
import * as rtcpool from "../helpers/browser/rtcpool.ts";
import { enter, exchange, startSite } from "../helpers/browser/simple.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { until } from "../helpers/wire/waiting.ts";

// The real clients in the second browser: Firefox with Firefox, and each way round with Chromium.

/** Two browsers, of which the first one's page is there first. */
interface Couple {
  readonly elder: Browser;
  readonly newcomer: Browser;
  /** The server's address for http. */
  readonly server: string;
}

const COUPLES = [
  ["firefox", "firefox"],
  ["firefox", "chromium"],
  ["chromium", "firefox"],
] as const;

function coupleTest(client: string, fn: (couple: Couple) => Promise<void>): void {
  for (const [elder, newcomer] of COUPLES) {
    clientTest({
      name: `${client}: ${elder} and then ${newcomer} exchange data and pictures`,
      needs: elder === newcomer ? ["firefox"] : ["firefox", "chromium"],
      fn: async () => {
        await using server = await startServerProcess();
        await using firefox = await launchFirefox();
        await using chromium = elder === newcomer ? undefined : await launchBrowser();
        const browserOf = (name: Browser["name"]): Browser =>
          name === "firefox" ? firefox : chromium ?? firefox;
        await fn({
          elder: browserOf(elder),
          newcomer: browserOf(newcomer),
          server: server.url,
        });
      },
    });
  }
}

coupleTest("PeerJS client", async ({ elder, newcomer, server }) => {
  await using site = await startPeerJsSite();
  const alice = await openPeer(elder, site, server, "alice");
  const bob = await openPeer(newcomer, site, server, "bob");
  await connectData(bob.page, "alice", alice.page);
  await callBothWays(bob.page, "alice", alice.page);
});

coupleTest("RTCPool client", async ({ elder, newcomer, server }) => {
  await using site = await rtcpool.startRtcPoolSite();
  const url = `${server.replace(/^http/, "ws")}/ssp`;
  const one = await rtcpool.openPoolPage(elder, site, url, "p");
  const other = await rtcpool.openPoolPage(newcomer, site, url, "p");
  await rtcpool.connectData(other, one);
  for (const { page } of [one, other]) await page.call("share");
  await rtcpool.assertSeen(one, other);
});

coupleTest("Simple client", async ({ elder, newcomer, server }) => {
  await using site = await startSite();
  const fred = await enter(elder, site, server, "Fred", { withVideo: true });
  const barney = await enter(newcomer, site, server, "Barney", { withVideo: true });
  for (const page of [fred, barney]) {
    await until("a moving picture", async () => await page.call("moving") === 1);
  }
  await exchange(fred, "Fred", barney, "Barney");
});

coupleTest("gstwebrtc-api client", async ({ elder, newcomer, server }) => {
  await using site = await startGstWebRtcSite();
  const url = `${server.replace(/^http/, "ws")}/webrtcsink`;
  const producer = await openSinkPage(elder, site, url);
  assertEquals(await producer.page.call("produce"), true);
  await producer.page.call("happened", "producer streaming");
  const consumer = await openSinkPage(newcomer, site, url);
  await consume(consumer, producer);
  await assertSees(consumer, producer);
});
