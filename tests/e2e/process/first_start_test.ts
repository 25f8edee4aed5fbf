import { assert, assertEquals } from "@std/assert";
import { clientTest } from "../../helpers/process/clients.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { within } from "../../helpers/wire/waiting.ts";

clientTest({
  name: "the first start downloads what the server needs, and nothing of the tests",
  needs: ["registry"],
  fn: async () => {
    await using cache = await TempFolder.make();
    const output = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "main.ts", "--version"],
      cwd: new URL("../../../", import.meta.url),
      env: { DENO_DIR: cache.path, NO_COLOR: "1" },
    }).output();
    const { code, stderr } = await within("the version", output);
    const log = new TextDecoder().decode(stderr);
    assertEquals(code, 0, log);
    const packages = [...log.matchAll(/^Download \S+\/([^/]+-\d+\.\d+\.\d+\S*)\.tgz\r?$/gm)]
      .map(([, name = ""]) => name);
    assert(packages.some((name) => /^zod-\d/.test(name)), log);
    // The tests' own `ws` has a version of its own: y-webrtc, a client of /try, brings another along.
    const ofTests = /^(ajv|fast-check|socket\.io-client|websocket|ws-8\.18\.3|engine\.io-client)\b/;
    assertEquals(packages.filter((name) => ofTests.test(name)), []);
  },
});
