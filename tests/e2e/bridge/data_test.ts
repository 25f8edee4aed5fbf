import { assertEquals } from "@std/assert";
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import { openPeer, startPeerJsSite } from "../../helpers/browser/peerjs.ts";
import { openPoolPage, startRtcPoolSite } from "../../helpers/browser/rtcpool.ts";
import { startSite } from "../../helpers/browser/simple.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { startServerProcess } from "../../helpers/process/server_process.ts";
import { until } from "../../helpers/wire/waiting.ts";

// Texts over data channels between real clients of different protocols, both ways.

/** The client's default packs bytes in a way of its own. */
const RAW = { serialization: "raw" };

clientTest({
  name: "Bridge: a PeerJS page and a silent member of a pool exchange texts",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess(["--bridge", "peerjs", "ssp"]);
    await using browser = await launchBrowser();
    await using pools = await startRtcPoolSite();
    await using peers = await startPeerJsSite();
    const url = `${server.url.replace(/^http/, "ws").replace(/\/?$/, "/")}ssp`;
    const member = await openPoolPage(browser, pools, url, "pool");
    const { page } = await openPeer(browser, peers, server.url, "page");
    await page.call("connect", member.id, RAW);
    await page.call("happened", "connection");
    await page.call("send", "from the page");
    assertEquals(await member.page.call("happened", "text"), {
      peer: "page",
      text: "from the page",
    });
    await member.page.call("tell", "page", "from the pool");
    assertEquals(await page.call("happened", "data"), "from the pool");
  },
});

clientTest({
  name: "Bridge: a PeerJS page and a member of a Simple room exchange texts",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess(["--bridge", "peerjs", "simple"]);
    await using browser = await launchBrowser();
    await using rooms = await startSite();
    await using peers = await startPeerJsSite();
    const member = await browser.newPage(rooms.url);
    await member.call("start", server.url.replace(/\/$/, ""), "room", {});
    await member.call("happened", "ready");
    const { id } = await member.call<{ id: string }>("me");
    const { page } = await openPeer(browser, peers, server.url, "page");
    await page.call("connect", id, RAW);
    await page.call("happened", "connection");
    await page.call("send", "from the page");
    assertEquals(
      (await member.call<{ data: unknown }>("happened", "message")).data,
      "from the page",
    );
    await until("the channel", async () => await member.call<number>("connected") > 0);
    await member.call("send", "from the room");
    assertEquals(await page.call("happened", "data"), "from the room");
  },
});
