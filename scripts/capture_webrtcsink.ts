/**
 * Records tests/fixtures/webrtcsink/*.jsonl anew: the real client in Chromium against a server given
 * with --to.
 *
 *     deno run -A main.ts --listen http://127.0.0.1:8080
 *     deno run -A scripts/capture_webrtcsink.ts --to http://127.0.0.1:8080
 */
import { parseArgs } from "node:util";
import { type Browser, launchBrowser } from "../tests/helpers/browser/chromium.ts";
import {
  GSTWEBRTC,
  openSinkPage,
  type SinkPage,
  startGstWebRtcSite,
} from "../tests/helpers/browser/gstwebrtc.ts";
import type { PageServer } from "../tests/helpers/browser/page_server.ts";
import { until } from "../tests/helpers/wire/waiting.ts";
import { type CaptureHead, type CaptureLine, startRecorder } from "./capture.ts";

type Line = CaptureHead | CaptureLine;

interface Stage {
  readonly browser: Browser;
  readonly site: PageServer;
  /** The recorder, which stands for the server. */
  readonly url: string;
  /** How many connections have ended. */
  closed(): number;
}

const SCENES: Record<string, (stage: Stage) => Promise<void>> = {
  "one to many": async (stage) => {
    const producer = await open(stage, "camera");
    await producer.page.call("produce");
    await producer.page.call("happened", "producer streaming");
    const one = await open(stage, "one");
    const two = await open(stage, "two");
    await watch(one, producer);
    await watch(two, producer);
    await one.page.call("stopConsuming", producer.id);
    await producer.page.call("happened", "client removed");
    await leave(stage, producer);
    await two.page.call("happened", "session closed");
    await two.page.call("happened", "producer removed");
    for (const page of [one, two]) await leave(stage, page);
  },
  "role given up": async (stage) => {
    const producer = await open(stage, "camera");
    const consumer = await open(stage, "one");
    await producer.page.call("produce");
    await watch(consumer, producer);
    await producer.page.call("stopProducing");
    await consumer.page.call("happened", "session closed");
    await consumer.page.call("happened", "producer removed");
    for (const page of [consumer, producer]) await leave(stage, page);
  },
  "refused start": async (stage) => {
    const one = await open(stage, "one");
    await one.page.call("consume", "nobody");
    await one.page.call("happened", "error");
    await leave(stage, one);
  },
};

function open({ browser, site, url }: Stage, name: string): Promise<SinkPage> {
  return openSinkPage(browser, site, `${url.replace("http", "ws")}/webrtcsink`, { name });
}

async function watch({ page }: SinkPage, producer: SinkPage): Promise<void> {
  await page.call("happened", "producer added");
  await page.call("consume", producer.id);
  await page.call("happened", "video");
  await page.call("watchFrames", producer.id, 10);
}

async function leave({ closed }: Stage, { page }: SinkPage): Promise<void> {
  const before = closed();
  await page.close();
  await until("the connection to be closed", () => closed() > before);
}

async function record(scene: string, target: string): Promise<void> {
  await using browser = await launchBrowser();
  await using site = await startGstWebRtcSite();
  const lines: Line[] = [];
  {
    await using recorder = startRecorder({
      target,
      head: { client: GSTWEBRTC, scene },
      write: (line) => lines.push(line),
    });
    const closed = () => lines.filter((line) => "dir" in line && line.dir === "close").length;
    await SCENES[scene]?.({ browser, site, url: recorder.url, closed });
  }
  const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
  const name = `${scene.replaceAll(" ", "_")}.jsonl`;
  await Deno.writeTextFile(new URL(`../tests/fixtures/webrtcsink/${name}`, import.meta.url), text);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { to: { type: "string" } } });
  if (values.to === undefined) throw new Error("Missing --to URL of a webrtcsink server");
  for (const scene of Object.keys(SCENES)) await record(scene, values.to);
}
