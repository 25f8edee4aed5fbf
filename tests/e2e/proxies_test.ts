import { assertEquals } from "@std/assert";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { startPageServer } from "../helpers/browser/page_server.ts";
import { clientTest, type ProxyName } from "../helpers/process/clients.ts";
import { type Proxy, startProxy } from "../helpers/process/proxies.ts";
import { openGst, openPeerJs } from "../helpers/wire/peers.ts";
import { PollingClient } from "../helpers/wire/polling_client.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { dataTo, type Json, StreamClient } from "../helpers/wire/stream_client.ts";
import { within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Real proxies between clients and the server. nginx and Caddy run what src/server/README.md
// recommends; all of them compress event streams where they may.

const PROXIES: readonly ProxyName[] = ["apache2", "caddy", "haproxy", "nginx"];

/** More than the first 512 bytes, which Caddy passes on before it compresses. */
const LONG = "x".repeat(2_000);

for (const name of PROXIES) {
  clientTest({
    name: `behind ${name}: events reach the reader of a stream one by one`,
    needs: [name],
    fn: async () => {
      await using server = startTestServer();
      await using proxy = await startProxy(name, server.url);
      await using fred = await StreamClient.open(proxy, `?room=r&about=${LONG}`, {
        headers: { "accept-encoding": "gzip" },
      });
      await using barney = await enterSimple(proxy.wsUrl, { about: LONG });
      assertEquals((await fred.next()).data["event"], "join");
      for (const data of [LONG, "short", 3]) {
        barney.send({ ...dataTo(fred.id, data) });
        assertEquals((await fred.next()).data["data"], data);
      }
      assertEquals((await fred.post({ event: "ping", ref: 1 }))[1], { event: "pong", ref: 1 });
      // Apache notices a reader that has gone only when it has something to pass on.
      await server.stop();
    },
  });

  clientTest({
    name: `behind ${name}: WebSockets and polls of every kind of client pass`,
    needs: [name],
    fn: async () => {
      await using server = startTestServer();
      await using proxy = await startProxy(name, server.url);
      await using alice = await openPeerJs(proxy.wsUrl, "alice");
      alice.send({ type: "OFFER", dst: "alice", payload: LONG });
      const offer = { type: "OFFER", src: "alice", dst: "alice", payload: LONG };
      assertEquals(await alice.nextJson(), offer);
      await using gst = await openGst(proxy.wsUrl, "gst");
      gst.send("SESSION nobody");
      assertEquals(await gst.nextText(), "ERROR peer 'nobody' not found");
      const poller = await PollingClient.open(proxy.url, 4, "&token=bob");
      await poller.send('421["owt-message",{"to":"bob","data":"to myself"}]');
      assertEquals(await poller.next(), '42["server-authenticated",{"uid":"bob"}]');
      assertEquals(await poller.next(), '42["owt-message",{"data":"to myself","from":"bob"}]');
      assertEquals(await poller.next(), "431[]");
      await poller.close();
    },
  });

  if (name === "caddy") continue;
  clientTest({
    name: `behind ${name}: a reload ends no connection`,
    needs: [name],
    fn: async () => {
      await using server = startTestServer();
      await using proxy = await startProxy(name, server.url);
      await using alice = await openPeerJs(proxy.wsUrl, "alice");
      await proxy.reload();
      alice.send({ type: "OFFER", dst: "alice", payload: 1 });
      const offer = { type: "OFFER", src: "alice", dst: "alice", payload: 1 };
      assertEquals(await alice.nextJson(), offer);
    },
  });
}

clientTest({
  name: "behind Caddy's encode: a page's EventSource has every event",
  needs: ["caddy", "chromium"],
  fn: async () => {
    await using server = startTestServer();
    await using proxy = await startProxy("caddy", server.url);
    await using site = await startPageServer({ "/": "<!doctype html>" });
    await using browser = await launchBrowser();
    await using watcher = await enterSimple(server.wsUrl);
    const page = await browser.newPage(site.url);
    const url = `${proxy.url}/simple?room=r&about=${LONG}`;
    await page.evaluate(`globalThis.source = new EventSource(${JSON.stringify(url)})`);
    const data = page.evaluate(`new Promise((resolve) => {
      const heard = [];
      source.addEventListener("signal", ({ data }) => {
        if (heard.push(JSON.parse(data).data) === 3) resolve(heard);
      });
    })`);
    const { peer } = await watcher.nextJson() as { peer: Json };
    for (const word of [LONG, "short", 3]) watcher.send(dataTo(peer["peer_id"], word));
    assertEquals(await data, [LONG, "short", 3]);
  },
});

clientTest({
  name: "a reload of Caddy: in Simple the others get no news, and nothing is lost",
  needs: ["caddy"],
  fn: async () => {
    // The default of three seconds is for clients that come back at once, on a machine with time.
    await using server = startTestServer({ args: ["--simple-leave-hold-ms", "120000"] });
    await using proxy = await startProxy("caddy", server.url);
    await using watcher = await enterSimple(server.wsUrl);
    await using fred = await enterSimple(proxy.wsUrl);
    const { peer } = await watcher.nextJson() as { peer: Json };
    watcher.send(dataTo(peer["peer_id"], 1));
    assertEquals((await fred.nextJson() as Json)["data"], 1);

    await reloadUntilClosed(proxy, fred);
    watcher.send(dataTo(peer["peer_id"], 2));
    await using back = await WsClient.open(`${proxy.wsUrl}/simple`);
    back.send({ event: "join", room: "r", ...fred.credentials, seq: 1 });
    await back.nextJson();
    assertEquals((await back.nextJson() as Json)["recovered"], true);
    assertEquals((await back.nextJson() as Json)["data"], 2);
    back.send(dataTo(watcher.credentials.p_id, "the marker"));
    assertEquals((await watcher.nextJson() as Json)["data"], "the marker");
  },
});

clientTest({
  name: "a reload of Caddy: a PeerJS client has its id again at once",
  needs: ["caddy"],
  fn: async () => {
    await using server = startTestServer();
    await using proxy = await startProxy("caddy", server.url);
    await using alice = await openPeerJs(proxy.wsUrl, "alice");
    await reloadUntilClosed(proxy, alice);
    await using _other = await openPeerJs(proxy.wsUrl, "alice", { token: "another" });
  },
});

/** Caddy before 2.7 ends all WebSockets on a reload, newer ones after the delay that they are given. */
async function reloadUntilClosed(proxy: Proxy, client: WsClient): Promise<void> {
  await proxy.reload();
  assertEquals((await within("the end of the connection", client.closed)).code, 1001);
}

interface Credentials {
  readonly p_id: unknown;
  readonly p_secret: unknown;
  readonly p_instance: unknown;
}

/** A client of Simple in the room `r`, by WebSocket. */
async function enterSimple(
  wsUrl: string,
  fields: Json = {},
): Promise<WsClient & { credentials: Credentials }> {
  const client = await WsClient.open(`${wsUrl}/simple`);
  client.send({ event: "join", room: "r", peer: fields });
  const { p_id } = await client.nextJson() as Json;
  const { p_secret, p_instance } = await client.nextJson() as Json;
  return Object.assign(client, { credentials: { p_id, p_secret, p_instance } });
}
