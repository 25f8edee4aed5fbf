import type { Clock } from "../../core/clock.ts";
import type { Transport } from "../transport.ts";
import { Shared } from "./host.ts";
import { StrictRequest } from "./http/request.ts";
import type { TransportLimits } from "./limits.ts";
import { StrictListener } from "./listener.ts";

/** HTTP/1.1 and WebSockets of our own, in which everything is bounded. */
export function strictTransport(
  limits: TransportLimits,
  clock: Clock,
  httpDate: () => string,
): Transport {
  const shared = new Shared(limits, clock, httpDate);
  return {
    keepsConnections: true,
    listen: (options) => new StrictListener(options, shared),
    upgrade: (request, maxSilenceMs, protocol) => {
      const own: unknown = request;
      return own instanceof StrictRequest ? own.upgrade(maxSilenceMs, protocol) : undefined;
    },
  };
}
