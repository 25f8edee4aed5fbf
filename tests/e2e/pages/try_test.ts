import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Browser, Page } from "../../helpers/browser/browser.ts";
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import { launchFirefox } from "../../helpers/browser/firefox.ts";
import { clientTest, type Need } from "../../helpers/process/clients.ts";
import { startServerProcess } from "../../helpers/process/server_process.ts";
import { until } from "../../helpers/wire/waiting.ts";

const PROTOCOLS = ["simple", "peerjs", "rtcpool", "webrtcsink", "gstreamer"] as const;

/** Opens the page as its "second tab" link does, with a drawn picture. */
async function openTab(browser: Browser, server: string, protocol: string): Promise<Page> {
  return await browser.newPage(`${server}/try?protocol=${protocol}&room=r&start=drawn`);
}

/** True if the page shows somebody else's moving picture. */
async function seesOther(page: Page): Promise<boolean> {
  return await page.evaluate(
    `[...document.querySelectorAll("#stage video:not(#own)")]
      .some(({ videoWidth, currentTime }) => videoWidth > 0 && currentTime > 0.3)`,
  ) === true;
}

async function say(page: Page, text: string): Promise<void> {
  await page.evaluate(
    `(document.getElementById("text").value = ${JSON.stringify(text)},
      document.getElementById("chat").requestSubmit())`,
  );
}

async function textOf(page: Page, id: string): Promise<string> {
  return String(await page.evaluate(`document.getElementById(${JSON.stringify(id)}).textContent`));
}

async function assertCall(one: Page, other: Page, protocol: string): Promise<void> {
  for (const page of [one, other]) {
    await until(`a moving picture by ${protocol}`, () => seesOther(page));
  }
  for (const [from, to] of [[one, other], [other, one]] as const) {
    await until(`the chat line by ${protocol}`, async () => {
      await say(from, "grüß Gott");
      return (await textOf(to, "messages")).includes("grüß Gott");
    });
  }
}

for (const name of ["chromium", "firefox"] as const) {
  const launch = name === "chromium" ? launchBrowser : launchFirefox;
  clientTest({
    name: `/try: two tabs of ${name} see each other and chat, with each protocol`,
    needs: [name],
    fn: async () => {
      await using server = await startServerProcess();
      await using browser = await launch();
      for (const protocol of PROTOCOLS) {
        const one = await openTab(browser, server.url, protocol);
        const other = await openTab(browser, server.url, protocol);
        await assertCall(one, other, protocol);
        for (const page of [one, other]) {
          assertEquals(await textOf(page, "trouble"), "");
          assert((await textOf(page, "wire")).length > 0);
          assertStringIncludes(await textOf(page, "connections"), "host udp");
        }
        await other.close();
        await one.close();
      }
    },
  });
}

/** Types into the shared text of a tab. */
async function write(page: Page, words: string): Promise<void> {
  const area = 'document.getElementById("document")';
  await page.evaluate(
    `(${area}.value += ${JSON.stringify(words)}, ${area}.dispatchEvent(new Event("input")))`,
  );
}

/** Waits until both tabs have one text with the words of both, and each other's chat lines. */
async function assertShared(one: Page, other: Page): Promise<void> {
  for (const page of [one, other]) {
    await until(
      "the shared text",
      async () => await page.evaluate('document.getElementById("shared").hidden') === false,
    );
  }
  await write(one, "first;");
  await write(other, "second;");
  for (const page of [one, other]) {
    await until("both words", async () => {
      const text = String(await page.evaluate('document.getElementById("document").value'));
      return text.includes("first;") && text.includes("second;");
    });
  }
  await say(one, "grüß Gott");
  await until(
    "the chat line",
    async () => (await textOf(other, "messages")).includes("grüß Gott"),
  );
  for (const page of [one, other]) {
    assertEquals(await textOf(page, "trouble"), "");
    await until(
      "a connection",
      async () => (await textOf(page, "connections")).includes("host udp"),
    );
  }
}

for (const name of ["chromium", "firefox"] as const) {
  clientTest({
    name: `/try: two tabs of ${name} write one text with Yjs`,
    needs: [name],
    fn: async () => {
      await using server = await startServerProcess();
      await using browser = await (name === "chromium" ? launchBrowser() : launchFirefox());
      const one = await openTab(browser, server.url, "yjs");
      // Tabs of one origin would share by the browser's own channel.
      const other = await openTab(browser, server.url.replace("127.0.0.1", "localhost"), "yjs");
      await assertShared(one, other);
    },
  });
}

clientTest({
  name: "/try: Firefox and Chromium write one text with Yjs",
  needs: ["chromium", "firefox"] satisfies Need[],
  fn: async () => {
    await using server = await startServerProcess();
    await using chromium = await launchBrowser();
    await using firefox = await launchFirefox();
    await assertShared(
      await openTab(chromium, server.url, "yjs"),
      await openTab(firefox, server.url, "yjs"),
    );
  },
});

clientTest({
  name: "/try: Firefox and Chromium see each other",
  needs: ["chromium", "firefox"] satisfies Need[],
  fn: async () => {
    await using server = await startServerProcess();
    await using chromium = await launchBrowser();
    await using firefox = await launchFirefox();
    const one = await openTab(chromium, server.url, "simple");
    const other = await openTab(firefox, server.url, "simple");
    await assertCall(one, other, "simple");
  },
});

clientTest({
  name: "/try: the form starts a call, and offers a snippet with this server's address",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess();
    await using browser = await launchBrowser();
    const page = await browser.newPage(`${server.url}/try`);
    for (const protocol of [...PROTOCOLS, "yjs"]) {
      await page.evaluate(
        `(document.getElementById("protocol").value = ${JSON.stringify(protocol)},
          document.getElementById("protocol").dispatchEvent(new Event("change")))`,
      );
      const { port } = new URL(server.url);
      await until("the snippet", async () => (await textOf(page, "snippet")).includes(port));
    }
    await page.evaluate(`(document.getElementById("protocol").value = "simple",
      document.querySelector("button[value=camera]").click())`);
    const other = await openTab(browser, server.url, "simple");
    await until(
      "the second tab's link",
      async () => await page.evaluate(`document.getElementById("again").hidden`) === false,
    );
    assertStringIncludes(
      String(await page.evaluate(`document.getElementById("again").href`)),
      "/try?",
    );
    await other.close();
  },
});

/** Tabs of one room, the elder first. */
const MIXED = [["simple", "rtcpool"], ["gstreamer", "simple"], ["rtcpool", "gstreamer"]] as const;

clientTest({
  name: "/try: with --bridge all, tabs of different protocols see each other in one room",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess(["--bridge", "all"]);
    await using browser = await launchBrowser();
    for (const protocols of MIXED) {
      const elder = await openTab(browser, server.url, protocols[0]);
      const newcomer = await openTab(browser, server.url, protocols[1]);
      for (const page of [elder, newcomer]) {
        await until(`a moving picture by ${protocols.join(" and ")}`, () => seesOther(page));
      }
      await newcomer.close();
      await elder.close();
    }
  },
});

clientTest({
  name: "/try: with --bridge all, a PeerJS tab calls a tab of another protocol by its id",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess(["--bridge", "all"]);
    await using browser = await launchBrowser();
    const simple = await openTab(browser, server.url, "simple");
    await until("an id", async () => /\(.+\)/.test(await textOf(simple, "me")));
    const id = (await textOf(simple, "me")).replace(/[ ()]/g, "");
    const peer = await openTab(browser, server.url, "peerjs");
    await until("an id", async () => /\(.+\)/.test(await textOf(peer, "me")));
    await peer.evaluate(
      `(document.getElementById("number").value = ${JSON.stringify(id)},
        document.getElementById("dial").requestSubmit())`,
    );
    for (const page of [simple, peer]) await until("a moving picture", () => seesOther(page));
  },
});
