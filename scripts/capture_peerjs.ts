/**
 * Records tests/fixtures/peerjs/*.jsonl anew: the real client in Chromium against a server given
 * with --to. The fixtures are meant to show the reference server:
 *
 *     npx --package peer@1.0.2 peerjs --port 9000
 *     deno run -A scripts/capture_peerjs.ts --to http://127.0.0.1:9000
 */
import { parseArgs } from "node:util";
import { type Browser, launchBrowser } from "../tests/helpers/browser/chromium.ts";
import type { PageServer } from "../tests/helpers/browser/page_server.ts";
import { openPeer, PEERJS, startPeer, startPeerJsSite } from "../tests/helpers/browser/peerjs.ts";
import { until } from "../tests/helpers/wire/waiting.ts";
import { type CaptureHead, type CaptureLine, startRecorder } from "./capture.ts";

interface Stage {
  browser: Browser;
  site: PageServer;
  /** The recorder, which stands for the server. */
  url: string;
  lines: readonly (CaptureHead | CaptureLine)[];
}

const SCENES: Record<string, (stage: Stage) => Promise<void>> = {
  "data call": async ({ browser, site, url, lines }) => {
    const alice = await openPeer(browser, site, url, "alice");
    const bob = await openPeer(browser, site, url);
    await bob.page.call("connect", "alice", { metadata: { room: "grün", seats: 1.5 } });
    await alice.page.call("happened", "connection");
    await bob.page.call("happened", "connection");
    await until("a heartbeat", () => lines.some((line) => hasFrame(line, "HEARTBEAT")));
  },
  "media call": async ({ browser, site, url }) => {
    const alice = await openPeer(browser, site, url, "alice");
    const bob = await openPeer(browser, site, url, "bob");
    await bob.page.call("call", "alice", { metadata: null });
    for (const { page } of [alice, bob]) await page.call("watchFrames", 1, 10);
  },
  "reconnect": async ({ browser, site, url, lines }) => {
    const alice = await openPeer(browser, site, url, "alice");
    const bob = await openPeer(browser, site, url, "bob");
    await bob.page.call("connect", "alice");
    await bob.page.call("happened", "connection");
    await alice.page.call("disconnect");
    await until("the close", () => lines.some((line) => "dir" in line && line.dir === "close"));
    await alice.page.call("reconnect");
    await alice.page.call("happened", "open", 2);
    await bob.page.call("connect", "alice");
    await bob.page.call("happened", "connection", 2);
  },
  "peer unavailable": async ({ browser, site, url }) => {
    const { page } = await openPeer(browser, site, url, "alice");
    await page.call("connect", "nobody");
    await page.call("happened", "error");
  },
  "id taken": async ({ browser, site, url }) => {
    await openPeer(browser, site, url, "alice");
    const page = await browser.newPage(site.url);
    await startPeer(page, url, "alice");
    await page.call("happened", "error");
  },
};

async function record(scene: string, target: string): Promise<void> {
  const lines: (CaptureHead | CaptureLine)[] = [];
  {
    await using recorder = startRecorder({
      target,
      head: { client: PEERJS, scene },
      write: (line) => lines.push(line),
    });
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    await SCENES[scene]?.({ browser, site, url: recorder.url, lines });
  }
  const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
  const name = `${scene.replaceAll(" ", "_")}.jsonl`;
  await Deno.writeTextFile(new URL(`../tests/fixtures/peerjs/${name}`, import.meta.url), text);
}

function hasFrame(line: CaptureHead | CaptureLine, text: string): boolean {
  return "frame" in line && line.frame.includes(text);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { to: { type: "string" } } });
  if (values.to === undefined) throw new Error("Missing --to URL of a PeerJS server");
  for (const scene of Object.keys(SCENES)) await record(scene, values.to);
}
