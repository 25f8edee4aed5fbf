import { assert, assertEquals, assertMatch } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { type MainProcess, startMain } from "../helpers/process/main_process.ts";
import { openGst, openGstSession, openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { RawSocket, requestText } from "../helpers/wire/raw_socket.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { systemTest } from "../helpers/process/systems.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// The end of the server, and the end of its descriptors (reliability notes, sections 2 and 6;
// GStreamer section 9.11, PeerJS section 9.10).

const LOCAL = ["--listen", "http://127.0.0.1:0"];

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  systemTest({
    name:
      `${signal} closes every connection with 1001 and ends with 0, even with clients that stay`,
    needs: "signals",
    fn: async () => {
      await using server = await startMain({
        args: [...LOCAL, "--gstreamer-max-queued-bytes", "unlimited"],
      });
      const url = urlOf(server);
      const wsUrl = url.replace(/^http/, "ws");
      // None of these answers a close. A client that answers finds the connection gone where it is
      // slower than the server's end, and then cannot name the code that it has read.
      using mute = new DisposableStack();
      const clients: RawSocket[] = [];
      for (const texts of [["HELLO idle"], ["HELLO member", "ROOM r"], ["HELLO callee"], []]) {
        const client = mute.use(await RawSocket.upgrade(`${wsUrl}/`));
        for (const text of texts) {
          await client.send(text);
          await client.next();
        }
        clients.push(client);
      }
      const alice = mute.use(await RawSocket.upgrade(peerJsUrl(wsUrl, "alice")));
      assertEquals(await alice.next(), '{"type":"OPEN"}');
      clients.push(alice);
      const caller = await openGst(wsUrl, "caller");
      caller.send("SESSION callee");
      assertEquals(await caller.nextText(), "SESSION_OK");
      // Nor will these go: one reads nothing and has its queue full, one has not finished its request,
      // one keeps its connection for a next request.
      using deaf = await RawSocket.upgrade(`${wsUrl}/`);
      await deaf.send("HELLO deaf");
      assertEquals(await deaf.next(), "HELLO");
      const toDeaf = await openGst(wsUrl, "to-deaf");
      toDeaf.send("SESSION deaf");
      assertEquals(await toDeaf.nextText(), "SESSION_OK");
      for (let sent = 0; sent < 4; sent++) toDeaf.send("x".repeat(1_000_000));
      await until("the deaf one's queue to fill", () => toDeaf.queued === 0);
      using unfinished = await RawSocket.connect(url);
      await unfinished.write("GET / HT");
      using body = await RawSocket.connect(url);
      await body.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
      await body.head();

      server.signal(signal);
      for (const client of clients) {
        const ending = await client.ended();
        assert(ending !== "cut" && ending.code === 1001, JSON.stringify(ending));
      }
      for (const client of [caller, toDeaf]) await within("the client's end", client.closed);
      const { code, stderr } = await within("the end", server.ended);
      assertEquals(code, 0);
      assert(!/\bat .*:\d+:\d+/.test(stderr), stderr);
      // If anything had held up the end, the last line would be that stopping took too long.
      assertMatch(stderr.trimEnd().split("\n").at(-1) ?? "", /stopped .*sealed=nothing ms=\d+/);
    },
  });
}

systemTest({
  name: "the first signal spreads the end over --drain-ms, the second ends it at once",
  needs: "signals",
  fn: async () => {
    await using server = await startMain({ args: [...LOCAL, "--drain-ms", "600000"] });
    const wsUrl = urlOf(server).replace(/^http/, "ws");
    const clients: WsClient[] = [];
    for (let count = 0; count < 20; count++) clients.push(await openGst(wsUrl, `peer-${count}`));
    server.signal("SIGTERM");
    // The first is closed while others still wait: the server is stopping, and not done.
    const first = await within("the first end", Promise.race(clients.map(({ closed }) => closed)));
    assertEquals(first.code, 1001);
    server.signal("SIGINT");
    const { code } = await within("the end", server.ended);
    assert(code !== 0, `ended with ${code}`);
    const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
    assert(codes.some((code) => code !== 1001), "all were closed before the second signal");
  },
});

systemTest({
  name: "SIGUSR2 is ignored, with a line in the log",
  needs: "signals",
  fn: async () => {
    await using server = await startMain({ args: LOCAL });
    await using client = await openGst(urlOf(server).replace(/^http/, "ws"), "alice");
    server.signal("SIGUSR2");
    await until("the line in the log", () => server.stderr().includes("signal ignored"));
    client.send("SESSION nobody");
    assertEquals(await client.nextText(), "ERROR peer 'nobody' not found");
  },
});

Deno.test("stopping with --drain-ms closes all with 1001, partners and rooms too", async () => {
  const server = startTestServer({ args: ["--drain-ms", "400"] });
  const clients: WsClient[] = [];
  for (let count = 0; count < 6; count++) {
    clients.push(...await openGstSession(server.wsUrl, [`caller-${count}`, `callee-${count}`]));
    clients.push(await openPeerJs(server.wsUrl, `peer-${count}`));
  }
  const stopped = server.stop();
  for (const client of clients) assertEquals((await client.closed).code, 1001);
  await within("the end", stopped);
});

systemTest({
  name: "without a free descriptor the server lives, logs it, and serves again",
  needs: "openFiles",
  fn: async () => {
    const permissions = ["--allow-net"]; // It does not know the limit, and gets no hint of it
    await using server = await startMain({ args: LOCAL, denoArgs: permissions, openFiles: 80 });
    const url = urlOf(server);
    const wsUrl = url.replace(/^http/, "ws");
    await using bystanders = await Bystanders.join(wsUrl);
    const sockets: RawSocket[] = [];
    try {
      const isExhausted = async (): Promise<boolean> => {
        try {
          const socket = await RawSocket.connect(url);
          sockets.push(socket);
          // With a request: of connections without one, Deno 2.6 waits for the end before it says
          // that it has stopped listening.
          await socket.write(requestText("GET / HTTP/1.1"));
          await bystanders.talk();
        } catch (error) {
          if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        }
        return server.stderr().includes("Too many open files");
      };
      await until("the descriptors to run out", isExhausted);
      // With the port that it was given, where it asked for any.
      const broken = /listening stopped, trying again.* url="?([^"\s]+)/.exec(server.stderr());
      assertEquals(broken?.[1], url);
      // Those that are connected do not notice.
      await bystanders.talk();
    } finally {
      for (const socket of sockets) socket.cut();
    }
    await until("it to listen again", async () => {
      try {
        await using fresh = await openGst(wsUrl, "fresh");
        fresh.send("SESSION nobody");
        return await fresh.nextText() === "ERROR peer 'nobody' not found";
      } catch {
        return false;
      }
    });
    await bystanders.talk();
    server.signal("SIGTERM");
    assertEquals((await server.ended).code, 0);
  },
});

systemTest({
  name: "limits.maxConnections below the descriptors refuses in words, and nothing breaks",
  needs: "openFiles",
  fn: async () => {
    await using server = await startMain({
      args: [...LOCAL, "--limits-max-connections", "8"],
      denoArgs: ["--allow-net"],
      openFiles: 80,
    });
    const wsUrl = urlOf(server).replace(/^http/, "ws");
    await using bystanders = await Bystanders.join(wsUrl);
    const sockets: RawSocket[] = [];
    try {
      for (let count = 0; count < 14; count++) sockets.push(await RawSocket.upgrade(`${wsUrl}/`));
      const refused = sockets.slice(4);
      for (const socket of refused) assertEquals(await socket.next(), "ERROR server is full");
      await bystanders.talk();
    } finally {
      for (const socket of sockets) socket.cut();
    }
    assert(!server.stderr().includes("Too many open files"), server.stderr());
  },
});

systemTest({
  name: "a server that may open few files still serves clients, and logs how many",
  needs: "openFiles",
  fn: async () => {
    await using server = await startMain({ args: LOCAL, denoArgs: ["-A"], openFiles: 80 });
    const wsUrl = urlOf(server).replace(/^http/, "ws");
    await using bystanders = await Bystanders.join(wsUrl);
    await bystanders.talk();
    assertMatch(server.stderr(), /open files/);
  },
});

function urlOf({ urls }: MainProcess): string {
  return urls[0] ?? "";
}
