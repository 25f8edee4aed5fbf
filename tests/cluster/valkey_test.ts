import { assertEquals } from "@std/assert";
import { noticesLoss, startNodesAt } from "../helpers/cluster/node_processes.ts";
import { startValkey } from "../helpers/cluster/redis_server.ts";
import { openRoomOfTwo } from "../helpers/cluster/rooms.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openInRoom, openPeerJs } from "../helpers/wire/peers.ts";
import { until } from "../helpers/wire/waiting.ts";

clientTest({
  name: "cluster: nodes share a Valkey, also one that was killed and comes back empty",
  needs: ["valkey-server"],
  fn: async () => {
    await using engine = await startValkey();
    await using nodes = await startNodesAt(engine.url, 2, ["gstreamer", "peerjs"]);
    const [first] = nodes.nodes;
    const words = `Cluster "signalbox" at valkey://127.0.0.1:${engine.port} as node a`;
    await until("the cluster in the log", () => first?.stderr().includes(words) === true);
    await using room = await openRoomOfTwo(nodes);
    await using alice = await openPeerJs(nodes.wsUrl(0), "alice");
    await using bob = await openPeerJs(nodes.wsUrl(1), "bob");
    const talk = async (payload: string): Promise<void> => {
      alice.send({ type: "OFFER", dst: "bob", payload });
      assertEquals(await bob.nextJson(), { type: "OFFER", src: "alice", dst: "bob", payload });
    };
    await talk("before");
    await engine.signal("SIGKILL");
    await until("the node to notice the loss", () => noticesLoss(first));
    await engine.restart();
    await talk("after");
    room.a.send("ROOM_PEER_MSG b hello");
    assertEquals(await room.b.nextText(), "ROOM_PEER_MSG a hello");
    await using _late = await openInRoom(nodes.wsUrl(1), "late", "r");
    assertEquals(await room.a.nextText(), "ROOM_PEER_JOINED late");
  },
});
