import * as z from "zod";
import type { IceServer } from "./ice_servers.ts";

/** An account's key for Cloudflare's TURN service. */
export interface CloudflareKey {
  readonly keyId: string;
  readonly token: string;
}

/** A request for credentials. */
export interface CloudflareRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const Urls = z.union([z.string(), z.array(z.string())]).transform((urls) => [urls].flat());
const Server = z.object({
  urls: Urls,
  username: z.string().optional(),
  credential: z.string().optional(),
}).transform(({ urls, username, credential }): IceServer => ({
  urls,
  ...(username === undefined ? {} : { username }),
  ...(credential === undefined ? {} : { credential }),
}));
const Answer = z.object({ iceServers: z.array(Server).min(1) });

/** @param base scheme and host of the service */
export function cloudflareRequest(
  base: string,
  { keyId, token }: CloudflareKey,
  ttlSeconds: number,
): CloudflareRequest {
  const path = `v1/turn/keys/${encodeURIComponent(keyId)}/credentials/generate-ice-servers`;
  return {
    url: `${base.replace(/\/+$/, "")}/${path}`,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ ttl: ttlSeconds }),
  };
}

/** Reads the answer. Throws TypeError if it holds no servers. */
export function readCloudflare(text: string): readonly IceServer[] {
  const result = Answer.safeParse(JSON.parse(text));
  if (!result.success) throw new TypeError("the answer holds no ICE servers");
  return result.data.iceServers;
}
