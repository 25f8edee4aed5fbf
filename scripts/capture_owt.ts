/**
 * Records tests/fixtures/owt/generations.jsonl anew: socket.io-client of both generations in Chromium
 * against a server given with --to. Of the packets it keeps what a namespace's session sees: events
 * and acknowledgements. The other fixtures' source is the contract.
 *
 *     deno run -A scripts/capture_owt.ts --to http://127.0.0.1:8080
 */
import { parseArgs } from "node:util";
import { launchBrowser } from "../tests/helpers/browser/chromium.ts";
import { startOwtSite } from "../tests/helpers/wire/socket_io_clients.ts";
import { type CaptureHead, type CaptureLine, startRecorder } from "./capture.ts";

const SCENE = "a login by query and one by event, a message each way and to nobody, a takeover";
const HEAD = { client: "socket.io-client 2.2.0 and 4.8.4", scene: SCENE };
const TRANSPORTS = ["websocket"];

async function record(target: string): Promise<void> {
  const lines: (CaptureHead | CaptureLine)[] = [];
  {
    const write = (line: CaptureHead | CaptureLine) => void lines.push(...seenBySession(line));
    await using recorder = startRecorder({ target, head: HEAD, write });
    await using site = await startOwtSite("2.2.0", "4.8.4");
    await using browser = await launchBrowser();
    const page = await browser.newPage(site.url);
    const { url } = recorder;
    const old = `${url}/?clientType=Web&clientVersion=4.3&token=gr%C3%BCn`;
    await page.call("start", "old", "tested", old, TRANSPORTS);
    await page.call("happened", "old", "server-authenticated");
    const logIn = async (name: string, token: string): Promise<void> => {
      await page.call("start", name, "other", url, TRANSPORTS);
      await page.call("ask", name, "authentication", { token });
    };
    await logIn("fresh", "fresh");
    await page.call("ask", "fresh", "owt-message", { to: "grün", data: '{"type":"chat-ua"}' });
    await page.call("ask", "old", "owt-message", { to: "fresh", data: '{"type":"chat-closed"}' });
    await page.call("ask", "old", "owt-message", { to: "nobody", data: "{}" });
    await logIn("taker", "grün");
    await page.call("happened", "old", "disconnect");
    await page.call("ask", "fresh", "owt-message", { to: "grün", data: '{"type":"chat-ua"}' });
  }
  const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
  await Deno.writeTextFile(
    new URL("../tests/fixtures/owt/generations.jsonl", import.meta.url),
    text,
  );
}

/** Events and acknowledgements without Engine.IO's part; nothing of what the layers say themselves. */
function seenBySession(line: CaptureHead | CaptureLine): (CaptureHead | CaptureLine)[] {
  if (!("frame" in line)) return [line];
  return /^4[23]/.test(line.frame) ? [{ ...line, frame: line.frame.slice(1) }] : [];
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { to: { type: "string" } } });
  if (values.to === undefined) throw new Error("Missing --to URL of a server");
  await record(values.to);
}
