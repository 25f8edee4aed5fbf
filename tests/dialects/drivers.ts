import { DIALECTS } from "../../src/dialects/mod.ts";
import type { Driver } from "./driver.ts";
import { gstreamer } from "./gstreamer/driver.ts";
import { owt } from "./owt/driver.ts";
import { peerjs } from "./peerjs/driver.ts";
import { simple } from "./simple/driver.ts";
import { ssp } from "./ssp/driver.ts";
import { topics } from "./topics/driver.ts";
import { webrtcsink } from "./webrtcsink/driver.ts";

const BY_DIALECT = new Map(
  [peerjs, gstreamer, ssp, owt, simple, webrtcsink, topics].map((one) => [one.dialect, one]),
);

/** A driver for every dialect; throws where one has none. */
export const DRIVERS: readonly Driver[] = DIALECTS.map((dialect) => {
  const driver = BY_DIALECT.get(dialect);
  if (driver === undefined) throw new Error(`Cannot test "${dialect.name}": no driver for it`);
  return driver;
});
