import * as z from "zod";
import type { Hub, Reserve } from "../../core/hub.ts";
import type { Claim } from "../../core/peer.ts";
import type { DialectStore, KeepOutcome, ReservationTerms } from "../../core/kept.ts";
import type { Route } from "../../http/route.ts";
import {
  defineDialect,
  type DialectContext,
  type IdOperations,
  type OpenDialect,
} from "../dialect.ts";
import {
  duration,
  limit,
  linkLimitOptions,
  MIB,
  toggle,
  whole,
  wholeIfGiven,
} from "../kit/options.ts";
import { passFor } from "../kit/pass.ts";
import { readSealed } from "../kit/sealed.ts";
import type { Place } from "../kit/seat.ts";
import { takeOverOptions, TakeOvers } from "../kit/take_overs.ts";
import { secretOf } from "../kit/secret.ts";
import { httpRoutes } from "./http.ts";
import { IssuedIds } from "./issued_ids.ts";
import { type PeerJsServer, PeerJsSession, type SocketParameters } from "./session.ts";
import { adopt, correspondentOf, reportExpired } from "./far_mail.ts";
import { RETURN_MS, SealedAttempt, WaitingRoom } from "./waiting_room.ts";

const options = z.strictObject({
  key: z.string().min(1).default("peerjs").meta({
    description: "Key that clients must send",
    flags: ["key", "k"],
  }),
  path: z.string().regex(/^[^*?#,\s]*$/, "expected a path such as /myapp").default("/").transform(
    toMount,
  ).meta({
    description: "Path under which PeerJS clients find the server",
    flags: ["path"],
    env: ["PEERSERVER_PATH"],
  }),
  expireTimeoutMs: whole(5_000, "Time that messages are held for an absent peer, in ms", {
    flags: ["expire_timeout", "t"],
  }),
  cleanupIntervalMs: whole(1_000, "Interval at which expired messages are dropped, in ms", {
    flags: ["cleanup_out_msgs"],
  }),
  aliveTimeoutMs: wholeIfGiven(
    "Longest silence of a client, in ms; a pong ends it; by default twice --keepalive-timeout",
    { min: 1_000, flags: ["alive_timeout"] },
  ),
  concurrentLimit: limit(5_000, "Clients connected at the same time", {
    flags: ["concurrent_limit", "c"],
  }),
  allowDiscovery: toggle("List the connected ids at <path><key>/peers", {
    flags: ["allow_discovery"],
  }),
  serverIdsOnly: toggle("Accept only ids that this server issued at <path><key>/id"),
  idSecret: z.string().min(16).optional().meta({
    description: "Secret behind issued ids, at least 16 characters; by default the store's",
    secret: true,
  }),
  reserveIds: duration(
    "Time that an id stays reserved for its token after its last use, such as 30d or 12h",
  ),
  maxIdLength: whole(512, "Longest id, in UTF-16 units", { min: 36, max: 8_192 }),
  maxHeldMessages: whole(128, "Messages held per sender and absent peer"),
  maxHeldBytes: whole(2 * MIB, "Bytes held per sender and absent peer"),
  maxHeldBytesPerPeer: whole(
    6 * MIB,
    "Bytes held per absent peer in total, at most --peerjs-max-queued-bytes",
  ),
  maxHeldBytesPerSender: whole(4 * MIB, "Bytes held per sender in total"),
  maxHeldAttempts: whole(1_000, "Connection attempts of one sender that may wait"),
  maxHeldBytesTotal: whole(32 * MIB, "Bytes held for absent peers in total", { max: 2 ** 40 }),
  maxReturning: whole(
    20_000,
    "Senders that may come back after a restart for an EXPIRE, and the absent peers of each",
  ),
  ...takeOverOptions(),
  ...linkLimitOptions({ identifyTimeoutMs: 15_000 }),
});

type Options = z.output<typeof options>;

/** PeerJS: browsers with the `peerjs` client, as on PeerServer. */
export const peerjs = defineDialect({
  name: "peerjs",
  title: "PeerJS",
  options,
  bridging: { call: "peer.call(id, stream)" },
  open(options, context): OpenDialect {
    const { hub, realm, dialect, isBridged, clock, store, warn, authenticator } = context;
    const ids = new IssuedIds(secretOf(() => options.idSecret, store.secret));
    const waitingRoom = waitingRoomOf(options, context);
    waitingRoom.restore(readSealed(store, SealedAttempt));
    const relay = { hub, realm, dialect, waitingRoom };
    const takeOvers = new TakeOvers(options, { hub, realm, dialect, clock, warn });
    // In a cluster the nodes together decide on the ids that clients reserve.
    const lifetimeMs = hub.elsewhere === undefined ? options.reserveIds : undefined;
    hub.reserve(realm, reserveFor({ hub, dialect, takeOvers }, store, lifetimeMs));
    hub.elsewhere?.reserve(realm, (claim) => termsOf(claim, dialect, store, options.reserveIds));
    if (isBridged) watchForeign(hub, realm, dialect, waitingRoom);
    hub.elsewhere?.correspond(realm, correspondentOf(relay));
    const server = {
      authenticator,
      hub,
      realm,
      dialect,
      reservations: store.reservations,
      waitingRoom,
      takeOvers,
      key: options.key,
      maxIdLength: options.maxIdLength,
      concurrentLimit: options.concurrentLimit,
      serverIdsOnly: options.serverIdsOnly,
      isIssued: (id: string) => ids.isIssued(id),
    };
    return {
      routes: routesOf(options, server, () => newId(server, ids)),
      entrances: [{
        path: options.path,
        scheme: "http",
        hint: "new Peer(id, { host, port, path })",
      }],
      ids: idOperations(store, { hub, dialect }, options.maxIdLength),
      usesStoredSecret: options.idSecret === undefined,
      gauges: [{ name: "held_bytes", read: () => waitingRoom.totalBytes }],
      seal: () => ({
        items: waitingRoom.sealed(),
        lifetimeMs: options.expireTimeoutMs + RETURN_MS,
      }),
      adopt: (items) => adopt(relay, items),
      [Symbol.dispose]: () => {
        takeOvers[Symbol.dispose]();
        waitingRoom[Symbol.dispose]();
      },
    };
  },
});

function waitingRoomOf(options: Options, context: DialectContext): WaitingRoom {
  const { hub, realm, dialect } = context;
  const limits = {
    holdMs: options.expireTimeoutMs,
    maxMessages: options.maxHeldMessages,
    maxBytes: options.maxHeldBytes,
    // They are delivered at once: a client whose queue they exceed would never connect.
    maxBytesPerReceiver: Math.min(options.maxHeldBytesPerPeer, options.maxQueuedBytes),
    maxBytesPerSender: options.maxHeldBytesPerSender,
    maxAttemptsPerSender: options.maxHeldAttempts,
    maxTotalBytes: options.maxHeldBytesTotal,
    maxReturning: options.maxReturning,
  };
  return new WaitingRoom(
    limits,
    options.cleanupIntervalMs,
    context.clock,
    {
      expired: (sender, absent) => reportExpired(context, sender, absent),
      awaited: (id, lifetimeMs) => hub.elsewhere?.want({ realm, id, dialect, lifetimeMs }),
    },
  );
}

/** The socket, and the lists of ids over HTTP. */
function routesOf(options: Options, server: PeerJsServer, issueId: () => string): Route[] {
  const { hub, realm, dialect, authenticator } = server;
  const { path: mount, key, allowDiscovery } = options;
  return [
    {
      kind: "upgrade",
      path: `${mount}peerjs`,
      limits: options,
      maxSilenceMs: options.aliveTimeoutMs,
      acceptsAnyProtocol: true,
      connect: (visit, link) => {
        const pass = passFor(server, visit, link);
        return new PeerJsSession(link, readCredentials(visit.url), server, pass);
      },
    },
    ...httpRoutes({
      ...{ mount, key, allowDiscovery, authenticator, dialect, issueId },
      listIds: () => hub.elsewhere?.ids(realm, dialect) ?? hub.directory(realm),
    }),
  ];
}

/** Issues an id that no peer has. */
function newId({ hub, realm }: PeerJsServer, ids: IssuedIds): string {
  let id = ids.issue();
  while (hub.has(realm, id)) id = ids.issue();
  return id;
}

/**
 * Keeps ids for their tokens. Without a lifetime an id belongs to the first claimant, unless an
 * operator reserved it. The claim of an id in use reserves nothing: its holder's token decides.
 */
function reserveFor(
  { hub, dialect: own, takeOvers }: {
    readonly hub: Hub;
    readonly dialect: string;
    readonly takeOvers: TakeOvers;
  },
  { reservations }: DialectStore,
  lifetimeMs: number | undefined,
): Reserve {
  const keep = async ({ id, dialect, proof, address }: Claim): Promise<boolean> => {
    // Clients without a proof and other dialects' peers keep clear of reserved ids, and reserve none.
    if (dialect !== own || proof === undefined) {
      return !await reservations.isReserved(id, lifetimeMs);
    }
    return await reservations.claim(id, proof, lifetimeMs, address) !== "taken";
  };
  return (claim, isHeld) => {
    if (!isHeld && !takeOvers.isElsewhere(claim.id)) return keep(claim);
    // A peer of another dialect takes nothing over.
    if (claim.dialect !== own) return true;
    const admission = takeOvers.admit(claim);
    // The id may have become free meanwhile.
    return admission === true ||
      admission.then(() => hub.has(claim.realm, claim.id) || keep(claim));
  };
}

/**
 * The terms of a claim in a cluster. Clients without a proof and other dialects' peers keep clear of
 * reserved ids.
 */
function termsOf(
  { id, dialect, proof, address }: Claim,
  own: string,
  { reservations }: DialectStore,
  lifetimeMs: number | undefined,
): ReservationTerms {
  const token = dialect === own ? proof : undefined;
  return reservations.termsFor({ id, token, lifetimeMs, address });
}

/** Messages for an absent id reach a peer of another dialect that takes it, after its greeting. */
function watchForeign(hub: Hub, realm: string, own: string, waitingRoom: WaitingRoom): void {
  hub.watch(realm, (event, { id, dialect }) => {
    if (event !== "came" || dialect === own) return;
    for (const { from, message } of waitingRoom.collect(id)) {
      const sender = hub.find(realm, from);
      if (sender?.dialect !== own) continue;
      const outcome = hub.send(sender.handle, id, { ...message, dst: id });
      const isLost = outcome !== "sent" && message.type === "OFFER";
      if (isLost) hub.reportUndelivered(realm, from, id);
    }
  });
}

/** The operator's actions on ids. */
function idOperations(
  { reservations }: DialectStore,
  { hub, dialect }: Pick<Place, "hub" | "dialect">,
  maxIdLength: number,
): IdOperations {
  return {
    reserve(id, holder, lifetimeMs): Promise<KeepOutcome> {
      const isId = id !== "" && id.length <= maxIdLength;
      if (isId) return reservations.reserve(id, holder, lifetimeMs);
      return Promise.resolve("invalid");
    },
    async forget(id): Promise<boolean> {
      const isClients = await hub.elsewhere?.unreserve(dialect, id) === true;
      return await reservations.forget(id) || isClients;
    },
    list: () => [...reservations.list()],
  };
}

/** The mount begins and ends with a slash (§1). */
function toMount(path: string): string {
  const inner = path.split("/").filter((segment) => segment !== "").join("/");
  return inner === "" ? "/" : `/${inner}/`;
}

/** The usual form reading of a query; of a name that occurs twice the last one counts (§2). */
function readCredentials({ searchParams }: URL): SocketParameters {
  const last = (name: string) => searchParams.getAll(name).at(-1) ?? "";
  return { key: last("key"), id: last("id"), token: last("token") };
}
