import type { HttpRoute } from "../dialect.ts";

/** What the HTTP side of the dialect needs to know. */
export interface Directory {
  readonly mount: string;
  readonly key: string;
  readonly allowDiscovery: boolean;
  /** A fresh id that nobody holds. */
  readonly issueId: () => string;
  /** Ids of connected peers, in order of registration. */
  readonly listIds: () => readonly string[];
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
  return [
    { kind: "get", path: mount, handle: () => new Response(ABOUT, { headers: JSON_TYPE }) },
    {
      kind: "get",
      path: `${mount}*/id`,
      // Any key will do: a wrong one is then reported clearly by the socket.
      handle: () =>
        new Response(directory.issueId(), {
          headers: { ...TEXT_TYPE, "cache-control": "no-store" },
        }),
    },
    { kind: "get", path: `${mount}*/peers`, handle: (url) => peers(url, directory) },
  ];
}

/** Off by default, and only for those who know the key (§9.9). */
function peers(url: URL, { key, allowDiscovery, listIds }: Directory): Response {
  const given = decodeURIComponent(url.pathname.replace(/\/$/, "").split("/").at(-2) ?? "");
  if (!allowDiscovery || given !== key) {
    return new Response("Unauthorized", { status: 401, headers: TEXT_TYPE });
  }
  return new Response(JSON.stringify(listIds()), {
    headers: { ...JSON_TYPE, "cache-control": "no-store" },
  });
}
