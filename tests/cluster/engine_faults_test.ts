import { assertEquals } from "@std/assert";
import { missesEngine, startNodes } from "../helpers/cluster/node_processes.ts";
import { logIn } from "../helpers/cluster/owt_client.ts";
import type { RedisServer } from "../helpers/cluster/redis_server.ts";
import { openRoomOfTwo } from "../helpers/cluster/rooms.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openInRoom } from "../helpers/wire/peers.ts";
import { until } from "../helpers/wire/waiting.ts";

// A real engine that carries nothing out for a while, for each of the reasons that it can have.

interface Fault {
  readonly name: string;
  readonly begin: (engine: RedisServer) => Promise<unknown>;
  readonly end: (engine: RedisServer) => Promise<unknown>;
  /** The reason as `/readyz` gives it. */
  readonly shown: RegExp;
}

const set = (name: string, value: string) => (engine: RedisServer): Promise<string> =>
  engine.command("CONFIG", "SET", name, value);

const FAULTS: readonly Fault[] = [
  {
    name: "is out of memory",
    begin: set("maxmemory", "1"),
    end: set("maxmemory", "0"),
    shown: /: out of memory$/,
  },
  {
    name: "is read-only",
    begin: (engine) => engine.command("REPLICAOF", "127.0.0.1", "1"),
    end: (engine) => engine.command("REPLICAOF", "NO", "ONE"),
    shown: /: read only$/,
  },
  {
    name: "misses its replicas",
    begin: set("min-replicas-to-write", "1"),
    end: set("min-replicas-to-write", "0"),
    shown: /: read only$/,
  },
  {
    name: "stands still",
    begin: (engine) => engine.signal("SIGSTOP"),
    end: (engine) => engine.signal("SIGCONT"),
    shown: /: not reached for \d+ s$/,
  },
  {
    name: "is killed and comes back empty",
    begin: (engine) => engine.signal("SIGKILL"),
    end: (engine) => engine.restart(),
    shown: /: not reached for \d+ s$/,
  },
];

for (const { name, begin, end, shown } of FAULTS) {
  clientTest({
    name: `cluster: an engine that ${name} costs nobody a connection or a message`,
    needs: ["redis-server"],
    fn: async () => {
      await using nodes = await startNodes(2, ["gstreamer", "owt"]);
      const [first, second] = nodes.nodes;
      await using room = await openRoomOfTwo(nodes);
      using alice = await logIn(first?.url ?? "", "alice");
      using carol = await logIn(first?.url ?? "", "carol");
      using bob = await logIn(second?.url ?? "", "bob");
      assertEquals(await alice.send("bob", "before"), []);

      await begin(nodes.engine);
      const waiting = alice.send("bob", "meanwhile");
      await until("the nodes to miss their engine", async () => {
        for (const node of nodes.nodes) if (!await missesEngine(node.url)) return false;
        return true;
      });
      const ready = await fetch(`${first?.url}/readyz`);
      assertEquals(shown.test((await ready.text()).trim()), true);
      assertEquals(await alice.send("carol", "within the node"), []);
      await end(nodes.engine);

      assertEquals(await waiting, []);
      assertEquals(await alice.send("bob", "after"), []);
      await until("the messages", () => bob.heard.length === 3);
      assertEquals(bob.heard.map(([, message]) => (message as { data: string }).data), [
        "before",
        "meanwhile",
        "after",
      ]);
      assertEquals(carol.heard.length, 1);
      room.a.send("ROOM_PEER_MSG b hello");
      assertEquals(await room.b.nextText(), "ROOM_PEER_MSG a hello");
      await using late = await openInRoom(nodes.wsUrl(1), "late", "r");
      assertEquals(await late.nextText(), "ROOM_OK a b");
      assertEquals(await room.a.nextText(), "ROOM_PEER_JOINED late");
    },
  });
}
