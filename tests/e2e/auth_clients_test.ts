import { assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { openPeer, startPeer, startPeerJsSite } from "../helpers/browser/peerjs.ts";
import { openSinkPage, startGstWebRtcSite } from "../helpers/browser/gstwebrtc.ts";
import { join, openPoolPage, startRtcPoolSite } from "../helpers/browser/rtcpool.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import { startOwtSite } from "../helpers/wire/socket_io_clients.ts";

// How real clients take the refusal of a token; tests/auth tries every refusal in every dialect.

const SECRET = "a secret of more than thirty-two bytes";
const ARGS = ["--auth-mode=jwt", "--auth-jwt-secret", SECRET];
const needs = ["chromium"] as const;

async function sign(sub: string, end = "10m", secret = SECRET): Promise<string> {
  return await new SignJWT({ sub }).setProtectedHeader({ alg: "HS256" }).setExpirationTime(end)
    .sign(new TextEncoder().encode(secret));
}

/** Tokens that are refused, with the words for it. */
async function badTokens(): Promise<[token: string, message: string][]> {
  return [
    [await sign("alice", "-10m"), "Token has expired"],
    [await sign("alice", "10m", `${SECRET} of somebody else`), "Token is not valid"],
    ["no-token-at-all", "Token is not valid"],
  ];
}

clientTest({
  name: "PeerJS client: a token in the key's place opens its id, and a bad one is a server-error",
  needs,
  fn: async () => {
    await using server = startTestServer({ args: ARGS });
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const { id } = await openPeer(browser, site, server.url, "alice", { key: await sign("alice") });
    assertEquals(id, "alice");
    const cases = [...await badTokens(), [await sign("bob"), "Id is not allowed"] as const];
    for (const [key, message] of cases) {
      const page = await browser.newPage(site.url);
      await startPeer(page, server.url, "alice", { key });
      assertEquals(await page.call("happened", "error"), { type: "server-error", message });
      await page.close();
    }
  },
});

for (const version of ["2.2.0", "4.8.4"]) {
  clientTest({
    name: `OWT with socket.io-client ${version}: a bad token is 2121, and the client stays away`,
    needs,
    fn: async () => {
      await using server = startTestServer({ args: ARGS });
      await using site = await startOwtSite(version, version === "2.2.0" ? "4.8.4" : "2.2.0");
      await using browser = await launchBrowser();
      const page = await browser.newPage(site.url);
      const open = async (name: string): Promise<void> => {
        const transports = ["websocket"];
        assertEquals(await page.call("start", name, "tested", server.url, transports), "connected");
      };
      for (const [nth, [token]] of (await badTokens()).entries()) {
        const name = `bad-${nth}`;
        await open(name);
        assertEquals(await page.call("ask", name, "authentication", { token }), [{ error: 2121 }]);
        const ended = await page.call("happened", name, "disconnect");
        assertEquals(ended, "io server disconnect");
      }
      await open("alice");
      const token = await sign("alice");
      const answer = await page.call("ask", "alice", "authentication", { token });
      assertEquals(answer, [{ uid: "alice" }]);
      await page.close();
    },
  });
}

clientTest({
  name: "gstwebrtc-api: a token in the query connects, with a bad one it is disconnected",
  needs,
  fn: async () => {
    await using server = startTestServer({ args: ARGS });
    await using site = await startGstWebRtcSite();
    await using browser = await launchBrowser();
    const url = `${server.wsUrl}/webrtcsink?token=`;
    await openSinkPage(browser, site, `${url}${await sign("alice")}`);
    for (const [token] of await badTokens()) {
      const page = await browser.newPage(site.url);
      await page.call("start", `${url}${token}`);
      await page.call("happened", "disconnected");
      await page.close();
    }
  },
});

clientTest({
  name: "RTCPool: a token in the query joins a pool, and a client with a bad one finds nobody",
  needs,
  fn: async () => {
    await using server = startTestServer({ args: ARGS });
    await using site = await startRtcPoolSite();
    await using browser = await launchBrowser();
    const url = `${server.wsUrl}/ssp?token=`;
    const alice = await openPoolPage(browser, site, `${url}${await sign("alice")}`, "pool");
    const page = await browser.newPage(site.url);
    for (const [token] of await badTokens()) await page.call("start", `${url}${token}`, "pool");
    const refused = (): number =>
      server.log.filter(({ what, facts }) => what === "refused" && facts["pool"] === "pool").length;
    await until("the refusals", () => refused() === 3);
    // The page that joins afterwards proves that none of the others did.
    const bob = await join(page, `${url}${await sign("bob")}`, "pool");
    assertEquals(bob.peers, [alice.id]);
  },
});
