import { assertEquals } from "@std/assert";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { Desk } from "../helpers/browser/desk.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openGst } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";

const TOKEN = "a-token-that-may-act";

clientTest({
  name: "cluster: the console of one node shows all nodes, and acts on a peer of another",
  needs: ["redis-server", "chromium"],
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"], ["--admin-tokens", TOKEN]);
    await using alice = await openGst(nodes.wsUrl(1), "alice");
    await using browser = await launchBrowser();
    const desk = await Desk.open(browser, nodes.nodes[0]?.url ?? "", TOKEN);
    const rows = async (): Promise<string> => await desk.text("#nodes tbody");
    await until("both nodes", async () => /^\s*a.*b.*11\s*$/s.test(await rows()));
    assertEquals(await desk.text("#nodes .good"), "Up");
    await desk.has('[aria-label="Kick alice"]');
    await desk.assertAccessible("the nodes");
    await desk.tabTo('[aria-label="Kick alice"]');
    await desk.page.press("Enter");
    await until("the reason's field", () => desk.isFocused("#reason"));
    await desk.page.press("Enter");
    assertEquals((await within("the kick", alice.closed)).code, 1008);
    await desk.hasNot('[aria-label="Kick alice"]');
    await using _bob = await openGst(nodes.wsUrl(1), "bob");
    await desk.has('[aria-label="Kick bob"]');

    await nodes.engine.signal("SIGKILL");
    await until("the loss", async () => (await desk.text("#state")).includes("Cluster away"));
    await desk.shows("#nodes .bad", "Away");
    await desk.has("#tab-panel [role=alert]");
    await desk.assertAccessible("without the engine");
    await nodes.engine.restart();
    await desk.shows("#nodes .good", "Up");
  },
});
