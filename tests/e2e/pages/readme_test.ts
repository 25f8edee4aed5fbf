import { assertEquals, assertStringIncludes } from "@std/assert";
import { get } from "node:https";
import bundle from "npm:peerjs@1.5.5/dist/peerjs.min.js" with { type: "text" };
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import { clientTest, programOf } from "../../helpers/process/clients.ts";
import { startPageServer } from "../../helpers/browser/page_server.ts";
import { listeningUrls } from "../../helpers/process/listening.ts";
import { readmeSnippet } from "../../helpers/process/readme.ts";
import { startServerProcess } from "../../helpers/process/server_process.ts";
import { systemTest } from "../../helpers/process/systems.ts";
import { until, within } from "../../helpers/wire/waiting.ts";
import { WsClient } from "../../helpers/wire/ws_client.ts";

clientTest({
  name: "README: the PeerJS page makes a call with moving pictures",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    const page = await readmeSnippet("README.md", "peerjs");
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

clientTest({
  name: "README: the GStreamer page shows what the Python program sends, and ends it",
  needs: ["gstreamer", "chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    const address = server.url.replace(/^http/, "ws");
    const [program, page] = await Promise.all(
      ["gstreamer-python", "gstreamer-page"].map(async (name) =>
        (await readmeSnippet("src/dialects/gstreamer/README.md", name)).replace(
          "ws://localhost:8080",
          address,
        )
      ),
    );
    await using camera = startPython(program ?? "");
    await within("the program to wait for a call", camera.waiting);
    await using site = await startPageServer({ "/view.html": page ?? "" });
    await using browser = await launchBrowser();
    const viewer = await browser.newPage(`${site.url}view.html`);
    await until(
      "moving pictures",
      async () =>
        await viewer.evaluate("byId('video').currentTime > 0.5 && byId('video').videoWidth > 0") ===
          true,
    );

    await viewer.close();
    const { code, errors } = await within("the program to end", camera.ended);
    assertEquals(code, 0, errors);
  },
});

clientTest({
  name: "README: the certificate for GStreamer's clients is one that the server serves",
  needs: ["openssl"],
  fn: async () => {
    const [openssl, start] =
      (await readmeSnippet("src/dialects/gstreamer/README.md", "gstreamer-certificate")).trim()
        .split("\n");
    assertEquals(start, "deno run -A main.ts --port 8443 --cert-path .");
    const folder = await Deno.makeTempDir({ prefix: "signalbox-readme-" });
    try {
      const [program, ...args] = openssl?.split(" ") ?? [];
      assertEquals(program, "openssl");
      const making = new Deno.Command(programOf("openssl"), { args, cwd: folder, stderr: "null" });
      assertEquals((await making.output()).code, 0);
      const flags = ["--listen", "https://127.0.0.1:0", "--cert-path", folder];
      await using server = await startServerProcess(flags);
      const ca = await Deno.readTextFile(`${folder}/cert.pem`);
      assertEquals(await within("an answer", statusOf(`${server.url}/healthz`, ca)), 200);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

systemTest({
  name: "README: the line with least permissions starts a server that serves PeerJS",
  needs: "signals",
  fn: async () => {
    const line = (await readmeSnippet("src/server/README.md", "permissions")).trim();
    const [deno, ...args] = line.replaceAll("'", "").split(/\s+/);
    assertEquals(deno, "deno");
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args, "--listen", "http://127.0.0.1:0"],
      cwd: new URL("../../../", import.meta.url),
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    try {
      const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
      const { value } = await within("the server to listen", reader.read());
      await reader.cancel();
      const [url = ""] = listeningUrls(value ?? "");
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
  },
});

clientTest({
  name: "README: the page shows the picture of a GStreamer program, across protocols",
  needs: ["gstreamer", "chromium"],
  fn: async () => {
    await using server = await startServerProcess(["--bridge", "all"]);
    const { host, port } = new URL(server.url);
    const page = await readmeSnippet("README.md", "peerjs");
    await using site = await startPageServer({
      "/call.html": page.replace('"localhost", port: 8080', `"127.0.0.1", port: ${port}`),
      "/node_modules/peerjs/dist/peerjs.min.js": bundle,
    });
    await using browser = await launchBrowser();
    const tab = await browser.newPage(`${site.url}call.html`);
    await until("an id", async () => await tab.evaluate("byId('mine').textContent") !== "…");
    const id = String(await tab.evaluate("byId('mine').textContent"));
    const program = await readmeSnippet("README.md", "bridge");
    await using _robot = startPython(program.replace("localhost:8080", host), [id]);
    await until(
      "moving pictures",
      async () =>
        await tab.evaluate("byId('video').currentTime > 0.5 && byId('video').videoWidth > 0") ===
          true,
    );
  },
});

/** A Python program in a process of its own. */
interface PythonProgram extends AsyncDisposable {
  /** Settles once it prints that it waits; rejects if it ends before. */
  readonly waiting: Promise<void>;
  readonly ended: Promise<{ code: number; errors: string }>;
}

function startPython(program: string, args: readonly string[] = []): PythonProgram {
  const child = new Deno.Command(programOf("gstreamer"), {
    args: ["-u", "-c", program, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const waiting = Promise.withResolvers<void>();
  waiting.promise.catch(() => {}); // it may end while nobody waits
  const ended = watch();

  async function watch(): Promise<{ code: number; errors: string }> {
    const stderr = new Response(child.stderr).text();
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (text.includes("Waiting")) waiting.resolve();
    }
    const [{ code }, errors] = await Promise.all([child.status, stderr]);
    waiting.reject(new Error(`The program ended with code ${code}\n${errors}`));
    return { code, errors };
  }

  return {
    waiting: waiting.promise,
    ended,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already, which is what was wanted.
      }
      await ended;
    },
  };
}

/** The status of an answer over TLS that only this certificate vouches for. */
function statusOf(url: string, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode));
    }).on("error", reject);
  });
}

clientTest({
  name: "README: the pages of Simple Signalling meet and talk, and curl's line looks on",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    const [page, line] = await Promise.all([
      readmeSnippet("src/dialects/simple/README.md", "simple"),
      readmeSnippet("src/dialects/simple/README.md", "simple-curl"),
    ]);
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

Deno.test("README: a line of curl changes a field of a member of a Simple Signalling room", async () => {
  await using server = await startServerProcess();
  const snippet = await readmeSnippet("src/dialects/simple/README.md", "simple-curl-post");
  const line = snippet.trim().replace("http://localhost:8080", server.url);
  const [, body = "", target = ""] = /^curl -d '(.*)' (\S+)$/.exec(line) ?? [];
  await using client = await WsClient.open(`${server.url.replace("http", "ws")}/simple?room=r`);
  await using witness = await WsClient.open(`${server.url.replace("http", "ws")}/simple?room=r`);
  const { p_id } = await client.nextJson() as { p_id: string };
  const { p_secret } = await client.nextJson() as { p_secret: string };
  await witness.nextJson();
  await witness.nextJson();
  // curl declares the body as a form.
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const frame = body.replace("P_ID", p_id).replace("P_SECRET", p_secret);
  const response = await fetch(target, { method: "POST", headers, body: frame });
  assertEquals([response.status, await response.json()], [200, { event: "ok" }]);
  const { event, peer } = await witness.nextJson() as Record<string, unknown>;
  assertEquals([event, peer], ["change", { name: "Fred" }]);
});
