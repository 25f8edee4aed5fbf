import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { newRooms } from "../../helpers/session/simple.ts";

Deno.test("Simple: the browser client and its types are served under the configured path", async () => {
  for (const path of ["/simple", "/my/rooms"]) {
    using bench = newRooms({ options: { path } });
    const client = bench.get(`${path}/client.js`);
    assertEquals(client?.headers.get("content-type"), "text/javascript; charset=utf-8");
    assertStringIncludes(await client?.text() ?? "", '// @ts-self-types="./client.d.ts"\n');
    const types = bench.get(`${path}/client.d.ts`);
    assertEquals(types?.headers.get("content-type"), "application/typescript; charset=utf-8");
    const file = new URL("../../../src/dialects/simple/client/client.d.ts", import.meta.url);
    assertEquals(await types?.text(), await Deno.readTextFile(file));
    assert(bench.get(`${path}/other.js`) === undefined);
  }
});

Deno.test("Simple: the browser client can be read in one go", async () => {
  const file = new URL("../../../src/dialects/simple/client/client.js", import.meta.url);
  const lines = (await Deno.readTextFile(file)).trimEnd().split("\n");
  assert(lines.length <= 256, `it has ${lines.length} lines`);
});
