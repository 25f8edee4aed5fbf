import { assertEquals, assertMatch } from "@std/assert";
import { runMain, startMain } from "../../helpers/process/main_process.ts";
import { AdminClient } from "../../helpers/wire/admin_client.ts";
import { EXECUTABLE } from "../../helpers/process/program.ts";

const ignore = EXECUTABLE === undefined;

Deno.test({
  name: "the executable prints its version and commit (needs SIGNALBOX_BIN)",
  ignore,
  async fn(): Promise<void> {
    const { code, stdout } = await runMain({ args: ["--version"] });
    assertEquals(code, 0);
    assertMatch(stdout, /^signalbox \d+\.\d+\.\d+ \([0-9a-f]{10}(-dirty)?\)\n$/);
  },
});

Deno.test({
  name: "the executable serves its documentation and clients from itself (needs SIGNALBOX_BIN)",
  ignore,
  async fn(): Promise<void> {
    await using server = await startMain({ args: ["--listen", "http://127.0.0.1:0"] });
    const [url = ""] = server.urls;
    for (const [path, text] of [["/docs", "# signalbox"], ["/simple/client.js", "class Room"]]) {
      const response = await fetch(`${url}${path}`);
      assertEquals([response.status, (await response.text()).includes(text ?? "")], [200, true]);
    }
  },
});

Deno.test({
  name: "the executable serves the admin API (needs SIGNALBOX_BIN)",
  ignore,
  async fn(): Promise<void> {
    const token = "a-token-of-an-operator";
    const args = ["--listen", "http://127.0.0.1:0", "--admin-tokens", token];
    await using server = await startMain({ args });
    const admin = await AdminClient.open(server.urls[0] ?? "", token);
    assertEquals((await admin.get("/server")).body.state, "ready");
    assertEquals((await admin.get("/peers?limit=0")).status, 400);
    assertEquals((await admin.post("/peers/peerjs/nobody/kick")).status, 404);
  },
});
