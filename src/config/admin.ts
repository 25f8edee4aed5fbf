import * as z from "zod";
import { KIB, limit, MIB, whole } from "../dialects/kit/options.ts";
import { originOption } from "./origins.ts";

const token = z.string().regex(
  /^([^:\s]{1,64}:(read|full):)?[^:\s]+$/,
  "expected TOKEN or NAME:ROLE:TOKEN, ROLE read or full, TOKEN without colons and blanks",
);

/** Options of the admin API and the console. */
export const admin = z.strictObject({
  tokens: z.array(token).default([]).meta({
    description: "Token of an operator, TOKEN or NAME:ROLE:TOKEN with ROLE read or full; " +
      "turns the admin API on; may be given several times",
    secret: true,
  }),
  listen: z.array(
    z.string().regex(/^https?:\/\/[^/?#\s]+\/?$/, "expected a URL such as http://127.0.0.1:9090"),
  ).default([]).meta({
    description: "URL where admin API and metrics listen alone; may be given several " +
      "times",
  }),
  origins: z.array(originOption).default([]).meta({
    description: "Further origin whose pages may call the admin API",
    isRare: true,
  }),
  requestsPerSecond: limit(50, "Requests per second of one operator's token"),
  requestBurst: whole(200, "Requests that one token may make at once beyond that"),
  maxBodyBytes: whole(64 * KIB, "Largest body of a request, in bytes", { max: 16 * MIB }),
  maxStreams: whole(20, "Streams of events at the same time", { max: 1_000 }),
});
