import type { Clock } from "../core/clock.ts";
import { httpDate } from "../system/clock.ts";
import { serveTransport } from "./serve/mod.ts";
import type { TransportLimits } from "./strict/limits.ts";
import { strictTransport } from "./strict/mod.ts";
import type { Transport } from "./transport.ts";

/** Which transport to use, and its bounds; `serve` knows none of these. */
export interface TransportOptions extends TransportLimits {
  readonly kind: "serve" | "strict";
}

/** Makes the transport that the configuration asks for. */
export function openTransport(options: TransportOptions, clock: Clock): Transport {
  return options.kind === "strict"
    ? strictTransport(options, clock, httpDate)
    : serveTransport(clock);
}
