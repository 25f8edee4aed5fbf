import type * as z from "zod";
import type { Dialect } from "./dialect.ts";
import { gstreamer } from "./gstreamer/mod.ts";
import { owt } from "./owt/mod.ts";
import { peerjs } from "./peerjs/mod.ts";
import { simple } from "./simple/mod.ts";
import { ssp } from "./ssp/mod.ts";
import { topics } from "./topics/mod.ts";
import { webrtcsink } from "./webrtcsink/mod.ts";

const ALL = [peerjs, gstreamer, ssp, owt, simple, webrtcsink, topics] as const;

/** Every dialect the server speaks: adding one is a folder and a name in the list. */
export const DIALECTS: readonly Dialect[] = ALL;

/** The parts of the configuration that belong to dialects, by their names. */
export type DialectOptions = {
  readonly [Each in (typeof ALL)[number] as Each["name"]]: z.output<Each["options"]>;
};
