import { systemClock } from "../../../src/system/clock.ts";
import { openTransport } from "../../../src/transport/open.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { configOf } from "../session/config.ts";

/** The variable that chooses the transport of every server that tests start. */
const TRANSPORT = "SIGNALBOX_TRANSPORT";
/** The variable that bridges the protocols of every server that tests start. */
const BRIDGE = "SIGNALBOX_BRIDGE";

/** Whether the servers of this run have the strict transport. */
export const IS_STRICT: boolean = Deno.env.get(TRANSPORT) === "strict";

/** Whether the servers of this run bridge all protocols, where a test does not choose itself. */
export const IS_BRIDGED: boolean = Deno.env.get(BRIDGE) === "all";

/** The variables that give a server the transport and the bridges of this run. */
export const RUN_VARIABLES: Readonly<Record<string, string>> = {
  ...IS_STRICT ? { [TRANSPORT]: "strict" } : {},
  ...IS_BRIDGED ? { [BRIDGE]: "all" } : {},
};

/** The transport of this run, for tests that make their own servers of it. */
export function testTransport(args: readonly string[] = []): Transport {
  const { transport } = configOf({ args, variables: RUN_VARIABLES });
  return openTransport(transport, systemClock);
}
