import * as z from "zod";
import type { PeerId } from "../../core/events.ts";
import { defineDialect, type OpenDialect } from "../dialect.ts";
import { EncodeOnce } from "../kit/encode_once.ts";
import { KIB, limit, linkLimitOptions, pathText, whole, wholeIfGiven } from "../kit/options.ts";
import { passFor } from "../kit/pass.ts";
import { FarSessions } from "./far_sessions.ts";
import { SessionsAbroad } from "./abroad.ts";
import { Lists, statusAbroad } from "./lists.ts";
import { encodeStatus, NO_STATUS } from "./messages.ts";
import { LIST, type WebRtcSinkServer, WebRtcSinkSession } from "./session.ts";
import { Sessions } from "./sessions.ts";

const options = z.strictObject({
  paths: z.array(pathText).default(["/webrtcsink"]).meta({
    description: "Paths for webrtcsink, webrtcsrc and gstwebrtc-api",
  }),
  maxSilenceMs: wholeIfGiven(
    "Longest silence of a client, in ms; a pong ends it; by default twice --keepalive-timeout",
    { min: 1_000 },
  ),
  maxPeers: limit(10_000, "Peers in total"),
  maxMembers: whole(256, "Peers with a role, at most --limits-max-room-members", { max: 100_000 }),
  maxMetaBytes: whole(16 * KIB, "Largest meta of a peer, as JSON, in bytes"),
  requestsPerSecond: limit(10, "Status changes, lists and session starts per second from one peer"),
  // A wall of screens is one consumer that starts a session with every producer as it opens.
  requestBurst: whole(300, "Such requests that a peer may send at once beyond that"),
  maxSessions: limit(50_000, "Sessions in total"),
  maxSessionsPerProducer: limit(1_000, "Sessions of one producer"),
  maxSessionsPerConsumer: limit(256, "Sessions of one consumer"),
  ...linkLimitOptions({
    framesPerSecond: 200,
    identifyTimeoutMs: 60_000,
  }),
});

/** The protocol of webrtcsink, webrtcsrc and gstwebrtc-api: producers, consumers, listeners. */
export const webrtcsink = defineDialect({
  name: "webrtcsink",
  title: "webrtcsink",
  options,
  bridging: { call: "api.createConsumerSession(id).connect()" },
  open(options, { hub, realm, dialect, isBridged, clock, authenticator }): OpenDialect {
    const sessions = new Sessions(options, hub.openCalls, dialect);
    const server: WebRtcSinkServer = {
      authenticator,
      hub,
      realm,
      dialect,
      clock,
      news: new EncodeOnce<string>(),
      lists: new Lists({ hub, realm, dialect }),
      sessions,
      far: new FarSessions({ hub, realm, dialect }, clock, sessions),
      abroad: new SessionsAbroad({ hub, realm, dialect }, sessions),
      isBridged,
      maxPeers: options.maxPeers,
      maxMembers: options.maxMembers,
      maxMetaBytes: options.maxMetaBytes,
      requestsPerSecond: options.requestsPerSecond,
      requestBurst: options.requestBurst,
      idHalf: isBridged ? "high" : "any",
    };
    if (isBridged) {
      announceForeign(server);
      hub.elsewhere?.followGuests(realm);
    }
    // Every node has the whole list, whichever clients it has.
    hub.elsewhere?.follow({ realm, kind: "list", room: LIST });
    return {
      routes: options.paths.map((path) => ({
        kind: "upgrade",
        path,
        limits: options,
        maxSilenceMs: options.maxSilenceMs,
        connect: (visit, link) => new WebRtcSinkSession(link, server, passFor(server, visit, link)),
      })),
      entrances: options.paths.slice(0, 1).map((path) => ({
        path,
        scheme: "ws",
        hint: "webrtcsink signaller::uri=…, new GstWebRTCAPI({ signalingServerUrl })",
      })),
      gauges: [{ name: "media_sessions", read: () => sessions.size }],
    };
  },
});

/** Listeners learn of the peers of other dialects that are shown as producers. */
function announceForeign({ hub, realm, dialect, lists }: WebRtcSinkServer): void {
  const shown = new Set<PeerId>();
  hub.watch(realm, (event, peer) => {
    if (peer.dialect === dialect || !peer.isExclusive) return;
    const status = event === "came" ? statusAbroad(peer) : NO_STATUS;
    const isShown = status.roles.length > 0;
    if (isShown === shown.has(peer.id)) return;
    if (isShown) shown.add(peer.id);
    else shown.delete(peer.id);
    lists.forget({ roles: ["producer"], meta: null });
    const frames = [encodeStatus(peer.id, status)];
    for (const { receiver } of hub.peers(realm)) {
      if (receiver instanceof WebRtcSinkSession) receiver.hear(frames);
    }
  });
}
