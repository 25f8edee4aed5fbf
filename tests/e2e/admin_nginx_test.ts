import { assertEquals } from "@std/assert";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { EventReader } from "../helpers/wire/event_reader.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startProxy } from "../helpers/process/proxies.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTestServer } from "../helpers/wire/server.ts";

clientTest({
  name: "behind nginx a separate admin listener answers, with escaped names and events one by one",
  needs: ["nginx"],
  fn: async () => {
    const token = "a-token-of-an-operator";
    const args = ["--admin-tokens", token, "--admin-listen", "http://127.0.0.1:0"];
    await using server = startTestServer({ args });
    await using proxy = await startProxy("nginx", server.adminUrl ?? "", "src/admin/README.md");
    const admin = await AdminClient.open(proxy.url, token);
    await using reader = new EventReader(await admin.events("?types=peer.*"));
    await using _peer = await openPeerJs(server.wsUrl, "a/b");
    assertEquals((await reader.next()).data.data["id"], "a/b");
    assertEquals((await admin.get("/peers/peerjs/a%2Fb")).body.id, "a/b");
    const page = { origin: proxy.url };
    assertEquals((await admin.get("/server", page)).status, 200);
    const foreign = await admin.get("/server", { origin: "https://evil.example" });
    assertEquals([foreign.status, foreign.body.code], [403, "forbidden_origin"]);
  },
});
