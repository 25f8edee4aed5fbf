import * as z from "zod";
import type { Link } from "../../core/session.ts";
import type { NamespaceGreeting, NamespaceLink } from "../../transport/links.ts";
import type { Visit } from "../../core/visit.ts";
import type { UpgradeRoute } from "../../http/route.ts";
import { defineDialect, type Namespace, type OpenDialect } from "../dialect.ts";
import { EncodeOnce } from "../kit/encode_once.ts";
import { JsonOnce } from "../kit/json_once.ts";
import { KIB, linkLimitOptions, MIB, toggle, whole } from "../kit/options.ts";
import { lastToken, shownBy } from "../../auth/credential.ts";
import { type Pass, passFor } from "../kit/pass.ts";
import { tokensOption } from "../kit/tokens.ts";
import { EventLink } from "./event_link.ts";
import { isSsp, readEvent, readMessage, tokenInAuth, type Version } from "./messages.ts";
import { poolOperations } from "./operations.ts";
import { Pools } from "./pools.ts";
import { type SspServer, SspSession } from "./session.ts";

const options = z.strictObject({
  private: toggle("Accept clients only in pools of --ssp-pools and in pools kept by the operator"),
  pools: z.array(z.string().min(1)).default([]).meta({
    description: "Pool that clients may join with --ssp-private; may be given several times",
  }),
  tokens: tokensOption("POOL"),
  descriptions: z.enum(["self", "server"]).default("self").meta({
    description: "Source of members' descriptions: the members themselves, or only the operator",
  }),
  maxMembers: whole(256, "Members of one pool, at most --limits-max-room-members", {
    max: 100_000,
  }),
  maxDescriptionBytes: whole(64 * KIB, "Largest description of a member, in bytes"),
  maxPoolLength: whole(512, "Longest pool name, in UTF-16 units", { min: 16, max: 8_192 }),
  ...linkLimitOptions({ identifyTimeoutMs: 60_000 }),
  // The offers of a client that joins a large pool must fit (§1).
  maxFrameBytes: whole(MIB, "Largest message from a client, in bytes", {
    min: 256 * KIB,
    max: 16 * MIB,
  }),
}).refine(({ pools, maxPoolLength }) => pools.every(({ length }) => length <= maxPoolLength), {
  path: ["pools"],
  error: "a name is longer than --ssp-max-pool-length admits",
});

type Options = z.output<typeof options>;

/** ssp: RTCPool and PyRTC, both versions of the protocol in the same pools. */
export const ssp = defineDialect({
  name: "ssp",
  title: "RTCPool",
  options,
  bridging: { meet: "pool.join(room)" },
  tokens: ({ tokens }) => tokens,
  open(options, context): OpenDialect {
    const { hub, realm, dialect, isBridged, store, basePath, authenticator } = context;
    const pools = new Pools({
      rooms: store.rooms,
      named: options.private ? options.pools : [],
      isPrivate: options.private,
      maxMembers: options.maxMembers,
      dialect,
    });
    const server: SspServer = {
      hub,
      realm,
      dialect,
      news: new EncodeOnce<Version>(),
      json: new JsonOnce(),
      maxPoolLength: options.maxPoolLength,
      maxDescriptionBytes: options.maxDescriptionBytes,
      mayDescribe: options.descriptions === "self",
      pools,
      authenticator,
      idHalf: isBridged ? "high" : "any",
    };
    if (isBridged) {
      hub.rulesOf(realm).guard(dialect, (pool) => pools.admits(pool));
      hub.rulesOf(realm).limit(dialect, (pool) => pools.maxMembers(pool));
    }
    return {
      ...waysIn(options, server, isBridged),
      entrances: [
        {
          path: "/ssp",
          scheme: "ws",
          hint: `new signalling.websocket(new WebSocket(url)); for v1: ${basePath}/ssp/v1`,
        },
      ],
      operations: poolOperations({
        hub,
        realm,
        dialect,
        pools,
        maxDescriptionBytes: options.maxDescriptionBytes,
        maxPoolLength: options.maxPoolLength,
      }),
    };
  },
});

/** The paths and namespaces of both versions. */
function waysIn(
  options: Options,
  server: SspServer,
  isBridged: boolean,
): Pick<OpenDialect, "routes" | "namespaces"> {
  // A token for the namespace alone goes before that in the URL of the whole connection. In a
  // bridged realm the token may be for the rooms of another dialect.
  const shown = (pass: Pass | undefined, visit: Visit, greeting?: NamespaceGreeting) =>
    pass === undefined && !isBridged
      ? undefined
      : greeting && tokenIn(greeting) || shownBy(visit).token;
  const endpoint = (path: string, version: Version, protocols: string[]): UpgradeRoute => ({
    kind: "upgrade",
    path,
    protocols,
    limits: options,
    connect: (visit: Visit, link: Link) => {
      const pass = passFor(server, visit, link);
      const token = shown(pass, visit);
      return new SspSession(link, server, { version, read: readMessage, pass, token });
    },
  });
  const namespace = (name: string, version: Version): Namespace => ({
    name,
    limits: options,
    connect: (visit: Visit, link: NamespaceLink, greeting: NamespaceGreeting) => {
      const pass = passFor(server, visit, link);
      const way = { version, read: readEvent, pass, token: shown(pass, visit, greeting) };
      return new SspSession(new EventLink(link), server, way);
    },
  });
  return {
    routes: [
      endpoint("/ssp", "v2", ["ssp", "ssp.v2"]),
      endpoint("/ssp/v1", "v1", ["ssp", "ssp.v1"]),
      endpoint("/ssp/auto", "auto", ["ssp"]),
      // PyRTC's own example connects here.
      { ...endpoint("/", "auto", ["ssp"]), recognises: isSsp },
    ],
    // RTCPool's other transport: members meet those on WebSockets (§9).
    namespaces: [namespace("/ssp", "v2"), namespace("/ssp/v1", "v1")],
  };
}

function tokenIn({ query, auth }: NamespaceGreeting): string | undefined {
  return tokenInAuth(auth) || lastToken(new URLSearchParams(query));
}
