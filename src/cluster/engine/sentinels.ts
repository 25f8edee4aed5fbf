import { type EngineConnection, EngineError } from "./engine.ts";
import type { HostAndPort, SentinelPlace } from "./address.ts";

/** Connects to a Sentinel, or to an engine that Sentinels have named. */
export interface Connector {
  readonly sentinel: (at: HostAndPort) => Promise<EngineConnection>;
  readonly engine: (at: HostAndPort) => Promise<EngineConnection>;
}

const CALL_MS = 2_000;

/**
 * Asks the Sentinels for the primary and connects to it. One that turns out to be a replica is passed
 * over, because a Sentinel that was cut off does not know of a failover. Rejects with the EngineError
 * of the last one asked.
 */
export async function connectPrimary(
  { sentinels, primary }: SentinelPlace,
  connect: Connector,
): Promise<EngineConnection> {
  let trouble = new EngineError("unreachable", "no Sentinel");
  for (const sentinel of sentinels) {
    try {
      const at = await primaryAt(await connect.sentinel(sentinel), primary);
      return await mastered(await connect.engine(at));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      trouble = error;
    }
  }
  throw trouble;
}

async function primaryAt(connection: EngineConnection, name: string): Promise<HostAndPort> {
  try {
    const args = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name];
    const reply = await connection.command(args, CALL_MS);
    if (!Array.isArray(reply)) {
      throw new EngineError("primary", `no primary "${name}"`);
    }
    const [host, port] = reply.map(String);
    return { host: host ?? "", port: Number(port) };
  } finally {
    connection.close();
  }
}

/** Returns the connection if it leads to a primary. */
async function mastered(connection: EngineConnection): Promise<EngineConnection> {
  try {
    const info = String(await connection.command(["INFO", "replication"], CALL_MS));
    if (/^role:master\s*$/m.test(info)) return connection;
    throw new EngineError("replica", "is a replica");
  } catch (error) {
    connection.close();
    throw error;
  }
}
