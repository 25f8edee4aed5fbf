import * as z from "zod";
import { defineDialect, type OpenDialect } from "../dialect.ts";
import { linkLimitOptions, whole } from "../kit/options.ts";
import { passFor } from "../kit/pass.ts";
import { takeOverOptions, TakeOvers } from "../kit/take_overs.ts";
import { readLoginQuery } from "./messages.ts";
import { OwtSession } from "./session.ts";

const options = z.strictObject({
  versions: z.array(z.string().min(1).max(64))
    .default(["4.2", "4.2.1", "4.3", "4.3.1", "5.0", "5.1"]).meta({
      description: "Client version to accept, if the client sends one; may be given several times",
    }),
  maxIdLength: whole(512, "Longest id, in UTF-16 units", { min: 48, max: 8_192 }),
  ...takeOverOptions(),
  ...linkLimitOptions({ identifyTimeoutMs: 60_000 }),
});

/** Peer to peer signalling of the Open WebRTC Toolkit, once ICS: both ways to log in. */
export const owt = defineDialect({
  name: "owt",
  title: "OWT",
  options,
  bridging: { call: "p2p.publish(id, stream)" },
  open(options, context): OpenDialect {
    const { hub, realm, dialect, clock, basePath, warn, authenticator } = context;
    const takeOvers = new TakeOvers(options, { hub, realm, dialect, clock, warn });
    hub.reserve(
      realm,
      (claim, isHeld) => {
        const isTaken = isHeld || takeOvers.isElsewhere(claim.id);
        return !isTaken || claim.dialect !== dialect || takeOvers.admit(claim);
      },
    );
    const server = {
      authenticator,
      hub,
      realm,
      dialect,
      versions: new Set(options.versions),
      maxIdLength: options.maxIdLength,
      takeOvers,
    };
    return {
      routes: [],
      namespaces: [{
        name: "/",
        limits: options,
        connect: (visit, link) => {
          const pass = passFor(server, visit, link);
          return new OwtSession(link, readLoginQuery(visit.url), server, pass);
        },
      }],
      entrances: [{
        path: "/",
        scheme: "http",
        hint: `p2p.connect({ host, token }), over Socket.IO at ${basePath}/socket.io`,
      }],
      [Symbol.dispose]: () => takeOvers[Symbol.dispose](),
    };
  },
});
