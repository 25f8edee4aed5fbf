import type { Clock } from "../../core/clock.ts";
import type { Transport } from "../transport.ts";
import { ServeListener } from "./listener.ts";
import { upgrade } from "./socket.ts";

/** The runtime's own server: `Deno.serve` and `Deno.upgradeWebSocket`. */
export function serveTransport(clock: Clock): Transport {
  return {
    // The old server ends its WebSockets in recent versions of the runtime, and keeps them in others.
    keepsConnections: false,
    listen: (options) => new ServeListener(options, clock),
    upgrade: (request, maxSilenceMs, protocol) => upgrade(request, clock, maxSilenceMs, protocol),
  };
}
