import { assert, assertEquals } from "@std/assert";
import { BALANCERS, startBalancer } from "../helpers/cluster/balancers.ts";
import { missesEngine, startNodes } from "../helpers/cluster/node_processes.ts";
import { logIn, type OwtClient } from "../helpers/cluster/owt_client.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// Real load balancers with the configurations of the cluster page, before two real nodes.

const TRUSTING = ["--trust-proxy", "127.0.0.1"];

for (const name of BALANCERS) {
  clientTest({
    name:
      `cluster: behind ${name}, polls return to their node, and newcomers find one that is ready`,
    needs: ["redis-server", name],
    fn: async () => {
      await using nodes = await startNodes(1, ["owt", "peerjs"], TRUSTING);
      await using engineLink = new AsyncDisposableStack();
      const { url } = await nodes.add(engineLink.use(startTcpProxy(nodes.engine.url)).url);
      await using balancer = await startBalancer(name, nodes.nodes);

      using stack = new DisposableStack();
      const clients: OwtClient[] = [];
      const on = (node: string): OwtClient[] =>
        clients.filter(({ sid }) => sid.startsWith(`${node}.`));
      while (on("a").length < 2 || on("b").length < 2) {
        assert(clients.length < 40, "one node gets all clients");
        clients.push(stack.use(await logIn(balancer.url, `owt${clients.length}`, "polling")));
      }
      for (const [n, client] of clients.entries()) {
        const next = `owt${(n + 1) % clients.length}`;
        for (let round = 0; round < 3; round++) {
          assertEquals(await client.send(next, `${round}`), []);
        }
      }
      await until("every message", () => clients.every(({ heard }) => heard.length === 3));

      await using early = await openPeerJs(balancer.wsUrl, "early");
      await engineLink.disposeAsync();
      await until("the node to miss its engine", () => missesEngine(url));
      const refused = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
      assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
      assertEquals(await refused.text(), "Server is not available, try again\n");

      await using late = new AsyncDisposableStack();
      for (let n = 0; n < 6; n++) late.use(await openPeerJs(balancer.wsUrl, `late${n}`));
      const [first, second] = on("b");
      const other = clients.findIndex((client) => client === second);
      assertEquals(await first?.send(`owt${other}`, "still here"), []);
      clients.push(stack.use(await logIn(balancer.url, "late", "polling")));
      assertEquals(clients.at(-1)?.sid.slice(0, 2), "a.");
      early.send({ type: "OFFER", dst: "early", payload: 1 });
      assertEquals(await early.nextJson(), {
        type: "OFFER",
        src: "early",
        dst: "early",
        payload: 1,
      });
      // Caddy ends only after its polls.
      for (const node of nodes.nodes) await node.stop("SIGKILL");
      await within("the clients' ends", Promise.all(clients.map(({ closed }) => closed)));
      // Each says farewell by a request of its own, which fails.
      for (const client of clients) await client.settled();
    },
  });
}

clientTest({
  name: "cluster: a poll at another node than its own is answered as an unknown session",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, ["owt"]);
    const [first, second] = nodes.nodes;
    const query = "/socket.io/?EIO=4&transport=polling";
    const open = await (await fetch(`${first?.url}${query}`)).text();
    const { sid } = JSON.parse(open.slice(1));
    assertEquals(sid.slice(0, 2), "a.");
    const wrong = await fetch(`${second?.url}${query}&sid=${sid}`);
    assertEquals(wrong.status, 400);
    assertEquals(await wrong.json(), { code: 1, message: "Session ID unknown" });
    const right = await fetch(`${first?.url}${query}&sid=${sid}`, { method: "POST", body: "1" });
    assertEquals([right.status, await right.text()], [200, "ok"]);
  },
});
