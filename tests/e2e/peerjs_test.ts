import { assertEquals, assertMatch } from "@std/assert";
import { makeCertificate } from "../helpers/process/certificate.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { clientTest } from "../helpers/process/clients.ts";
import {
  callBothWays,
  connectData,
  exchangeData,
  openPeer,
  startPeer,
  startPeerJsSite,
} from "../helpers/browser/peerjs.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { type FrozenPath, startTcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { until } from "../helpers/wire/waiting.ts";

const needs = ["chromium"] as const;

clientTest({
  name: "PeerJS client: two pages exchange data, one with an id of its own, one with the server's",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, server.url, "alice");
    const bob = await openPeer(browser, site, server.url);
    assertEquals(alice.id, "alice");
    assertMatch(bob.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);

    await bob.page.call("connect", "alice", { metadata: { room: "grün" }, reliable: true });
    assertEquals(await alice.page.call("happened", "connection"), {
      peer: bob.id,
      metadata: { room: "grün" },
    });
    await bob.page.call("happened", "connection");
    await exchangeData(alice.page, bob.page);
  },
});

clientTest({
  name: "PeerJS client: a media call shows moving pictures on both sides",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, server.url, "alice");
    const bob = await openPeer(browser, site, server.url, "bob");
    await callBothWays(bob.page, "alice", alice.page);
  },
});

clientTest({
  name: "PeerJS client: disconnect() and reconnect() keep the id and the data connection",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, server.url, "alice");
    const bob = await openPeer(browser, site, server.url, "bob");
    await connectData(bob.page, "alice", alice.page);

    await alice.page.call("disconnect");
    await alice.page.call("happened", "disconnected");
    await exchangeData(alice.page, bob.page);
    await alice.page.call("reconnect");
    assertEquals(await alice.page.call("happened", "open", 2), "alice");
    await exchangeData(alice.page, bob.page);
    await callBothWays(bob.page, "alice", alice.page);
  },
});

clientTest({
  name: "PeerJS client: reconnect() after a half-open connection opens and ends the old socket",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using proxy = startTcpProxy(server.url);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, proxy.url, "alice");
    const bob = await openPeer(browser, site, server.url, "bob");
    await connectData(bob.page, "alice", alice.page);

    const paths = proxy.freeze();
    await alice.page.call("disconnect");
    await alice.page.call("reconnect");
    assertEquals(await alice.page.call("happened", "open", 2), "alice");
    await until("the server to close the old socket", () => paths.some(isClosing));
    await exchangeData(alice.page, bob.page);
    await callBothWays(bob.page, "alice", alice.page);
    await callBothWays(alice.page, "bob", bob.page);
  },
});

clientTest({
  name: "PeerJS client: an id is free again when its connection has gone silent",
  needs,
  fn: async () => {
    await using server = await startServerProcess(["--keepalive-timeout", "3"]);
    await using proxy = startTcpProxy(server.url);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    await openPeer(browser, site, proxy.url, "alice");
    proxy.freeze();

    const reasons: unknown[] = [];
    await until("the id to be free", async () => {
      const page = await browser.newPage(site.url);
      await startPeer(page, server.url, "alice");
      const outcome = await page.call<{ open?: string; error?: unknown }>("outcome");
      await page.close();
      if (outcome.error !== undefined) reasons.push(outcome.error);
      return outcome.open === "alice";
    });
    for (const reason of reasons) {
      assertEquals(reason, { type: "unavailable-id", message: 'ID "alice" is taken' });
    }
  },
});

clientTest({
  name: "PeerJS client: a call to an absent id ends in peer-unavailable",
  needs,
  fn: async () => {
    await using server = await startServerProcess(["--expire_timeout", "500"]);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const { page } = await openPeer(browser, site, server.url, "alice");
    await page.call("connect", "nobody");
    assertEquals(await page.call("happened", "error"), {
      type: "peer-unavailable",
      message: "Could not connect to peer nobody",
    });
    const bob = await openPeer(browser, site, server.url, "bob");
    await connectData(page, "bob", bob.page);
  },
});

clientTest({
  name: "PeerJS client: an offer waits for a peer that comes a moment later",
  needs,
  fn: async () => {
    await using server = await startServerProcess(["--expire_timeout", "300000"]);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, server.url, "alice");
    await alice.page.call("connect", "bob");
    const bob = await openPeer(browser, site, server.url, "bob");
    await bob.page.call("happened", "connection");
    await alice.page.call("happened", "connection");
    await exchangeData(alice.page, bob.page);
  },
});

clientTest({
  name: "PeerJS client: an id in use by another token is unavailable and its holder undisturbed",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, server.url, "alice");
    const bob = await openPeer(browser, site, server.url, "bob");
    const thief = await browser.newPage(site.url);
    await startPeer(thief, server.url, "alice");
    assertEquals(await thief.call("happened", "error"), {
      type: "unavailable-id",
      message: 'ID "alice" is taken',
    });
    await connectData(bob.page, "alice", alice.page);
    assertEquals(await alice.page.call("count", "disconnected"), 0);
  },
});

clientTest({
  name: "PeerJS client: a wrong key is reported as such, also when asking for an id",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    for (const id of ["alice", undefined]) {
      const page = await browser.newPage(site.url);
      await startPeer(page, server.url, id, { key: "wrong" });
      assertEquals(await page.call("happened", "error"), {
        type: "server-error",
        message: "Invalid key provided",
      });
    }
  },
});

clientTest({
  name: "PeerJS client: listAllPeers() lists everyone where discovery is allowed",
  needs,
  fn: async () => {
    await using server = await startServerProcess(["--allow_discovery"]);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const { page } = await openPeer(browser, site, server.url, "alice");
    await openPeer(browser, site, server.url, "bob");
    assertEquals(await page.call("listAllPeers"), ["alice", "bob"]);
  },
});

clientTest({
  name: "PeerJS client: listAllPeers() is refused where discovery is not allowed",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const { page } = await openPeer(browser, site, server.url, "alice");
    // Not awaited: the client answers a refusal with an error event only.
    await page.evaluate("void listAllPeers()");
    // Client 1.5.5 loses the text ("… you have permission to list peers IDs …") on the way.
    assertEquals(await page.call("happened", "error"), { type: "server-error", message: "" });
  },
});

clientTest({
  name: "PeerJS client: a reloaded page gets its id back at once",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, server.url, "alice");
    const bob = await openPeer(browser, site, server.url, "bob");
    for (let reload = 1; reload <= 3; reload++) {
      await alice.page.reload();
      await startPeer(alice.page, server.url, "alice");
      assertEquals(await alice.page.call("outcome"), { open: "alice" });
    }
    await connectData(bob.page, "alice", alice.page);
  },
});

clientTest({
  name: "PeerJS client: another path and another key",
  needs,
  fn: async () => {
    await using server = await startServerProcess(["--path", "/myapp", "--key", "secret"]);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const options = { path: "/myapp", key: "secret" };
    const alice = await openPeer(browser, site, server.url, "alice", options);
    const bob = await openPeer(browser, site, server.url, undefined, options);
    await connectData(bob.page, "alice", alice.page);
  },
});

clientTest({
  name: "PeerJS client: data and a media call over https and wss",
  needs: ["chromium", "openssl"],
  fn: async () => {
    await using certificate = await makeCertificate();
    const tls = ["--tls-cert", certificate.certFile, "--tls-key", certificate.keyFile];
    await using server = await startServerProcess(["--listen", "https://127.0.0.1:0", ...tls]);
    await using site = await startPeerJsSite(certificate);
    await using browser = await launchBrowser({ ignoreHTTPSErrors: true });
    const alice = await openPeer(browser, site, server.url, "alice");
    const bob = await openPeer(browser, site, server.url);
    await connectData(bob.page, "alice", alice.page);
    await callBothWays(alice.page, bob.id, bob.page);
  },
});

clientTest({
  name: "PeerJS client: one too many learns of the limit and the others do not notice",
  needs,
  fn: async () => {
    await using server = await startServerProcess(["--concurrent_limit", "2"]);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, server.url, "alice");
    const bob = await openPeer(browser, site, server.url, "bob");
    const carol = await browser.newPage(site.url);
    await startPeer(carol, server.url, "carol");
    assertEquals(await carol.call("happened", "error"), {
      type: "server-error",
      message: "Server has reached its concurrent user limit",
    });
    await connectData(bob.page, "alice", alice.page);
    assertEquals(await alice.page.call("count", "disconnected"), 0);
    assertEquals(await bob.page.call("count", "disconnected"), 0);
  },
});

clientTest({
  name: "PeerJS client: data goes on when the server stops",
  needs,
  fn: async () => {
    await using server = await startServerProcess();
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, server.url, "alice");
    const bob = await openPeer(browser, site, server.url, "bob");
    await connectData(bob.page, "alice", alice.page);
    assertEquals(await server.stop("SIGTERM"), { code: 0 });
    await alice.page.call("happened", "disconnected");
    await bob.page.call("happened", "disconnected");
    await exchangeData(alice.page, bob.page);
  },
});

/** Whether the server has ended a connection or has sent a close frame as its last word. */
function isClosing(path: FrozenPath): boolean {
  const sent = path.sent();
  for (let at = 0; at < sent.length;) {
    const [opcode = 0, length = 0] = [sent[at], sent[at + 1]];
    if ((opcode & 0x0f) === 0x08) return true;
    // Nothing that the server says here needs more than 125 bytes.
    at += 2 + (length & 0x7f);
  }
  return path.isEnded();
}
