import type { Reply } from "../../../src/cluster/engine/engine.ts";
import { readPlace } from "../../../src/cluster/engine/address.ts";
import { RedisEngine } from "../../../src/cluster/engine/redis.ts";
import { systemClock } from "../../../src/system/clock.ts";
import type { RedisServer } from "./redis_server.ts";

/** A loaded machine may be slow. */
const LIMIT_MS = 60_000;

/** Carries out one command on a real engine, as another of its users. */
export async function redisCommand(
  { url }: Pick<RedisServer, "url">,
  ...command: readonly string[]
): Promise<Reply> {
  const place = readPlace(url);
  const engine = new RedisEngine({ place, name: "test", clock: systemClock, connectMs: LIMIT_MS });
  const connection = await engine.connect("call");
  try {
    return await connection.command(command, LIMIT_MS);
  } finally {
    connection.close();
  }
}
