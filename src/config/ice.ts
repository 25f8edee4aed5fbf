import * as z from "zod";
import { limit, pathText, whole } from "../dialects/kit/options.ts";

/** A STUN or TURN URL: RFC 7064 and RFC 7065, which know no path, user or fragment. */
const URL_FORM = /^(stuns?:HOST(:\d{1,5})?|turns?:HOST(:\d{1,5})?(\?transport=(udp|tcp))?)$/.source
  .replaceAll("HOST", "([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])");

const url = z.string().regex(
  new RegExp(URL_FORM),
  "expected a URL such as stun:stun.example.org or turn:turn.example.org?transport=udp",
);

/** Options of the STUN and TURN servers that clients use. */
export const iceOptions = z.strictObject({
  servers: z.array(url).default([]).meta({
    description: "URL of a STUN or TURN server for clients; may be given several times",
  }),
  secret: z.string().min(1).optional().meta({
    description: "Secret shared with the TURN servers (coturn's static-auth-secret), for " +
      "credentials that expire",
    secret: true,
  }),
  username: z.string().min(1).optional().meta({
    description: "User name at the TURN servers, without --ice-secret",
    isRare: true,
  }),
  credential: z.string().min(1).optional().meta({
    description: "Password at the TURN servers, without --ice-secret",
    secret: true,
    isRare: true,
  }),
  provider: z.enum(["cloudflare"]).optional().meta({
    description: "Service that lends TURN servers, in place of --ice-secret",
    isRare: true,
  }),
  providerKeyId: z.string().min(1).optional().meta({
    description: "Id of the TURN key at the provider",
    isRare: true,
  }),
  providerToken: z.string().min(1).optional().meta({
    description: "API token of that key",
    isRare: true,
    secret: true,
  }),
  providerUrl: z.string().regex(/^https?:\/\/[^\s?#]+$/, "expected an http or https URL").default(
    "https://rtc.live.cloudflare.com",
  ).meta({ description: "Address of the provider's API", isRare: true }),
  ttlSeconds: whole(86_400, "Lifetime of TURN credentials that expire, in seconds", {
    min: 60,
    max: 604_800,
    isRare: true,
  }),
  policy: z.enum(["all", "relay"]).default("all").meta({
    description: "Paths for clients that configure themselves by /ice: all, or relays alone",
    isRare: true,
  }),
  path: pathText.default("/ice").meta({
    description: "Path of the ICE servers, served if --ice-servers is given",
    isRare: true,
  }),
  access: z.enum(["open", "token"]).optional().meta({
    description: "Clients that get ICE servers at --ice-path: all, or those with a token; " +
      "by default as --auth-mode has it",
    isRare: true,
  }),
  requestsPerSecond: limit(5, "Requests for ICE servers from one address per second", {
    isRare: true,
  }),
  requestBurst: limit(50, "Requests for ICE servers that one address may send at once", {
    isRare: true,
  }),
  maxAddresses: whole(100_000, "Addresses whose requests for ICE servers are counted", {
    isRare: true,
  }),
});

export type IceOptions = z.infer<typeof iceOptions>;
