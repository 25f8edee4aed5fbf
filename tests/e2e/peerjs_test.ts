import { assertEquals, assertMatch } from "@std/assert";
import { makeCertificate } from "../helpers/process/certificate.ts";
import { type Browser, launchBrowser } from "../helpers/browser/chromium.ts";
import type { PageServer } from "../helpers/browser/page_server.ts";
import { clientTest } from "../helpers/process/clients.ts";
import {
  callBothWays,
  connectData,
  exchangeData,
  openPeer,
  type PeerOptions,
  startPeer,
  startPeerJsSite,
} from "../helpers/browser/peerjs.ts";
import { type ServerProcess, startServerProcess } from "../helpers/process/server_process.ts";
import { type FrozenPath, startTcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { until } from "../helpers/wire/waiting.ts";

/** A server, and pages with the real client. */
interface Stage {
  readonly server: ServerProcess;
  readonly site: PageServer;
  readonly browser: Browser;
  /** Opens a page whose peer has its id. */
  open(id?: string, options?: PeerOptions): ReturnType<typeof openPeer>;
}

/** Registers a test of the client in Chromium, against a server with these arguments. */
function peerTest(
  name: string,
  fn: (stage: Stage) => Promise<void>,
  args: readonly string[] = [],
): void {
  clientTest({
    name: `PeerJS client: ${name}`,
    needs: ["chromium"],
    fn: async () => {
      await using server = await startServerProcess(args);
      await using site = await startPeerJsSite();
      await using browser = await launchBrowser();
      const open: Stage["open"] = (...peer) => openPeer(browser, site, server.url, ...peer);
      await fn({ server, site, browser, open });
    },
  });
}

peerTest(
  "two pages exchange data, one with an id of its own, one with the server's",
  async ({ open }) => {
    const alice = await open("alice");
    const bob = await open();
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
);

peerTest("a media call shows moving pictures on both sides", async ({ open }) => {
  const alice = await open("alice");
  const bob = await open("bob");
  await callBothWays(bob.page, "alice", alice.page);
});

peerTest("disconnect() and reconnect() keep the id and the data connection", async ({ open }) => {
  const alice = await open("alice");
  const bob = await open("bob");
  await connectData(bob.page, "alice", alice.page);

  await alice.page.call("disconnect");
  await alice.page.call("happened", "disconnected");
  await exchangeData(alice.page, bob.page);
  await alice.page.call("reconnect");
  assertEquals(await alice.page.call("happened", "open", 2), "alice");
  await exchangeData(alice.page, bob.page);
  await callBothWays(bob.page, "alice", alice.page);
});

peerTest(
  "reconnect() after a half-open connection opens and ends the old socket",
  async ({ server, site, browser, open }) => {
    await using proxy = startTcpProxy(server.url);
    const alice = await openPeer(browser, site, proxy.url, "alice");
    const bob = await open("bob");
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
);

peerTest(
  "an id is free again when its connection has gone silent",
  async ({ server, site, browser }) => {
    await using proxy = startTcpProxy(server.url);
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
  ["--keepalive-timeout", "3"],
);

peerTest("a call to an absent id ends in peer-unavailable", async ({ open }) => {
  const { page } = await open("alice");
  await page.call("connect", "nobody");
  assertEquals(await page.call("happened", "error"), {
    type: "peer-unavailable",
    message: "Could not connect to peer nobody",
  });
  const bob = await open("bob");
  await connectData(page, "bob", bob.page);
}, ["--expire_timeout", "500"]);

peerTest("an offer waits for a peer that comes a moment later", async ({ open }) => {
  const alice = await open("alice");
  await alice.page.call("connect", "bob");
  const bob = await open("bob");
  await bob.page.call("happened", "connection");
  await alice.page.call("happened", "connection");
  await exchangeData(alice.page, bob.page);
}, ["--expire_timeout", "300000"]);

peerTest(
  "an id in use by another token is unavailable and its holder undisturbed",
  async ({ server, site, browser, open }) => {
    const alice = await open("alice");
    const bob = await open("bob");
    const thief = await browser.newPage(site.url);
    await startPeer(thief, server.url, "alice");
    assertEquals(await thief.call("happened", "error"), {
      type: "unavailable-id",
      message: 'ID "alice" is taken',
    });
    await connectData(bob.page, "alice", alice.page);
    assertEquals(await alice.page.call("count", "disconnected"), 0);
  },
);

peerTest(
  "a wrong key is reported as such, also when asking for an id",
  async ({ server, site, browser }) => {
    for (const id of ["alice", undefined]) {
      const page = await browser.newPage(site.url);
      await startPeer(page, server.url, id, { key: "wrong" });
      assertEquals(await page.call("happened", "error"), {
        type: "server-error",
        message: "Invalid key provided",
      });
    }
  },
);

peerTest("listAllPeers() lists everyone where discovery is allowed", async ({ open }) => {
  const { page } = await open("alice");
  await open("bob");
  assertEquals(await page.call("listAllPeers"), ["alice", "bob"]);
}, ["--allow_discovery"]);

peerTest("listAllPeers() is refused where discovery is not allowed", async ({ open }) => {
  const { page } = await open("alice");
  // Not awaited: the client answers a refusal with an error event only.
  await page.evaluate("void listAllPeers()");
  // Client 1.5.5 loses the text ("… you have permission to list peers IDs …") on the way.
  assertEquals(await page.call("happened", "error"), { type: "server-error", message: "" });
});

peerTest("a reloaded page gets its id back at once", async ({ server, open }) => {
  const alice = await open("alice");
  const bob = await open("bob");
  for (let reload = 1; reload <= 3; reload++) {
    await alice.page.reload();
    await startPeer(alice.page, server.url, "alice");
    assertEquals(await alice.page.call("outcome"), { open: "alice" });
  }
  await connectData(bob.page, "alice", alice.page);
});

peerTest("another path and another key", async ({ open }) => {
  const options = { path: "/myapp", key: "secret" };
  const alice = await open("alice", options);
  const bob = await open(undefined, options);
  await connectData(bob.page, "alice", alice.page);
}, ["--path", "/myapp", "--key", "secret"]);

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

peerTest(
  "one too many learns of the limit and the others do not notice",
  async ({ server, site, browser, open }) => {
    const alice = await open("alice");
    const bob = await open("bob");
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
  ["--concurrent_limit", "2"],
);

peerTest("data goes on when the server stops", async ({ server, open }) => {
  const alice = await open("alice");
  const bob = await open("bob");
  await connectData(bob.page, "alice", alice.page);
  assertEquals(await server.stop("SIGTERM"), { code: 0 });
  await alice.page.call("happened", "disconnected");
  await bob.page.call("happened", "disconnected");
  await exchangeData(alice.page, bob.page);
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
