import { assertEquals, assertStringIncludes } from "@std/assert";
import bundle from "npm:peerjs@1.5.5/dist/peerjs.min.js" with { type: "text" };
import { launchBrowser } from "../helpers/chromium.ts";
import { clientTest } from "../helpers/clients.ts";
import { startPageServer } from "../helpers/page_server.ts";
import { readmeSnippet } from "../helpers/readme.ts";
import { startServerProcess } from "../helpers/server_process.ts";
import { until, within } from "../helpers/waiting.ts";

clientTest({
  name: "README: the PeerJS page makes a call with moving pictures",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    const page = await readmeSnippet("peerjs");
    const { port } = new URL(server.url);
    await using site = await startPageServer({
      "/call.html": page.replace('"localhost", port: 8080', `"127.0.0.1", port: ${port}`),
      "/node_modules/peerjs/dist/peerjs.min.js": bundle,
    });
    await using browser = await launchBrowser();
    const alice = await browser.newPage(`${site.url}call.html`);
    const bob = await browser.newPage(`${site.url}call.html`);
    const idOf = (tab: typeof alice) => tab.evaluate("byId('mine').textContent");
    await until(
      "both to be open",
      async () => await idOf(alice) !== "…" && await idOf(bob) !== "…",
    );

    await bob.evaluate(`byId('theirs').value = ${JSON.stringify(await idOf(alice))}`);
    await bob.evaluate("byId('call').click()");
    for (const tab of [alice, bob]) {
      await until(
        "moving pictures",
        async () =>
          await tab.evaluate("byId('video').currentTime > 0.5 && byId('video').videoWidth > 0") ===
            true,
      );
    }
  },
});

Deno.test("README: the line with least permissions starts a server that serves PeerJS", async () => {
  const line = (await readmeSnippet("permissions")).trim();
  const [deno, ...args] = line.split(/\s+/);
  assertEquals(deno, "deno");
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args, "--listen", "http://127.0.0.1:0"],
    cwd: new URL("../../", import.meta.url),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await within("the server to listen", reader.read());
    await reader.cancel();
    const url = /^Listening on (\S+)/.exec(value ?? "")?.[1] ?? "";
    const answer = await fetch(`${url}/peerjs/id`);
    assertEquals((await answer.text()).length, 36);
    assertEquals(answer.status, 200);
    const socket = new WebSocket(`${url}/peerjs?key=peerjs&id=a&token=b`);
    const opened = Promise.withResolvers<string>();
    const closed = Promise.withResolvers<void>();
    socket.onmessage = ({ data }) => opened.resolve(data);
    socket.onclose = () => closed.resolve();
    assertStringIncludes(await within("OPEN", opened.promise), "OPEN");
    socket.close();
    await closed.promise;
  } finally {
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 0);
  }
});

clientTest({
  name: "README: the pages of Simple Signalling meet and talk, and curl's line looks on",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    const [page, line] = await Promise.all([readmeSnippet("simple"), readmeSnippet("simple-curl")]);
    const here = (text: string) => text.replace("http://localhost:8080", server.url);
    const [, accept, target] = /^curl -N -H "Accept: (.*)" "(.*)"$/.exec(here(line).trim()) ?? [];
    const looking = new AbortController();
    const { body } = await fetch(target ?? "", {
      headers: { accept: accept ?? "" },
      signal: looking.signal,
    });
    await using site = await startPageServer({ "/room.html": here(page) });
    await using browser = await launchBrowser();
    const tabs = [
      await browser.newPage(`${site.url}room.html`),
      await browser.newPage(`${site.url}room.html`),
    ];
    const logOf = (tab: typeof tabs[0]) =>
      tab.evaluate("document.getElementById('log').textContent");
    for (const tab of tabs) {
      await until("the other to be there", async () => /Guest/.test(String(await logOf(tab))));
    }
    await tabs[0]?.evaluate(
      "const input = document.getElementById('say'); input.value = 'Good evening'; input.onchange()",
    );
    for (const tab of tabs) {
      await until("the words", async () => /: Good evening/.test(String(await logOf(tab))));
    }
    let seen = "";
    for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      seen += text;
      if (seen.split("event: join").length > 2) break;
    }
    looking.abort();
  },
});
