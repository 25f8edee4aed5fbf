/**
 * Records tests/fixtures/gstreamer/*.jsonl anew: webrtcbin and Chromium against a server given with
 * --to. The fixtures are meant to show the reference server:
 *
 *     ./simple_server.py --disable-ssl --port 8443
 *     deno run -A scripts/capture_gstreamer.ts --to http://127.0.0.1:8443
 */
import { parseArgs } from "node:util";
import { PagePeer, WebrtcbinPeer } from "../tests/e2e/gstreamer/peers.ts";
import { type Browser, launchBrowser } from "../tests/helpers/browser/chromium.ts";
import { programOf } from "../tests/helpers/process/clients.ts";
import { until } from "../tests/helpers/wire/waiting.ts";
import { type CaptureHead, type CaptureLine, startRecorder } from "./capture.ts";

type Line = CaptureHead | CaptureLine;

/** How many connections have ended. */
type CountClosed = () => number;

const SCENES: Record<
  string,
  (browser: Browser, url: string, closed: CountClosed) => Promise<void>
> = {
  "session": async (browser, url, closed) => {
    await using page = await PagePeer.open(browser, url, "alice");
    await page.heard({ event: "hello" });
    await using bin = new WebrtcbinPeer(url, "bob", { call: "alice", offer: true });
    await Promise.all([page.sees("caller"), bin.sees("alice")]);
    await bin.leave();
    await until("both to be closed", () => closed() === 2);
  },
  "session offer request": async (browser, url, closed) => {
    await using bin = new WebrtcbinPeer(url, "bob");
    await bin.heard({ event: "hello" });
    await using page = await PagePeer.open(browser, url, "alice", { call: "bob" });
    await Promise.all([page.sees("bob"), bin.sees("caller")]);
    await page.leave();
    await until("both to be closed", () => closed() === 2);
  },
  "room": async (browser, url, closed) => {
    const room = "meeting";
    await using alice = new WebrtcbinPeer(url, "alice", { room });
    await alice.heard({ event: "room_ok" });
    await using bob = await PagePeer.open(browser, url, "bob", { room });
    await Promise.all([alice.sees("bob"), bob.sees("alice")]);
    await using carol = new WebrtcbinPeer(url, "carol", { room });
    await Promise.all([alice.sees("carol"), bob.sees("carol"), carol.sees("alice")]);
    await carol.sees("bob");
    await alice.leave();
    for (const peer of [bob, carol]) await peer.heard({ event: "peer_left", peer: "alice" });
    for (const peer of [bob, carol]) await peer.leave();
    await until("all to be closed", () => closed() === 3);
  },
};

async function record(scene: string, target: string): Promise<void> {
  await using browser = await launchBrowser();
  const runtime = `${await pythonVersions()}, ${browser.version.replace("Chrome/", "Chromium ")}`;
  const lines: Line[] = [];
  {
    await using recorder = startRecorder({
      target,
      head: { client: "webrtcbin_peer.py and call_page.js", runtime, scene },
      write: (line) => lines.push(line),
    });
    const closed = () => lines.filter((line) => "dir" in line && line.dir === "close").length;
    await SCENES[scene]?.(browser, recorder.url.replace("http", "ws"), closed);
  }
  const text = named(lines).map((line) => JSON.stringify(line) + "\n").join("");
  const name = `${scene.replaceAll(" ", "_")}.jsonl`;
  await Deno.writeTextFile(new URL(`../tests/fixtures/gstreamer/${name}`, import.meta.url), text);
}

/** The recorder numbers the connections; here a client says its name only in HELLO. */
function named(lines: readonly Line[]): Line[] {
  const names = new Map(lines.flatMap((line) => {
    const uid = "frame" in line && line.dir === "in" && /^HELLO (.*)$/.exec(line.frame)?.[1];
    return uid ? [[line.peer, uid] as const] : [];
  }));
  return lines.map((line) =>
    "peer" in line ? { ...line, peer: names.get(line.peer) ?? line.peer } : line
  );
}

async function pythonVersions(): Promise<string> {
  const script = `
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
import websockets
Gst.init(None)
print(Gst.version_string() + ", websockets " + websockets.__version__, end="")
`;
  const { stdout } = await new Deno.Command(programOf("gstreamer"), { args: ["-c", script] })
    .output();
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { to: { type: "string" } } });
  if (values.to === undefined) throw new Error("Missing --to URL of a GStreamer signalling server");
  for (const scene of Object.keys(SCENES)) await record(scene, values.to);
}
