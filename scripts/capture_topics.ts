/**
 * Records tests/fixtures/topics/*.jsonl anew: the real clients in Chromium against servers given
 * with --yjs and --trystero. The first is meant to be y-webrtc's own; Trystero's is not on npm, so a
 * server of ours takes its place:
 *
 *     PORT=4444 npx --package y-webrtc@10.3.0 --package ws@8.23.0 y-webrtc-signaling
 *     deno run -A main.ts --port 4445
 *     deno run -A scripts/capture_topics.ts --yjs http://127.0.0.1:4444 --trystero http://127.0.0.1:4445
 */
import { parseArgs } from "node:util";
import { type Browser, launchBrowser, type Page } from "../tests/helpers/browser/chromium.ts";
import {
  startTrysteroSite,
  startYjsSite,
  type TopicsSite,
  TRYSTERO,
  Y_WEBRTC,
} from "../tests/helpers/browser/topics.ts";
import { until } from "../tests/helpers/wire/waiting.ts";
import { type CaptureHead, type CaptureLine, startRecorder } from "./capture.ts";

interface Stage {
  readonly browser: Browser;
  readonly site: TopicsSite;
  /** The recorder, which stands for the server. */
  readonly url: string;
}

type Scene = (stage: Stage) => Promise<void>;

const YJS_SCENES: Record<string, Scene> = {
  "two documents": async (stage) => {
    await converge(await shareTwo(stage, {}));
  },
  "two documents with a password": async (stage) => {
    await converge(await shareTwo(stage, { password: "sésame" }));
  },
};

const TRYSTERO_SCENES: Record<string, Scene> = {
  "a room of two": async ({ browser, site, url }) => {
    const pages = [await browser.newPage(site.url(0)), await browser.newPage(site.url(1))];
    for (const page of pages) await page.call("join", url, "room", {});
    for (const page of pages) {
      await until("the other", async () => (await page.call<string[]>("peers")).length === 1);
    }
    await pages[0]?.call("leave");
  },
};

async function shareTwo({ browser, site, url }: Stage, options: unknown): Promise<Page[]> {
  const pages: Page[] = [];
  for (const nth of [0, 1]) {
    const page = await browser.newPage(site.url(nth));
    await page.call("start", url, "room", options);
    await page.call("happened", "connected");
    pages.push(page);
  }
  return pages;
}

async function converge(pages: readonly Page[]): Promise<void> {
  await pages[0]?.call("write", "hello");
  for (const page of pages) await page.call("reads", "hello");
}

async function record(
  scenes: Record<string, Scene>,
  { client, target, startSite }: {
    readonly client: string;
    readonly target: string;
    readonly startSite: () => Promise<TopicsSite>;
  },
): Promise<void> {
  for (const [scene, play] of Object.entries(scenes)) {
    const lines: (CaptureHead | CaptureLine)[] = [];
    {
      await using recorder = startRecorder({
        target,
        head: { client, scene },
        write: (line) => lines.push(line),
      });
      await using site = await startSite();
      await using browser = await launchBrowser();
      await play({ browser, site, url: `${recorder.url.replace(/^http/, "ws")}/topics` });
    }
    const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
    const name = `${scene.replaceAll(" ", "_")}.jsonl`;
    await Deno.writeTextFile(new URL(`../tests/fixtures/topics/${name}`, import.meta.url), text);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { yjs: { type: "string" }, trystero: { type: "string" } },
  });
  const { yjs, trystero } = values;
  if (yjs === undefined && trystero === undefined) throw new Error("Missing --yjs or --trystero");
  if (yjs !== undefined) {
    await record(YJS_SCENES, { client: Y_WEBRTC, target: yjs, startSite: startYjsSite });
  }
  if (trystero !== undefined) {
    const options = { client: TRYSTERO, target: trystero, startSite: startTrysteroSite };
    await record(TRYSTERO_SCENES, options);
  }
}
