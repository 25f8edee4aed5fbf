import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Browser, Page } from "../helpers/browser/browser.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { launchFirefox } from "../helpers/browser/firefox.ts";
import { clientTest, type Need } from "../helpers/process/clients.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { until } from "../helpers/wire/waiting.ts";

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
    for (const protocol of PROTOCOLS) {
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
