import * as z from "zod";
import { defineDialect, type OpenDialect } from "../dialect.ts";
import { EncodeOnce } from "../kit/encode_once.ts";
import { KIB, limit, linkLimitOptions, pathText, whole, wholeIfGiven } from "../kit/options.ts";
import { passFor } from "../kit/pass.ts";
import { Lists } from "./lists.ts";
import { WebRtcSinkSession } from "./session.ts";
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
  open(options, { hub, realm, dialect, clock, authenticator }): OpenDialect {
    const sessions = new Sessions(options);
    const server = {
      authenticator,
      hub,
      realm,
      dialect,
      clock,
      news: new EncodeOnce<string>(),
      lists: new Lists({ hub, realm, dialect }),
      sessions,
      maxPeers: options.maxPeers,
      maxMembers: options.maxMembers,
      maxMetaBytes: options.maxMetaBytes,
      requestsPerSecond: options.requestsPerSecond,
      requestBurst: options.requestBurst,
    };
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
      gauges: [{
        name: "media_sessions",
        help: "Sessions between producers and consumers",
        read: () => sessions.size,
      }],
    };
  },
});
