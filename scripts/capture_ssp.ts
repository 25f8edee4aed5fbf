/**
 * Records tests/fixtures/ssp/*.jsonl anew, but for those whose source is the contract: the real
 * client in Chromium against a server given with --to.
 *
 *     deno run -A main.ts --listen http://127.0.0.1:8080
 *     deno run -A scripts/capture_ssp.ts --to http://127.0.0.1:8080
 */
import { parseArgs } from "node:util";
import { type Browser, launchBrowser } from "../tests/helpers/browser/chromium.ts";
import type { PageServer } from "../tests/helpers/browser/page_server.ts";
import {
  openPoolPage,
  type PoolPage,
  RTCPOOL,
  startRtcPoolSite,
} from "../tests/helpers/browser/rtcpool.ts";
import { openV1Page, V1_SITE } from "../tests/helpers/wire/ssp_v1_peer.ts";
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

interface Scene {
  readonly client: string;
  play(stage: Stage): Promise<void>;
}

const SCENES: Record<string, Scene> = {
  "data pool": {
    client: RTCPOOL,
    play: async (stage) => {
      const a = await join(stage);
      const b = await join(stage);
      await connect(b, a);
      await a.page.call("describe", { name: "Ann", tags: ["grün"] });
      await b.page.call("happened", "description");
      const c = await join(stage);
      await connect(c, a);
      await connect(c, b);
      await leave(stage, b);
      for (const { page } of [a, c]) await page.call("happened", "gone");
      for (const one of [c, a]) await leave(stage, one);
    },
  },
  "media collision": {
    client: RTCPOOL,
    play: async (stage) => {
      const a = await join(stage);
      const b = await join(stage);
      await a.page.call("happened", "peer");
      for (const { page } of [a, b]) await page.call("hold");
      for (const { page } of [a, b]) await page.call("share");
      for (const { page } of [a, b]) {
        await until("all candidates", async () => {
          return (await page.call<string[]>("all", "says")).includes("rtc:candidate end");
        });
      }
      for (const { page } of [a, b]) await page.call("release");
      await Promise.all([a.page.call("happened", "video"), b.page.call("happened", "video")]);
      await Promise.all([watch(a, b), watch(b, a)]);
      for (const one of [a, b]) await leave(stage, one);
    },
  },
  "mixed pool": {
    client: `${RTCPOOL} and ssp_v1_page.js`,
    play: async (stage) => {
      const a = await join(stage);
      const b = await join(stage, "/ssp/v1");
      await connect(b, a);
      const c = await join(stage, "/ssp/auto");
      await connect(c, a);
      await connect(b, c);
      for (const one of [a, b, c]) await leave(stage, one);
    },
  },
};

function join({ browser, site, url }: Stage, path = "/ssp"): Promise<PoolPage> {
  const open = path === "/ssp/v1" ? openV1Page : openPoolPage;
  return open(browser, site, url.replace("http", "ws") + path, "lobby");
}

async function connect(from: PoolPage, to: PoolPage): Promise<void> {
  const nth = await Promise.all(
    [from, to].map(async ({ page }) => (await page.call<unknown[]>("all", "channel")).length + 1),
  );
  await from.page.call("open", to.id, "chat");
  await from.page.call("happened", "channel", nth[0]);
  await to.page.call("happened", "channel", nth[1]);
}

async function watch(one: PoolPage, other: PoolPage): Promise<void> {
  await one.page.call("watchFrames", other.id, 10);
}

async function leave({ closed }: Stage, { page }: PoolPage): Promise<void> {
  const before = closed();
  await page.close();
  await until("the connection to be closed", () => closed() > before);
}

async function record(scene: string, { client, play }: Scene, target: string): Promise<void> {
  await using browser = await launchBrowser();
  await using site = await startRtcPoolSite(V1_SITE);
  const lines: Line[] = [];
  {
    await using recorder = startRecorder({
      target,
      head: { client, scene },
      write: (line) => lines.push(line),
    });
    const closed = () => lines.filter((line) => "dir" in line && line.dir === "close").length;
    await play({ browser, site, url: recorder.url, closed });
  }
  const text = lines.map((line) => JSON.stringify(named(line)) + "\n").join("");
  const name = `${scene.replaceAll(" ", "_")}.jsonl`;
  await Deno.writeTextFile(new URL(`../tests/fixtures/ssp/${name}`, import.meta.url), text);
}

/** The recorder numbers the connections, because they do not name themselves. */
function named(line: Line): Line {
  if (!("peer" in line)) return line;
  const names: Record<string, string> = { "client-1": "ann", "client-2": "bob", "client-3": "cy" };
  return { ...line, peer: names[line.peer] ?? line.peer };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { to: { type: "string" } } });
  if (values.to === undefined) throw new Error("Missing --to URL of an ssp server");
  for (const [name, scene] of Object.entries(SCENES)) await record(name, scene, values.to);
}
