import { type Authenticator, NO_CONNECTION } from "../../auth/authenticator.ts";
import { shownBy } from "../../auth/credential.ts";
import { answerTo } from "../../auth/http_answer.ts";
import type { Visit } from "../../core/visit.ts";
import type { HttpRoute } from "../../http/route.ts";

/** The settings of the dialect's HTTP resources. */
export interface DirectorySettings {
  readonly mount: string;
  readonly key: string;
  readonly allowDiscovery: boolean;
  readonly authenticator: Authenticator;
  /** The dialect's name. */
  readonly dialect: string;
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
export function httpRoutes(directory: DirectorySettings): HttpRoute[] {
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

/**
 * The list is off by default, and only for clients that know the key (§9.9) or have a token, which may
 * be in the key's place.
 */
function objectionToDiscovery(
  visit: Visit,
  directory: DirectorySettings,
): Response | undefined | Promise<Response | undefined> {
  const { key, allowDiscovery, authenticator, dialect } = directory;
  const { pathname } = visit.url;
  const given = decodeURIComponent(pathname.replace(/\/$/, "").split("/").at(-2) ?? "");
  if (allowDiscovery && authenticator.asks(dialect)) {
    return objectionToToken(visit, given === key ? undefined : given, directory);
  }
  if (allowDiscovery && given === key) return undefined;
  return new Response("Unauthorized", { status: 401, headers: TEXT_TYPE });
}

/** @param own the token in the key's place, which goes before all others */
async function objectionToToken(
  visit: Visit,
  own: string | undefined,
  { authenticator, dialect }: DirectorySettings,
): Promise<Response | undefined> {
  const { token, ...shown } = shownBy(visit);
  const facts = { dialect, id: undefined, room: undefined, connection: NO_CONNECTION };
  const { address } = visit;
  const verdict = await authenticator.check({ ...facts, ...shown, address, token: own ?? token });
  return "why" in verdict ? answerTo(verdict.refusal) : undefined;
}
