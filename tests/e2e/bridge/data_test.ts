import { assertEquals } from "@std/assert";
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { startServerProcess } from "../../helpers/process/server_process.ts";
import { BRIDGED } from "./rows.ts";
import { type TalkerName, TALKERS } from "./talkers.ts";

// Texts over data channels between real clients of different protocols, both ways.

const PAIRS: readonly (readonly [caller: TalkerName, callee: TalkerName])[] = [
  ["PeerJS", "RTCPool"],
  ["PeerJS", "Simple"],
  ["PeerJS", "OWT"],
  ["PeerJS", "GStreamer"],
  ["GStreamer", "PeerJS"],
  ["GStreamer", "RTCPool"],
  ["GStreamer", "Simple"],
  ["GStreamer", "OWT"],
  ["OWT", "PeerJS"],
  ["OWT", "GStreamer"],
  ["OWT", "RTCPool"],
  ["OWT", "Simple"],
  ["RTCPool", "Simple"],
  ["Simple", "RTCPool"],
];

for (const [calling, called] of PAIRS) {
  clientTest({
    name: `Bridge: ${calling} calls ${called} with a data channel, and both exchange texts`,
    needs: ["chromium"],
    fn: async () => {
      await using server = await startServerProcess(BRIDGED);
      await using browser = await launchBrowser();
      await using callee = await TALKERS[called](browser, server.url, "callee");
      await using caller = await TALKERS[calling](browser, server.url, "caller");
      await caller.connect(callee.id);
      // Texts of OWT are JSON of this form, and its clients read no others.
      const [there, back] = ["there", "back"].map((data) => JSON.stringify({ id: "1", data }));
      await caller.tell(callee.id, there ?? "");
      assertEquals(await callee.hears(caller.id), there);
      await callee.tell(caller.id, back ?? "");
      assertEquals(await caller.hears(callee.id), back);
    },
  });
}
