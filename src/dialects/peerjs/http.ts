import type { Visit } from "../../core/visit.ts";
import type { HttpRoute } from "../../http/route.ts";

/** The settings of the dialect's HTTP resources. */
export interface Directory {
  readonly mount: string;
  readonly key: string;
  readonly allowDiscovery: boolean;
  /** A fresh id that nobody holds. */
  readonly issueId: () => string;
  /** Ids of connected peers, in order of registration. */
  readonly listIds: () => readonly string[] | Promise<readonly string[]>;
}

/** Exactly the original server's words: some clients probe for them (§3). */
const ABOUT = JSON.stringify({
  name: "PeerJS Server",
  description: "A server side element to broker connections between PeerJS clients.",
  website: "https://peerjs.com/",
});

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
const TEXT_TYPE = { "content-type": "text/plain; charset=utf-8" };

/** The dialect's plain resources (§3). */
export function httpRoutes(directory: Directory): HttpRoute[] {
  const { mount } = directory;
  const get = { kind: "http", method: "GET", access: "open" } as const;
  return [
    { ...get, path: mount, handle: () => new Response(ABOUT, { headers: JSON_TYPE }) },
    {
      ...get,
      path: `${mount}*/id`,
      // Any key is accepted: the socket reports a wrong one clearly.
      handle: () =>
        new Response(directory.issueId(), {
          headers: { ...TEXT_TYPE, "cache-control": "no-store" },
        }),
    },
    {
      ...get,
      path: `${mount}*/peers`,
      access: (visit) => objectionToDiscovery(visit, directory),
      handle: () => listed(directory.listIds()),
    },
  ];
}

function listed(
  ids: readonly string[] | Promise<readonly string[]>,
): Response | Promise<Response> {
  if (ids instanceof Promise) {
    return ids.then(
      listed,
      () => new Response("Not available", { status: 503, headers: TEXT_TYPE }),
    );
  }
  const headers = { ...JSON_TYPE, "cache-control": "no-store" };
  return new Response(JSON.stringify(ids), { headers });
}

/** The list is off by default, and only for clients that know the key (§9.9). */
function objectionToDiscovery(
  { url }: Visit,
  { key, allowDiscovery }: Directory,
): Response | undefined {
  const given = decodeURIComponent(url.pathname.replace(/\/$/, "").split("/").at(-2) ?? "");
  if (allowDiscovery && given === key) return undefined;
  return new Response("Unauthorized", { status: 401, headers: TEXT_TYPE });
}
