import type { AddressRates } from "../http/address_rates.ts";
import { plain } from "../http/answers.ts";
import type { HttpRoute } from "../http/route.ts";
import { isoTime } from "../system/clock.ts";
import type { Visit } from "../core/visit.ts";
import type { IceClient, IceServers } from "./ice_servers.ts";

export interface IceRouteOptions {
  readonly path: string;
  readonly servers: IceServers;
  readonly rates: AddressRates;
  /** Checks a client's token; returns the refusal of a client without a good one. */
  readonly identify: (visit: Visit) => Promise<Partial<IceClient> | Response>;
  /** "relay" keeps clients from direct paths. */
  readonly policy: "all" | "relay";
}

/**
 * Serves the argument of `new RTCPeerConnection()`, and with `?service=turn` the shape of
 * draft-uberti-behave-turn-rest-00.
 */
export function iceRoute({ path, servers, rates, policy, identify }: IceRouteOptions): HttpRoute {
  return {
    kind: "http",
    method: "GET",
    path,
    access: ({ address }) => {
      const waitSeconds = rates.take(address);
      if (waitSeconds === 0) return undefined;
      return plain(429, "Too many requests", { "retry-after": String(waitSeconds) });
    },
    handle: async (_, visit) => {
      const client = await identify(visit);
      if (client instanceof Response) return client;
      const { searchParams } = visit.url;
      const { iceServers, ttlSeconds: ttl, expiresAt, isIncomplete } = servers.grant(client);
      if (isIncomplete) return plain(503, "No TURN servers at the moment", { "retry-after": "5" });
      if (searchParams.get("service") === "turn") {
        const turn = iceServers.find(({ credential }) => credential !== undefined);
        if (turn === undefined) return plain(404, "No TURN server is configured");
        const { urls: uris, username, credential: password } = turn;
        return json({ username, password, ttl, uris });
      }
      const relay = policy === "relay" ? { iceTransportPolicy: policy } : {};
      return json({ iceServers, ttl, expiresAt: isoTime(expiresAt), ...relay });
    },
  };
}

function json(value: unknown): Response {
  return Response.json(value, { headers: { "cache-control": "no-store" } });
}
