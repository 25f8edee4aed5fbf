import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import { Desk } from "../../helpers/browser/desk.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { AdminClient } from "../../helpers/wire/admin_client.ts";
import { FULL_TOKEN, startForOperators } from "../../helpers/wire/operators.ts";
import { openGst, openInRoom } from "../../helpers/wire/peers.ts";
import { RawSocket } from "../../helpers/wire/raw_socket.ts";
import { startTestServer } from "../../helpers/wire/server.ts";
import { startTcpProxy } from "../../helpers/wire/tcp_proxy.ts";
import { until, within } from "../../helpers/wire/waiting.ts";

// The console's sentences (operations notes, section 5) that console_test.ts does not try.

const ROWS = "#tab-panel tbody";
const VISITOR = "192.0.2.200";

const labelled = (label: string): string => `[aria-label=${JSON.stringify(label)}]`;

async function click({ page }: Desk, selector: string): Promise<void> {
  await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
}

/** Clicks an act, reads what its dialog says, and confirms it by the button of that name. */
async function act(desk: Desk, verb: string, subject: string, says: string): Promise<void> {
  const button = labelled(`${verb} ${subject}`);
  await desk.has(button);
  await click(desk, button);
  await desk.has("dialog[open]");
  assertEquals(await desk.text("dialog h2"), `${verb} ${subject}`);
  assertStringIncludes(await desk.text("dialog"), says);
  assertEquals(await desk.text('dialog label[for="reason"]'), "Reason");
  assertEquals(await desk.text("dialog [type=submit]"), verb);
  await click(desk, "dialog [type=submit]");
  await desk.hasNot("dialog[open]");
}

async function openTab(desk: Desk, name: string): Promise<void> {
  await click(desk, `#tab-${name}`);
  await desk.shows("[role=tab][aria-selected=true]", name);
}

clientTest({
  name:
    "the console bans, stops and lifts after a dialog, and shows long lists a hundred rows at a time",
  needs: ["chromium"],
  fn: async () => {
    await using server = startForOperators("--trust-proxy=127.0.0.1");
    const admin = await AdminClient.open(server.url, FULL_TOKEN);
    for (let nth = 1; nth <= 101; nth++) {
      await admin.put(`/bans/address/198.51.100.${nth}`, { reason: "noise" });
    }
    await using browser = await launchBrowser();
    const desk = await Desk.open(browser, server.url, FULL_TOKEN);

    await openTab(desk, "Bans");
    await desk.shows(".more span", "100 of 101");
    await click(desk, ".more button");
    await desk.shows(".more span", "101 of 101");
    assertEquals([await desk.count(`${ROWS} tr`), await desk.count(".more button")], [101, 0]);
    await act(desk, "Lift", "198.51.100.7", "The ban of address 198.51.100.7 ends.");
    await desk.shows(".more span", "100 of 100");
    assertEquals((await admin.get("/bans?limit=1")).body.total, 100);

    await using member = await openInRoom(server.wsUrl, "alice", "lounge");
    assertEquals(await member.nextText(), "ROOM_OK ");
    await openTab(desk, "Rooms");
    await act(desk, "Stop", "lounge", "Room lounge ends for its 1 members.");
    await until(
      "the room's end",
      async () => (await admin.get("/rooms/gstreamer/lounge")).status === 404,
    );

    using visitor = await RawSocket.upgrade(`${server.wsUrl}/`, { "X-Forwarded-For": VISITOR });
    visitor.send("HELLO visitor");
    await openTab(desk, "Peers");
    await act(desk, "Ban", VISITOR, `Everybody at ${VISITOR} is disconnected and refused`);
    await within("the end of the banned visitor", visitor.ended());
    await desk.hasNot(labelled(`Ban ${VISITOR}`));
    const bans: readonly { readonly value: string }[] = (await admin.get("/bans?limit=1000")).body
      .items;
    assert(bans.some(({ value }) => value === VISITOR));

    // Everything about a row, and the same numbers as a table in each chart.
    await using _bob = await openGst(server.wsUrl, "bob");
    await desk.has(labelled("Kick bob"));
    await click(desk, `${ROWS} .link`);
    const { body: alice } = await admin.get("/peers/gstreamer/alice");
    await until(
      "the panel",
      async () => await desk.count(".panel dt") >= Object.keys(alice).length,
    );
    await until("a figure of each chart", async () => await desk.count(".chart tbody tr") >= 2);
    assertEquals(await desk.count(".chart [role=img][aria-label]"), 2);
    assertEquals(await desk.count("[aria-live]"), 1);
    assertEquals(await desk.count("#state[aria-live=polite]"), 1);
  },
});

clientTest({
  name:
    "the console shows the server's state, comes back after a loss, and signs out with its token's end",
  needs: ["chromium"],
  fn: async () => {
    await using folder = await TempFolder.make();
    const tokens = `${folder.path}/tokens`;
    await Deno.writeTextFile(tokens, `desk:full:${FULL_TOKEN}\n`);
    await using server = startTestServer({ args: ["--admin-tokens-file", tokens] });
    await using proxy = startTcpProxy(server.url);
    await using browser = await launchBrowser();
    const desk = await Desk.open(browser, proxy.url, FULL_TOKEN);
    await desk.shows("#state", "Ready");
    assertStringIncludes(await desk.text("header .facts"), "Version 0.0.0-test");
    await until("the uptime", async () => /Up \d/.test(await desk.text("header .facts")));

    server.drain();
    await desk.shows("#state", "Draining");
    server.undrain();
    await desk.shows("#state", "Ready");

    // It may be back before anybody looks.
    await desk.page.evaluate(
      `globalThis.states = [], new MutationObserver(() =>
        states.push(document.querySelector("#state").textContent))
        .observe(document.querySelector("#state"), { characterData: true, childList: true, subtree: true }), 1`,
    );
    proxy.cut();
    await until(
      "the loss to show",
      async () => String(await desk.page.evaluate("states.join()")).includes("Not connected"),
    );
    await desk.shows("#state", "Ready");
    await using _late = await openGst(server.wsUrl, "late");
    await until("the newcomer", async () => (await desk.text(ROWS)).includes("late"));
    await desk.shows("[data-metric=peers]", "1");

    await Deno.writeTextFile(tokens, "desk:full:another-token-of-an-operator\n");
    assertEquals(await server.reload(), []);
    await desk.asksForToken();
    assertEquals(await desk.text("[role=alert]"), "The server no longer accepts this token.");
    assertEquals(await desk.page.evaluate("sessionStorage.length"), 0);
  },
});
