import * as z from "zod";
import type { Reserve } from "../../core/hub.ts";
import type { DialectStore, KeepOutcome } from "../../core/kept.ts";
import { defineDialect, type IdOperations, type OpenDialect } from "../dialect.ts";
import { duration, limit, linkLimitOptions, toggle, whole, wholeIfGiven } from "../kit/options.ts";
import { passFor } from "../kit/pass.ts";
import { readSealed } from "../kit/sealed.ts";
import { secretOf } from "../kit/secret.ts";
import { httpRoutes } from "./http.ts";
import { IssuedIds } from "./issued_ids.ts";
import { type Credentials, PeerJsSession } from "./session.ts";
import { RETURN_MS, SealedAttempt, WaitingRoom } from "./waiting_room.ts";

const MIB = 1024 * 1024;

const options = z.strictObject({
  key: z.string().min(1).default("peerjs").meta({
    description: "Key that clients have to name",
    flags: ["key", "k"],
  }),
  path: z.string().regex(/^[^*?#\s]*$/, "expected a path").default("/").transform(toMount).meta({
    description: "Path under which PeerJS clients find the server",
    flags: ["path"],
    env: ["PEERSERVER_PATH"],
  }),
  expireTimeoutMs: whole(5_000, "How long messages wait for a peer that is not here, in ms", {
    flags: ["expire_timeout", "t"],
  }),
  cleanupIntervalMs: whole(1_000, "How often messages that waited too long are dropped, in ms", {
    flags: ["cleanup_out_msgs"],
  }),
  aliveTimeoutMs: wholeIfGiven(
    "Longest silence of a client, in ms, pongs being no silence; " +
      "by default twice --keepalive-timeout",
    { min: 1_000, flags: ["alive_timeout"] },
  ),
  concurrentLimit: limit(5_000, "Clients that may be connected at once", {
    flags: ["concurrent_limit", "c"],
  }),
  allowDiscovery: toggle("List the connected ids at <path><key>/peers", {
    flags: ["allow_discovery"],
  }),
  serverIdsOnly: toggle("Admit only ids that this server made, at <path><key>/id"),
  idSecret: z.string().min(16).optional().meta({
    description: "Secret of at least 16 characters for such ids; without one, the store's",
    secret: true,
  }),
  reserveIds: duration(
    "How long an id stays with its token after it was last seen, such as 30d or 12h",
  ),
  maxIdLength: whole(512, "Longest id, in UTF-16 units", { min: 36, max: 8_192 }),
  maxHeldMessages: whole(128, "Messages held per sender and absent peer"),
  maxHeldBytes: whole(2 * MIB, "Bytes held per sender and absent peer"),
  maxHeldBytesPerPeer: whole(
    6 * MIB,
    "Bytes held per absent peer in all, at most what may be queued",
  ),
  maxHeldBytesPerSender: whole(4 * MIB, "Bytes held per sender in all"),
  maxHeldAttempts: whole(1_000, "Connection attempts that one sender may have waiting"),
  maxHeldBytesTotal: whole(32 * MIB, "Bytes held for absent peers in all", { max: 2 ** 40 }),
  ...linkLimitOptions({
    maxFrameBytes: MIB,
    // A newcomer that calls thirty peers sends an offer and a dozen candidates to each at once.
    framesPerSecond: 100,
    frameBurst: 1_000,
    identifyTimeoutMs: 15_000,
    maxQueuedBytes: 8 * MIB,
  }),
});

/** PeerJS: browsers with the `peerjs` client, as on PeerServer. */
export const peerjs = defineDialect({
  name: "peerjs",
  title: "PeerJS",
  options,
  open(options, { hub, realm, dialect, clock, store, authenticator }): OpenDialect {
    const ids = new IssuedIds(secretOf(options.idSecret, store.secret));
    const waitingRoom = new WaitingRoom(
      {
        holdMs: options.expireTimeoutMs,
        maxMessages: options.maxHeldMessages,
        maxBytes: options.maxHeldBytes,
        // Delivered in one go: whoever is over its queue by it would never connect.
        maxBytesPerReceiver: Math.min(options.maxHeldBytesPerPeer, options.maxQueuedBytes),
        maxBytesPerSender: options.maxHeldBytesPerSender,
        maxAttemptsPerSender: options.maxHeldAttempts,
        maxTotalBytes: options.maxHeldBytesTotal,
      },
      options.cleanupIntervalMs,
      clock,
      (sender, absent) => hub.reportUndelivered(realm, sender, absent),
    );
    waitingRoom.restore(readSealed(store, SealedAttempt));
    hub.reserve(realm, reserveFor(store, options.reserveIds));
    const server = {
      authenticator,
      hub,
      realm,
      dialect,
      reservations: store.reservations,
      waitingRoom,
      key: options.key,
      maxIdLength: options.maxIdLength,
      concurrentLimit: options.concurrentLimit,
      serverIdsOnly: options.serverIdsOnly,
      isIssued: (id: string) => ids.isIssued(id),
    };
    return {
      routes: [
        {
          kind: "upgrade",
          path: `${options.path}peerjs`,
          limits: options,
          maxSilenceMs: options.aliveTimeoutMs,
          acceptsAnyProtocol: true,
          connect: (visit, link) => {
            const pass = passFor(server, visit, link);
            return new PeerJsSession(link, readCredentials(visit.url), server, pass);
          },
        },
        ...httpRoutes({
          mount: options.path,
          key: options.key,
          allowDiscovery: options.allowDiscovery,
          issueId: () => {
            let id = ids.issue();
            while (hub.has(realm, id)) id = ids.issue();
            return id;
          },
          listIds: () => hub.ids(realm, dialect),
        }),
      ],
      entrances: [{
        path: options.path,
        scheme: "http",
        hint: "new Peer(id, { host, port, path })",
      }],
      ids: idOperations(store, options.maxIdLength),
      usesStoredSecret: options.idSecret === undefined,
      gauges: [{
        name: "held_bytes",
        help: "Bytes held for absent peers",
        read: () => waitingRoom.totalBytes,
      }],
      seal: () => ({
        items: waitingRoom.sealed(),
        lifetimeMs: options.expireTimeoutMs + RETURN_MS,
      }),
      [Symbol.dispose]: () => waitingRoom[Symbol.dispose](),
    };
  },
});

/**
 * Keeps ids for their tokens. Without a lifetime an id belongs to the first claimant, unless an
 * operator reserved it. The claim of an id in use reserves nothing: its holder's token decides.
 */
function reserveFor({ reservations }: DialectStore, lifetimeMs: number | undefined): Reserve {
  return ({ id, proof = "", address }, isHeld) =>
    isHeld ||
    reservations.claim(id, proof, lifetimeMs, address).then((outcome) => outcome !== "taken");
}

/** What an operator may do with ids. */
function idOperations({ reservations }: DialectStore, maxIdLength: number): IdOperations {
  return {
    reserve(id, holder, lifetimeMs): Promise<KeepOutcome> {
      const isId = id !== "" && id.length <= maxIdLength;
      if (isId) return reservations.reserve(id, holder, lifetimeMs);
      return Promise.resolve("invalid");
    },
    forget: (id) => reservations.forget(id),
    list: () => [...reservations.list()],
  };
}

/** The mount begins and ends with a slash (§1). */
function toMount(path: string): string {
  const inner = path.split("/").filter((segment) => segment !== "").join("/");
  return inner === "" ? "/" : `/${inner}/`;
}

/** The usual form reading of a query; of a name that occurs twice the last one counts (§2). */
function readCredentials({ searchParams }: URL): Credentials {
  const last = (name: string) => searchParams.getAll(name).at(-1) ?? "";
  return { key: last("key"), id: last("id"), token: last("token") };
}
