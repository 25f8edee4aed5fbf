import type { Dialect } from "./dialect.ts";
import { gstreamer } from "./gstreamer/mod.ts";
import { owt } from "./owt/mod.ts";
import { peerjs } from "./peerjs/mod.ts";
import { simple } from "./simple/mod.ts";
import { ssp } from "./ssp/mod.ts";
import { topics } from "./topics/mod.ts";
import { webrtcsink } from "./webrtcsink/mod.ts";

/** Every dialect the server speaks: adding one is a folder and a line. */
export const DIALECTS: readonly Dialect[] = [
  peerjs,
  gstreamer,
  ssp,
  owt,
  simple,
  webrtcsink,
  topics,
];
