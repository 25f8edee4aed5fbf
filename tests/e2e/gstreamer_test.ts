import { assertEquals } from "@std/assert";
import { dirname } from "node:path";
import { makeCertificate } from "../helpers/process/certificate.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { type ServerProcess, startServerProcess } from "../helpers/process/server_process.ts";
import { type CallPeer, PagePeer, WebrtcbinPeer } from "./gstreamer/peers.ts";

clientTest({
  name: "GStreamer: webrtcbin calls a browser page, and media flows both ways",
  needs: ["gstreamer", "chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    await using browser = await launchBrowser();
    await using page = await PagePeer.open(browser, urlOf(server), "page");
    await page.heard({ event: "hello" });
    await using bin = new WebrtcbinPeer(urlOf(server), "bin", { call: "page", offer: true });
    await talk({ caller: bin, callee: page });
    await endsWith({ leaver: page, partner: bin });
  },
});

clientTest({
  name: "GStreamer: a browser page calls webrtcbin and offers, and media flows both ways",
  needs: ["gstreamer", "chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    await using browser = await launchBrowser();
    await using bin = new WebrtcbinPeer(urlOf(server), "bin");
    await bin.heard({ event: "hello" });
    const options = { call: "bin", offer: true };
    await using page = await PagePeer.open(browser, urlOf(server), "page", options);
    await talk({ caller: page, callee: bin });
    await endsWith({ leaver: bin, partner: page });
  },
});

clientTest({
  name: "GStreamer: a browser page asks webrtcbin for an offer, over TLS too",
  needs: ["gstreamer", "chromium", "openssl"],
  fn: async () => {
    await using certificate = await makeCertificate();
    const tls = ["--tls-cert", certificate.certFile, "--tls-key", certificate.keyFile];
    await using server = await startServerProcess(["--listen", "https://127.0.0.1:0", ...tls]);
    await using browser = await launchBrowser({ ignoreHTTPSErrors: true });
    await using bin = new WebrtcbinPeer(urlOf(server), "bin");
    await bin.heard({ event: "hello" });
    await using page = await PagePeer.open(browser, urlOf(server), "page", { call: "bin" });
    await bin.heard({ event: "offer_request" });
    await talk({ caller: page, callee: bin });
    await endsWith({ leaver: page, partner: bin });
  },
});

clientTest({
  name: "GStreamer: two webrtcbin peers call each other, with either of them offering",
  needs: ["gstreamer"],
  fn: async () => {
    await using server = await startServerProcess();
    for (const offer of [true, false]) {
      await using callee = new WebrtcbinPeer(urlOf(server), "callee");
      await callee.heard({ event: "hello" });
      await using caller = new WebrtcbinPeer(urlOf(server), "caller", { call: "callee", offer });
      await talk({ caller, callee });
      await endsWith({ leaver: caller, partner: callee });
    }
  },
});

clientTest({
  name: "GStreamer: two webrtcbin peers and a browser page meet in a room",
  needs: ["gstreamer", "chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    await meet(server);
  },
});

clientTest({
  name: "GStreamer: three meet in a room over TLS, with the reference server's --cert-path",
  needs: ["gstreamer", "chromium", "openssl"],
  fn: async () => {
    await using certificate = await makeCertificate();
    const flags = ["--listen", "https://127.0.0.1:0", "--cert-path", dirname(certificate.certFile)];
    await using server = await startServerProcess(flags);
    await meet(server);
  },
});

clientTest({
  name: "GStreamer: a page is back under its uid a second after its partner left, and called again",
  needs: ["gstreamer", "chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    await using browser = await launchBrowser();
    await using page = await PagePeer.open(browser, urlOf(server), "page", { reconnect: true });
    for (let round = 0; round < 2; round += 1) {
      const past = page.events.length;
      await page.heard({ event: "hello" }, past);
      await using bin = new WebrtcbinPeer(urlOf(server), "bin", { call: "page" });
      await page.heard({ event: "offer_request" }, past);
      await bin.sees("page");
      await bin.leave();
      assertEquals((await page.heard({ event: "closed" }, past)).code, 1000);
    }
  },
});

clientTest({
  name: "GStreamer: a webrtcbin process that is killed or hangs frees its partner and its uid",
  needs: ["gstreamer"],
  fn: async (t) => {
    // On a loaded machine a process with pictures to encode answers a ping late.
    await using server = await startServerProcess(["--keepalive-timeout", "5"]);
    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      await t.step(signal, async () => {
        await using lost = new WebrtcbinPeer(urlOf(server), "lost");
        await lost.heard({ event: "hello" });
        await using partner = new WebrtcbinPeer(urlOf(server), "partner", { call: "lost" });
        await partner.sees("lost", 5);
        lost.signal(signal);
        assertEquals((await partner.heard({ event: "closed" })).code, 1000);
        await using successor = new WebrtcbinPeer(urlOf(server), "lost");
        await successor.heard({ event: "hello" });
      });
    }
  },
});

/** The callee cannot know who calls: the protocol does not tell it. */
async function talk({ caller, callee }: { caller: CallPeer; callee: CallPeer }): Promise<void> {
  await caller.heard({ event: "session_ok" });
  await Promise.all([caller.sees(callee.uid), callee.sees("caller")]);
}

async function endsWith(
  { leaver, partner }: { leaver: CallPeer; partner: CallPeer },
): Promise<void> {
  await leaver.leave();
  const { code, reason } = await partner.heard({ event: "closed" });
  assertEquals({ code, reason }, { code: 1000, reason: "" });
}

/** Three peers see each other in a room; one of them leaves, and a fourth comes. */
async function meet(server: ServerProcess): Promise<void> {
  const room = "meeting";
  await using browser = await launchBrowser({ ignoreHTTPSErrors: true });
  await using first = new WebrtcbinPeer(urlOf(server), "first", { room });
  await first.heard({ event: "room_ok" });
  await using page = await PagePeer.open(browser, urlOf(server), "page", { room });
  assertEquals((await page.heard({ event: "room_ok" })).peers, ["first"]);
  await using third = new WebrtcbinPeer(urlOf(server), "third", { room });
  assertEquals((await third.heard({ event: "room_ok" })).peers, ["first", "page"]);
  const all = [first, page, third];
  await Promise.all(
    all.flatMap((one) => all.filter((other) => other !== one).map((other) => one.sees(other.uid))),
  );

  await third.leave();
  for (const peer of [first, page]) await peer.heard({ event: "peer_left", peer: "third" });
  await using _fourth = new WebrtcbinPeer(urlOf(server), "fourth", { room });
  for (const peer of [first, page]) {
    // All other news of the departure came before this arrival.
    await peer.heard({ event: "peer_joined", peer: "fourth" });
    assertEquals(peer.events.filter(({ event }) => event === "peer_left").length, 1);
  }
}

function urlOf(server: ServerProcess): string {
  const [url] = server.urls;
  if (url === undefined) throw new Error("The server listens nowhere");
  return url.replace(/^http/, "ws");
}
