import { assertEquals, assertStringIncludes } from "@std/assert";
import { SignJWT } from "jose";
import peerjs from "npm:peerjs@1.5.5/dist/peerjs.min.js" with { type: "text" };
import { launchBrowser, type Page } from "../../helpers/browser/chromium.ts";
import { GSTWEBRTC_BUNDLE } from "../../helpers/browser/gstwebrtc.ts";
import { startPageServer } from "../../helpers/browser/page_server.ts";
import { bundle } from "../../helpers/browser/rtcpool.ts";
import { bundleTopics } from "../../helpers/browser/topics.ts";
import { clientTest, programOf } from "../../helpers/process/clients.ts";
import { readmeSnippet } from "../../helpers/process/readme.ts";
import { startTestServer, type TestServer } from "../../helpers/wire/server.ts";
import { SOCKET_IO_CLIENTS } from "../../helpers/wire/socket_io_clients.ts";
import { until } from "../../helpers/wire/waiting.ts";

// Each guide shows where its clients put the token. The same lines run here with a good token and with
// an expired one.

const SECRET = "a secret of more than thirty-two bytes";
const ALERTS = "<script>globalThis.alerts = []; alert = (text) => alerts.push(text);</script>";
const needs = ["chromium"] as const;

function guarded(): TestServer {
  return startTestServer({ args: ["--auth-mode=jwt", "--auth-jwt-secret", SECRET] });
}

async function sign(end: string): Promise<string> {
  return await new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "HS256" })
    .setExpirationTime(end).sign(new TextEncoder().encode(SECRET));
}

/** A page's lines for a server, with a token in the place of the variable that the guide leaves open. */
async function lines(dialect: string, name: string, server: TestServer): Promise<string> {
  const text = await readmeSnippet(`src/dialects/${dialect}/README.md`, name);
  const { host, port } = new URL(server.url);
  return text.replaceAll("localhost:8080", host)
    .replaceAll('"localhost", port: 8080', `"127.0.0.1", port: ${port}`);
}

/** Takes the token of a page from its address. */
const OF_ADDRESS = 'const token = new URLSearchParams(location.search).get("token");';

/** A guide's page with its line about the token in the place of another line. */
function withToken(page: string, line: string, place: RegExp): string {
  const changed = page.replace(place, () => `\n${OF_ADDRESS}\n${line}`);
  assertStringIncludes(changed, line);
  return changed;
}

function declare(token: string): string {
  return `const token = ${JSON.stringify(token)};\n`;
}

async function eventually(tab: Page, expression: string, expected: unknown): Promise<void> {
  let last: unknown;
  const isSo = async (): Promise<boolean> => (last = await tab.evaluate(expression)) === expected;
  await until(`${expression} to be ${expected}`, isSo).catch(() => assertEquals(last, expected));
}

clientTest({
  name: "guide of PeerJS: a page shows its token as the key, and replaces one shown as `token`",
  needs,
  fn: async () => {
    await using server = guarded();
    const script = await lines("peerjs", "peerjs-token", server);
    const pageOf = (script: string) =>
      `${ALERTS}<script src="/peerjs.js"></script><script>${script}</script>`;
    await using site = await startPageServer({
      "/good.html": pageOf(declare(await sign("10m")) + script),
      "/bad.html": pageOf(declare(await sign("-10m")) + script),
      "/refresh.html": pageOf(declare(await sign("10m")) + script.replace("key: token", "token")),
      "/peerjs.js": peerjs,
    });
    await using browser = await launchBrowser();
    const good = await browser.newPage(`${site.url}good.html`);
    await eventually(good, "peer.open && peer.id", "alice");
    await good.close();
    const bad = await browser.newPage(`${site.url}bad.html`);
    await eventually(bad, "alerts[0]", "server-error: Token has expired");
    const tab = await browser.newPage(`${site.url}refresh.html`);
    await eventually(tab, "peer.open && peer.id", "alice");
    const refresh = await lines("peerjs", "peerjs-refresh", server);
    await tab.evaluate(`{ const fresh = ${JSON.stringify(await sign("1h"))}; ${refresh} }`);
    await eventually(tab, "peer.open", true);
    await tab.evaluate(`{ const fresh = ${JSON.stringify(await sign("-1h"))}; ${refresh} }`);
    await eventually(tab, "alerts.join()", "server-error: Token has expired");
  },
});

clientTest({
  name: "guide of GStreamer: a Python client shows its token in the query",
  needs: ["gstreamer"],
  fn: async () => {
    await using server = guarded();
    const body = (await lines("gstreamer", "gstreamer-token", server)).replaceAll(/^/gm, "    ");
    const program = [
      "import asyncio, sys, websockets",
      "async def main(token):",
      body,
      "asyncio.run(main(sys.argv[1]))",
    ].join("\n");
    for (const [end, words] of [["10m", "HELLO"], ["-10m", "ERROR token has expired"]] as const) {
      const args = ["-c", program, await sign(end)];
      const { stdout } = await new Deno.Command(programOf("gstreamer"), { args }).output();
      assertEquals(new TextDecoder().decode(stdout), `${words}\n`);
    }
  },
});

clientTest({
  name: "guide of RTCPool: a page shows its token in the query, and its words tell of a refusal",
  needs,
  fn: async () => {
    await using server = guarded();
    const line = await lines("ssp", "ssp-token", server);
    const page = withToken(await lines("ssp", "ssp", server), line, /^const signals = .*$/m);
    await using site = await startPageServer({
      "/": '<!doctype html><body><script src="bundle.js"></script>',
      "/bundle.js": await bundle(page),
    });
    await using browser = await launchBrowser();
    await browser.newPage(`${site.url}?token=${await sign("10m")}`);
    await until("the join", async () => await server.gauge("signalbox_rooms") === 1);
    const bad = await browser.newPage(`${site.url}?token=${await sign("-10m")}`);
    await eventually(bad, "document.body.innerText.trim()", "Token has expired");
  },
});

clientTest({
  name: "guide of OWT: the channel's token names the user",
  needs,
  fn: async () => {
    await using server = guarded();
    const script = await lines("owt", "owt-token", server);
    const html = `<!doctype html><script src="/global.js"></script>
<script type="importmap">{ "imports": { "socket.io-client": "/io.js" } }</script>
<script type="module">import { SignalingChannel } from "/channel.js";
${OF_ADDRESS}
${script}</script>`;
    await using site = await startPageServer({
      "/": html,
      "/channel.js": await lines("owt", "owt", server),
      // The package does not export its own module.
      "/global.js": SOCKET_IO_CLIENTS["4.8.4"] ?? "",
      "/io.js": "export const io = globalThis.io;",
    });
    await using browser = await launchBrowser();
    const good = await browser.newPage(`${site.url}?token=${await sign("10m")}`);
    await eventually(good, "document.title", "alice");
    const bad = await browser.newPage(`${site.url}?token=${await sign("-10m")}`);
    await eventually(bad, "document.title", "refused: 2121");
  },
});

clientTest({
  name: "guide of Simple Signalling: a room shows its token, and a fresh one before the end",
  needs,
  fn: async () => {
    await using server = guarded();
    const script = await lines("simple", "simple-token", server);
    await using site = await startPageServer({
      "/": `<!doctype html><script type="module">
import { Room } from "${server.url}/simple/client.js";
${OF_ADDRESS}
const name = "Alice";
const log = (text) => (document.title = text);
${script}
room.addEventListener("ready", () => log("ready"));
</script>`,
    });
    await using browser = await launchBrowser();
    const bad = await browser.newPage(`${site.url}?token=${await sign("-10m")}`);
    await eventually(bad, "document.title", "unauthorized: Token has expired");
    const good = await browser.newPage(`${site.url}?token=${await sign("10m")}`);
    await eventually(good, "document.title", "ready");
    const show = async (token: string): Promise<void> => {
      const event = `new CustomEvent("fresh-token", { detail: ${JSON.stringify(token)} })`;
      await good.evaluate(`dispatchEvent(${event})`);
    };
    await show(await sign("1h"));
    await show(await sign("-1h"));
    await eventually(good, "document.title", "unauthorized: Token has expired");
    assertEquals(await server.gauge("signalbox_peers"), 1);
  },
});

clientTest({
  name: "guide of webrtcsink: a page shows its token in the query",
  needs,
  fn: async () => {
    await using server = guarded();
    const script = await lines("webrtcsink", "gstwebrtc-token", server);
    const guide = await lines("webrtcsink", "gstwebrtc", server);
    const page = withToken(guide, script, /^const api = .*$/m);
    await using site = await startPageServer({
      "/": page,
      "/node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.min.js": GSTWEBRTC_BUNDLE,
    });
    await using browser = await launchBrowser();
    await browser.newPage(`${site.url}?token=${await sign("10m")}`);
    await until("the peer", async () => await server.gauge("signalbox_peers") === 1);
    const bad = await browser.newPage(`${site.url}?token=${await sign("-10m")}`);
    const words = "document.getElementById('state').textContent.slice(0, 13)";
    await eventually(bad, words, "No connection");
  },
});

clientTest({
  name: "guide of Yjs: a page shows its token in the query",
  needs,
  fn: async () => {
    await using server = guarded();
    const script = await lines("topics", "yjs-token", server);
    const guide = await lines("topics", "yjs", server);
    const page = withToken(guide, script, /^const signaling = .*$/m);
    await using site = await startPageServer({
      "/": '<!doctype html><body><script src="bundle.js"></script>',
      "/bundle.js": await bundleTopics(page),
    });
    await using browser = await launchBrowser();
    await browser.newPage(`${site.url}?token=${await sign("10m")}`);
    const subscriptions = () => server.gauge("signalbox_topics_subscriptions");
    await until("the subscription", async () => await subscriptions() === 1);
    await browser.newPage(`${site.url}?token=${await sign("-10m")}`);
    const isRefused = () => server.log.some(({ facts }) => facts["reason"] === "auth_expired");
    await until("the refusal", isRefused);
    assertEquals(await subscriptions(), 1);
  },
});
