import { Webhook } from "standardwebhooks";

/** One request to a webhook; a retry has the same id and another time. */
export interface Delivery {
  readonly id: string;
  /** Ms since 1970 at which this attempt is sent. */
  readonly atMs: number;
  readonly body: string;
}

/** Signs requests as Standard Webhooks 1.0 asks. */
export class Signer {
  readonly #secrets: readonly Webhook[];

  /** @param secrets each `whsec_…`; all sign, so that a receiver can rotate them */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets.map((secret) => new Webhook(secret));
  }

  /** The request's headers, its content type included. */
  headers({ id, atMs, body }: Delivery): Record<string, string> {
    const at = new Date(atMs);
    return {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(atMs / 1_000)),
      "webhook-signature": this.#secrets.map((secret) => secret.sign(id, at, body)).join(" "),
    };
  }
}

/** Makes the id of a request. */
export function newWebhookId(): string {
  return `evt_${crypto.randomUUID().replaceAll("-", "")}`;
}
