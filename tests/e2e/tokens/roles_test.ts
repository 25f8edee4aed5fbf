import { assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import {
  assertSees,
  consume,
  openSinkPage,
  type SinkPage,
  startGstWebRtcSite,
} from "../../helpers/browser/gstwebrtc.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { startTestServer } from "../../helpers/wire/server.ts";

// The roles of webrtcsink, with its real client: see the operations notes, section 2.

const SECRET = "a secret of more than thirty-two bytes";
const REFUSED = "error received from signaling server: Role is not allowed";

clientTest({
  name: "gstwebrtc-api: a page without a role is refused, and goes on in its other one",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer({
      args: ["--auth-mode=jwt", "--auth-jwt-secret", SECRET],
    });
    await using site = await startGstWebRtcSite();
    await using browser = await launchBrowser();
    const open = async (role: string): Promise<SinkPage> => {
      const token = await new SignJWT({ sub: role, signalbox: { roles: [role] } })
        .setProtectedHeader({ alg: "HS256" }).setExpirationTime("10m")
        .sign(new TextEncoder().encode(SECRET));
      return await openSinkPage(browser, site, `${server.wsUrl}/webrtcsink?token=${token}`);
    };
    const errorsOf = async ({ page }: SinkPage): Promise<unknown> => {
      await page.call("happened", "error");
      return await page.call("all", "error");
    };
    const producer = await open("produce");
    assertEquals(await producer.page.call("produce"), true);
    await producer.page.call("happened", "producer streaming");

    const consumer = await open("consume");
    await consumer.page.call("produce");
    assertEquals(await errorsOf(consumer), [REFUSED]);
    await consumer.page.call("happened", "producer added");
    await consume(consumer, producer);
    await assertSees(consumer, producer);

    const other = await open("produce");
    await other.page.call("happened", "producer added");
    await consume(other, producer);
    assertEquals(await errorsOf(other), [REFUSED]);
  },
});
