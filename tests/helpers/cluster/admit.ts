import { assertEquals } from "@std/assert";
import type { Claim } from "../../../src/core/peer.ts";
import { claimOf, FakeReceiver } from "../session/receiver.ts";
import type { MemoryCluster } from "./memory_cluster.ts";

/** Admits a peer at a node; one that enters a room at once has news of it, too. */
export async function admit(
  cluster: MemoryCluster,
  at: number,
  id: string,
  more: Partial<Claim> = {},
): Promise<FakeReceiver> {
  const receiver = new FakeReceiver();
  await cluster.during(cluster.hub(at).claim(claimOf(id, receiver, more)));
  const told = receiver.told();
  assertEquals(more.room === undefined ? told : told.slice(0, 1), [`admitted ${id}`]);
  return receiver;
}
