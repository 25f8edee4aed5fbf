import * as z from "zod";
import { defineDialect, type OpenDialect } from "../dialect.ts";
import { EncodeOnce } from "../kit/encode_once.ts";
import { linkLimitOptions, pathText, whole } from "../kit/options.ts";
import { roomOperations } from "../kit/room_operations.ts";
import { passFor } from "../kit/pass.ts";
import { type GStreamerServer, GStreamerSession } from "./session.ts";

const options = z.strictObject({
  paths: z.array(pathText).default(["/", "/gst"]).meta({
    description: "Paths for GStreamer clients",
  }),
  maxIdLength: whole(512, "Longest uid or room id, in UTF-16 units", { min: 16, max: 8_192 }),
  ...linkLimitOptions({ identifyTimeoutMs: 10_000 }),
});

/** GStreamer's simple text protocol: HELLO, SESSION, ROOM. */
export const gstreamer = defineDialect({
  name: "gstreamer",
  title: "GStreamer",
  options,
  bridging: { call: "SESSION id", meet: "ROOM room" },
  open(options, { hub, realm, dialect, authenticator, warn }): OpenDialect {
    const { maxIdLength } = options;
    const server: GStreamerServer = {
      authenticator,
      hub,
      realm,
      dialect,
      news: new EncodeOnce(),
      maxIdLength,
      warn,
    };
    return {
      routes: options.paths.map((path) => ({
        kind: "upgrade",
        path,
        limits: options,
        connect: (visit, link) => new GStreamerSession(link, server, passFor(server, visit, link)),
      })),
      operations: roomOperations(hub, realm),
      entrances: options.paths.slice(0, 1).map((path) => ({
        path,
        scheme: "ws",
        hint: "HELLO <uid>, then SESSION <uid> or ROOM <id>",
      })),
    };
  },
});
