import { assertEquals } from "@std/assert";
import type { PeerEvent, PeerHandle } from "../../src/core/events.ts";
import type { Receiver } from "../../src/core/session.ts";
import { newTestHub } from "../helpers/session/hub.ts";

/** Stands for a peer, without any connection of its own. */
class Standing implements Receiver {
  readonly link = { isOpen: true, fail: () => {} };
  readonly links = [];
  readonly events: PeerEvent[] = [];
  peer: PeerHandle | undefined;

  expel(): void {}

  deliver(event: PeerEvent): void {
    if (event.type === "admitted") this.peer = event.peer;
    else this.events.push(event);
  }
}

async function enter(hub: ReturnType<typeof newTestHub>, id: string): Promise<Standing> {
  const receiver = new Standing();
  await hub.claim({ realm: "test", id, dialect: "test", receiver });
  if (receiver.peer !== undefined) hub.join(receiver.peer, { room: "r" });
  receiver.events.length = 0;
  return receiver;
}

Deno.test("hub.describe() and hub.release() pass on what the dialect has to say", async () => {
  const hub = newTestHub();
  const alice = await enter(hub, "alice");
  const bob = await enter(hub, "bob");
  alice.events.length = 0;
  if (bob.peer === undefined) throw new Error("bob was not admitted");
  hub.describe(bob.peer, { info: { name: "Bob" }, bytes: 10 }, { changed: "name" });
  hub.describe(bob.peer, { info: null, bytes: 0 });
  hub.release(bob.peer, bob, "lost", { reason: "lost" });
  const peer = { id: "bob", dialect: "test" };
  assertEquals(alice.events, [
    {
      type: "described",
      room: "r",
      peer: { ...peer, info: { name: "Bob" } },
      news: { changed: "name" },
    },
    { type: "described", room: "r", peer: { ...peer, info: null } },
    { type: "left", room: "r", peer: { ...peer, info: null }, news: { reason: "lost" } },
  ]);
});

Deno.test("hub.others() are the other members of a room, oldest first, as they are now", async () => {
  const hub = newTestHub();
  const [alice, bob, carol] = [
    await enter(hub, "alice"),
    await enter(hub, "bob"),
    await enter(hub, "carol"),
  ];
  if (!alice.peer || !bob.peer || !carol.peer) throw new Error("not admitted");
  hub.describe(carol.peer, { info: 1, bytes: 1 });
  assertEquals(hub.others(bob.peer, "r").map(({ id, info }) => [id, info]), [
    ["alice", null],
    ["carol", 1],
  ]);
  assertEquals(hub.others(bob.peer, "elsewhere"), []);
});
