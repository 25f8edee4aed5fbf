import { assertEquals, assertThrows } from "@std/assert";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { newWebhookId, Signer } from "../../src/webhooks/signature.ts";

const SECRETS = [24, 64].map((bytes) => `whsec_${btoa("s".repeat(bytes))}`);
const [first = "", second = ""] = SECRETS;

Deno.test("a request is signed so that the reference library verifies it by each secret", () => {
  const body = JSON.stringify({ type: "auth", data: { id: "ü" } });
  const headers = new Signer(SECRETS).headers({ id: newWebhookId(), atMs: Date.now(), body });
  assertEquals(headers["content-type"], "application/json");
  for (const secret of SECRETS) {
    assertEquals(new Webhook(secret).verify(body, headers), JSON.parse(body));
  }
  const other = new Webhook(`whsec_${btoa("t".repeat(24))}`);
  assertThrows(() => other.verify(body, headers), WebhookVerificationError);
  const changed = body.replace("auth", "aut");
  assertThrows(() => new Webhook(first).verify(changed, headers), WebhookVerificationError);
});

Deno.test("the time of a signature is the attempt's, in whole seconds", () => {
  const signer = new Signer([second]);
  const body = "{}";
  const headers = signer.headers({ id: "evt_1", atMs: 1_700_000_000_999, body });
  assertEquals(headers["webhook-timestamp"], "1700000000");
  const sign = new Webhook(second).sign("evt_1", new Date(1_700_000_000_000), body);
  assertEquals(headers["webhook-signature"], sign);
});

Deno.test("ids of requests differ", () => {
  assertEquals(new Set(Array.from({ length: 100 }, newWebhookId)).size, 100);
});
