import { assertEquals } from "@std/assert";
import { startRecorder } from "../../scripts/capture.ts";
import { within } from "../helpers/wire/waiting.ts";

Deno.test("a capture holds both directions in order, without the addresses of the machine", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  const lines: unknown[] = [];
  const recorder = startRecorder({
    target: `http://127.0.0.1:${server.addr.port}`,
    head: { client: "this test", scene: "echo" },
    write: (line) => lines.push(line),
  });
  const candidate = (address: string) => `a=candidate:1 1 udp 7 ${address} 9 typ host\r\n`;
  const said = JSON.stringify(candidate("10.1.2.3") + candidate("fe80::1") + candidate("10.1.2.3"));

  const heard = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  const client = new WebSocket(`${recorder.url}/peerjs?id=alice&token=t`);
  client.onopen = () => client.send(said);
  client.onmessage = ({ data }) => heard.resolve(data);
  client.onclose = () => closed.resolve();
  assertEquals(await within("the echo", heard.promise), said);
  client.close();
  await within("the close", closed.promise);
  await recorder[Symbol.asyncDispose]();
  await server.shutdown();

  const frame = JSON.stringify(
    candidate("192.0.2.1") + candidate("2001:db8::2") + candidate("192.0.2.1"),
  );
  assertEquals(lines, [
    { client: "this test", runtime: `Deno/${Deno.version.deno}`, scene: "echo" },
    { peer: "alice", dir: "open", url: "/peerjs?id=alice&token=t" },
    { peer: "alice", dir: "in", frame },
    { peer: "alice", dir: "out", frame },
    { peer: "alice", dir: "close" },
  ]);
});
