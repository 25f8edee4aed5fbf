import { assertEquals } from "@std/assert";
import { launchBrowser, type Page } from "../helpers/browser/chromium.ts";
import { callBothWays, connectData, openPeer, startPeerJsSite } from "../helpers/browser/peerjs.ts";
import { enter, exchange, startSite } from "../helpers/browser/simple.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { startTurnServer } from "../helpers/process/turn_server.ts";
import { until } from "../helpers/wire/waiting.ts";

const needs = ["chromium", "coturn"] as const;
const SECRET = "a secret that coturn and signalbox share";

/** The types of the local candidates that a page's connections use; "relay" for all of them here. */
async function pathsOf(page: Page): Promise<unknown> {
  return await page.evaluate("usedCandidates()");
}

clientTest({
  name: "TURN: two PeerJS pages call each other over nothing but relays, by /ice and coturn",
  needs,
  fn: async () => {
    await using turn = await startTurnServer([SECRET]);
    await using server = await startServerProcess([
      "--ice-servers",
      turn.url,
      "--ice-secret",
      SECRET,
      "--ice-policy",
      "relay",
    ]);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const config = await (await fetch(`${server.url}/ice`)).json();
    assertEquals(config.iceTransportPolicy, "relay");
    const alice = await openPeer(browser, site, server.url, "alice", { config });
    const bob = await openPeer(browser, site, server.url, "bob", { config });
    await connectData(bob.page, "alice", alice.page);
    await callBothWays(bob.page, "alice", alice.page);
  },
});

clientTest({
  name: "TURN: Simple's client needs no configuration, since `ready` brings the credentials",
  needs,
  fn: async () => {
    // As in the middle of a rotation: coturn knows the next secret beside today's.
    await using turn = await startTurnServer(["tomorrow's secret", SECRET]);
    await using server = await startServerProcess([
      "--ice-servers",
      turn.url,
      "--ice-secret",
      SECRET,
    ]);
    await using site = await startSite();
    await using browser = await launchBrowser();
    const rtc = { iceTransportPolicy: "relay" };
    const fred = await enter(browser, site, server.url, "Fred", { rtc, withVideo: true });
    const barney = await enter(browser, site, server.url, "Barney", { rtc, withVideo: true });
    for (const page of [fred, barney]) {
      await until("a moving picture", async () => await page.call("moving") === 1);
    }
    await exchange(fred, "Fred", barney, "Barney");
    assertEquals(await pathsOf(fred), ["relay"]);
  },
});

clientTest({
  name: "TURN: a credential of another secret finds no relay",
  needs,
  fn: async () => {
    await using turn = await startTurnServer([SECRET]);
    await using server = await startServerProcess([
      "--ice-servers",
      turn.url,
      "--ice-secret",
      "another secret",
    ]);
    await using site = await startSite();
    await using browser = await launchBrowser();
    const page = await browser.newPage(site.url);
    const { iceServers } = await (await fetch(`${server.url}/ice`)).json();
    assertEquals(await page.call("relaysFound", { iceServers, iceTransportPolicy: "relay" }), 0);
  },
});
