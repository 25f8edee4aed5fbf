import type { Clock } from "../core/clock.ts";
import { serveTransport } from "./serve/mod.ts";
import type { Transport } from "./transport.ts";

/** Makes the transport. */
export function openTransport(clock: Clock): Transport {
  return serveTransport(clock);
}
