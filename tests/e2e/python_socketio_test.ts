import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { clientTest, programOf } from "../helpers/process/clients.ts";
import { LineProcess } from "../helpers/process/line_process.ts";
import { startTestServer } from "../helpers/wire/server.ts";

const PEER = fileURLToPath(new URL("socket_io/polling_peer.py", import.meta.url));
const BURST = 40;

/** Starts a peer on Debian's python-socketio, and waits until it has its id. */
async function startPeer(url: string, token: string): Promise<LineProcess> {
  const peer = new LineProcess(programOf("python-socketio"), [PEER, url, token]);
  assertEquals(JSON.parse(await peer.next()), { authenticated: { uid: token } });
  return peer;
}

clientTest({
  name: "python-socketio: everything arrives of bursts of 40, over polling on both ends",
  needs: ["python-socketio"],
  fn: async () => {
    await using server = startTestServer();
    await using alice = await startPeer(server.url, "alice");
    await using bob = await startPeer(server.url, "bob");
    for (const [sender, receiver, name] of [[alice, bob, "bob"], [bob, alice, "alice"]] as const) {
      await sender.send(JSON.stringify({ to: name, count: BURST }));
      // The library hands each message to a thread of its own, and so loses their order.
      const heard = new Set<unknown>();
      for (let count = 0; count < BURST; count++) {
        heard.add(JSON.parse(await receiver.next()).message.data);
      }
      assertEquals(heard, new Set(Array.from({ length: BURST }, (_, number) => number)));
      for (let count = 0; count < BURST; count++) {
        assertEquals(JSON.parse(await sender.next()), { answered: [] });
      }
    }
  },
});
