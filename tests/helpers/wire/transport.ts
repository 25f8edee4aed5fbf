import { systemClock } from "../../../src/system/clock.ts";
import { openTransport } from "../../../src/transport/open.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { configOf } from "../session/config.ts";

/** The variable that chooses the transport of every server that tests start. */
const VARIABLE = "SIGNALBOX_TRANSPORT";

/** Whether the servers of this run have the strict transport. */
export const IS_STRICT: boolean = Deno.env.get(VARIABLE) === "strict";

/** The flags that give a server the transport of this run. */
export const TRANSPORT_FLAGS: readonly string[] = IS_STRICT ? ["--transport=strict"] : [];

/** The variables that do the same, for servers that are started without flags. */
export const TRANSPORT_VARIABLES: Readonly<Record<string, string>> = IS_STRICT
  ? { [VARIABLE]: "strict" }
  : {};

/** The transport of this run, for tests that make their own servers of it. */
export function testTransport(args: readonly string[] = []): Transport {
  const { transport } = configOf({ args: [...TRANSPORT_FLAGS, ...args] });
  return openTransport(transport, systemClock);
}
