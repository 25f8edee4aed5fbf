import { assert, assertEquals } from "@std/assert";
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import { Desk } from "../../helpers/browser/desk.ts";
import { launchFirefox } from "../../helpers/browser/firefox.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { startServerProcess } from "../../helpers/process/server_process.ts";
import { openGst, openInRoom } from "../../helpers/wire/peers.ts";
import { pause, until } from "../../helpers/wire/waiting.ts";

const FULL = "a-token-that-may-act";
const READ = "a-token-that-may-look";
const ARGS = ["--admin-tokens", `desk:full:${FULL}`, "--admin-tokens", `guest:read:${READ}`];
/** A name that would be an element if it were taken for HTML. */
const MARKUP = "<img/src=x>";

/** The rows of the list that is shown; charts have tables, too. */
const ROWS = "#tab-panel tbody";

for (const name of ["chromium", "firefox"] as const) {
  const launch = name === "chromium" ? launchBrowser : launchFirefox;
  clientTest({
    name: `the console in ${name}: an operator sees peers come, and turns one out, by keyboard`,
    needs: [name],
    fn: async () => {
      await using server = await startServerProcess(ARGS);
      await using browser = await launch();
      const desk = await Desk.open(browser, server.url, FULL);
      const { page } = desk;
      await using _alice = await openGst(server.url, "alice");
      await using markup = await openInRoom(server.url, MARKUP, "lounge");
      await desk.shows("[data-metric=peers]", "2");
      await desk.has(`[aria-label="Kick ${MARKUP}"]`);
      assertEquals(await desk.count("table img"), 0);

      // A panel with everything, and back.
      await desk.tabTo("tbody .link");
      await page.press("Enter");
      await desk.has(".panel");
      await until("the panel's title", () => desk.isFocused("#panel-title"));
      await page.press("Escape");
      await desk.hasNot(".panel");
      await until("the row", () => desk.isFocused("tbody .link"));

      // Think again, then act.
      const button = `[aria-label="Kick ${MARKUP}"]`;
      await desk.tabTo(button);
      await page.press("Enter");
      await desk.has("dialog[open]");
      await page.press("Escape");
      await desk.hasNot("dialog[open]");
      await until("the button", () => desk.isFocused(button));
      await page.press("Enter");
      await until("the reason's field", () => desk.isFocused("#reason"));
      await page.press(..."too loud", "Enter");
      assertEquals((await markup.closed).code, 1008);
      await desk.hasNot(button);
      await desk.shows("[data-metric=peers]", "1");

      // Every list, by the arrow keys.
      await desk.tabTo("[role=tab][aria-selected=true]");
      for (const tab of ["Rooms", "Calls", "Refusals", "Bans", "Ids", "Log", "Settings"]) {
        await page.press("ArrowRight");
        await desk.shows("[role=tab][aria-selected=true]", tab);
        await until(`rows of ${tab}`, async () => /\d+ of \d+/.test(await desk.text(".more")));
        assertEquals(await desk.count("[role=alert]"), 0, tab);
        if (tab === "Log") await desk.has(`${ROWS} tr`);
      }
      await page.press("/", ..."admin-tokens");
      await until("the search", async () => await desk.count(`${ROWS} tr`) === 2);
      await until("a secret", async () => (await desk.text(ROWS)).includes("--admin-tokensset"));
      assert(!(await desk.text("body")).includes(FULL));

      await server.stop();
      await until("the loss", async () => (await desk.text("#state")).includes("Not connected"));
    },
  });
}

clientTest({
  name: "the console tells a wrong token, keeps a right one in its tab, and forgets it on demand",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess(ARGS);
    await using browser = await launchBrowser();
    const desk = new Desk(await browser.newPage(`${server.url}/console`));
    await desk.asksForToken();
    await desk.page.press(..."wrong", "Enter");
    await desk.has("[role=alert]");
    await desk.page.reload();
    await desk.asksForToken();
    await desk.page.press(...READ, "Tab", " ", "Enter");
    await desk.has("[data-metric=connections]");
    await desk.page.reload();
    await desk.has("[data-metric=connections]");
    await using _bob = await openGst(server.url, "bob");
    await until("bob", async () => (await desk.text(ROWS)).includes("bob"));
    assertEquals(await desk.count(".act"), 0, "a token that may look cannot act");
    await desk.tabTo("header button");
    await desk.page.press("Enter");
    await desk.asksForToken();
    await desk.page.reload();
    await desk.asksForToken();
  },
});

clientTest({
  name: "the console asks no other host, breaks no policy, and hinders nobody",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess(ARGS);
    await using browser = await launchBrowser();
    await using _alice = await openInRoom(server.url, "alice", "lounge");
    const page = await browser.newPage(`${server.url}/console`);
    await page.evaluate(
      `globalThis.reports = [], new ReportingObserver((found) =>
        reports.push(...found.map(({ body }) => body.effectiveDirective + " " + body.blockedURL)),
        { types: ["csp-violation"], buffered: true }).observe(), 1`,
    );
    const desk = new Desk(page);
    await desk.asksForToken();
    await desk.assertAccessible("sign-in");
    await page.press(...FULL, "Enter");
    await desk.has("tbody .act");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.screenshot({ colorScheme });
      await desk.assertAccessible(`peers, ${colorScheme}`);
      for (const selector of ["tbody .link", "tbody .act"]) {
        await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
        await desk.has(selector.endsWith("act") ? "dialog[open]" : ".panel");
        await desk.assertAccessible(`${selector}, ${colorScheme}`);
      }
      await page.press("Escape");
      await desk.hasNot("dialog[open]");
      await page.evaluate(`document.querySelector(".panel button").click()`);
    }
    await page.screenshot({ width: 320, height: 640 });
    assertEquals(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
    const hosts = await page.evaluate(
      `[...new Set(performance.getEntriesByType("resource").map(({ name }) => new URL(name).origin))]`,
    );
    assertEquals(hosts, [new URL(server.url).origin]);
    assertEquals(await page.evaluate("reports"), []);
  },
});

clientTest({
  name: "the guide's pictures of the console show it in light and dark",
  needs: ["chromium"],
  fn: async () => {
    await using server = await startServerProcess(ARGS);
    await using browser = await launchBrowser();
    await using members = new AsyncDisposableStack();
    const robots = [];
    for (const room of ["lounge", "workshop"]) {
      for (const name of ["robot", "desk", "camera"]) {
        const member = members.use(await openInRoom(server.url, `${room}-${name}`, room));
        if (name === "robot") robots.push({ member, room });
      }
    }
    const page = await browser.newPage(`${server.url}/console`);
    const desk = new Desk(page);
    await desk.asksForToken();
    await page.press(...FULL, "Enter");
    await desk.shows("[data-metric=peers]", "6");
    await until("six rows", async () => await desk.count(`${ROWS} tr`) === 6);
    // `SIGNALBOX_PICTURES=1` takes new pictures for the guide, of a minute with some traffic.
    const takesNew = Deno.env.has("SIGNALBOX_PICTURES");
    for (let second = 0; second < (takesNew ? 50 : 1); second++) {
      for (const { member, room } of robots) {
        for (let nth = 0; nth < 5 + second % 7; nth++) {
          member.send(`ROOM_PEER_MSG ${room}-desk {"candidate":${nth}}`);
        }
      }
      await pause(1000);
    }
    for (const colorScheme of ["light", "dark"] as const) {
      const picture = await page.screenshot({ colorScheme, width: 1100, height: 860 });
      const file = new URL(`../../../src/console/${colorScheme}.png`, import.meta.url);
      if (takesNew) await Deno.writeFile(file, picture);
      assertEquals(sizeOf(await Deno.readFile(file)), sizeOf(picture));
    }
  },
});

/** Width and height of a PNG, from its head. */
function sizeOf(png: Uint8Array<ArrayBuffer>): number[] {
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}
