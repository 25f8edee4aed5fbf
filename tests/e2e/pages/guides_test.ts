import { assertEquals, assertStringIncludes } from "@std/assert";
import peerjs from "npm:peerjs@1.5.5/dist/peerjs.min.js" with { type: "text" };
import { launchBrowser, type Page } from "../../helpers/browser/chromium.ts";
import { GSTWEBRTC_BUNDLE } from "../../helpers/browser/gstwebrtc.ts";
import { bundle } from "../../helpers/browser/rtcpool.ts";
import { startPageServer } from "../../helpers/browser/page_server.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { readmeSnippet } from "../../helpers/process/readme.ts";
import { startTestServer } from "../../helpers/wire/server.ts";
import { until } from "../../helpers/wire/waiting.ts";

/** Catches the texts of `alert`, which would stop a page without a user. */
const ALERTS = "<script>globalThis.alerts = []; alert = (text) => alerts.push(text);</script>";
/** A port of this machine that no server listens on. */
const CLOSED_PORT = 1;

async function text(tab: Page, expression: string): Promise<string> {
  return String(await tab.evaluate(expression));
}

clientTest({
  name: "guide of PeerJS: the pages of the chat talk to each other",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer();
    const page = await readmeSnippet("src/dialects/peerjs/README.md", "peerjs-chat");
    const { port } = new URL(server.url);
    await using site = await startPageServer({
      "/chat.html": page.replace('"localhost", port: 8080', `"127.0.0.1", port: ${port}`),
      "/node_modules/peerjs/dist/peerjs.min.js": peerjs,
    });
    await using browser = await launchBrowser();
    const alice = await browser.newPage(`${site.url}chat.html`);
    const bob = await browser.newPage(`${site.url}chat.html`);
    const textOf = (tab: Page, id: string) => text(tab, `byId("${id}").textContent`);
    for (const tab of [alice, bob]) {
      await until("the id", async () => await textOf(tab, "mine") !== "…");
    }
    await bob.evaluate(
      `byId("theirs").value = ${
        JSON.stringify(await textOf(alice, "mine"))
      }; byId("connect").click()`,
    );
    for (const tab of [alice, bob]) {
      await until("the connection", async () => (await textOf(tab, "log")).includes("connected"));
    }
    await bob.evaluate(
      `byId("say").value = "Good evening"; byId("say").dispatchEvent(new Event("change"))`,
    );
    await until("the words", async () => (await textOf(alice, "log")).includes(": Good evening"));
  },
});

clientTest({
  name: "README: the PeerJS page reports a wrong port in words",
  needs: ["chromium"],
  fn: async () => {
    const page = await readmeSnippet("README.md", "peerjs");
    await using site = await startPageServer({
      "/call.html": ALERTS +
        page.replace('"localhost", port: 8080', `"127.0.0.1", port: ${CLOSED_PORT}`),
      "/node_modules/peerjs/dist/peerjs.min.js": peerjs,
    });
    await using browser = await launchBrowser();
    const tab = await browser.newPage(`${site.url}call.html`);
    await until("the alert", async () => await tab.evaluate("alerts.length") === 1);
    assertStringIncludes(await text(tab, "alerts[0]"), "Check host, port, path");
  },
});

clientTest({
  name: "guide of GStreamer: the page shows why the server closed it",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer();
    const page = await readmeSnippet("src/dialects/gstreamer/README.md", "gstreamer-page");
    await using site = await startPageServer({
      "/view.html": page.replace("localhost:8080", new URL(server.url).host)
        .replace("HELLO viewer", "HI viewer"),
    });
    await using browser = await launchBrowser();
    const tab = await browser.newPage(`${site.url}view.html`);
    const state = () => text(tab, "byId('state').textContent");
    await until("the reason", async () => await state() !== "");
    assertEquals(await state(), "The connection is closed: invalid protocol");
  },
});

clientTest({
  name: "guide of webrtcsink: the page reports an address without a server",
  needs: ["chromium"],
  fn: async () => {
    const page = await readmeSnippet("src/dialects/webrtcsink/README.md", "gstwebrtc");
    await using site = await startPageServer({
      "/watch.html": page.replace("localhost:8080", `127.0.0.1:${CLOSED_PORT}`),
      "/node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.min.js": GSTWEBRTC_BUNDLE,
    });
    await using browser = await launchBrowser();
    const tab = await browser.newPage(`${site.url}watch.html`);
    const state = "document.getElementById('state').textContent";
    await until("the message", async () => await tab.evaluate(state) !== "");
    assertStringIncludes(await text(tab, state), "No connection to the server");
  },
});

clientTest({
  name: "guide of Simple Signalling: the page reports a refused join",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer({ args: ["--simple-tokens", "0123456789abcdef"] });
    const page = await readmeSnippet("src/dialects/simple/README.md", "simple");
    await using site = await startPageServer({
      "/room.html": page.replace("http://localhost:8080", server.url),
    });
    await using browser = await launchBrowser();
    const tab = await browser.newPage(`${site.url}room.html`);
    const log = () => text(tab, "document.getElementById('log').textContent");
    await until("the refusal", async () => (await log()).includes("unauthorized:"));
  },
});

clientTest({
  name: "guide of RTCPool: the page reports a refused join, and then the lost connection",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer({ args: ["--ssp-tokens", "0123456789abcdef"] });
    const script = await readmeSnippet("src/dialects/ssp/README.md", "ssp");
    await using site = await startPageServer({
      "/call.html": '<!doctype html><body><script src="bundle.js"></script>',
      "/bundle.js": await bundle(script.replace("localhost:8080", new URL(server.url).host)),
    });
    await using browser = await launchBrowser();
    const tab = await browser.newPage(`${site.url}call.html`);
    const words = () => text(tab, "document.body.innerText");
    await until("the refusal", async () => /token/i.test(await words()));
    await server.stop();
    await until("the loss", async () => (await words()).includes("No connection to the server"));
  },
});
