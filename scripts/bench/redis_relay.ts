/**
 * The floor of a cluster: two of these pass frames to each other by streams of one Redis, with the
 * library that a node uses. It has no ids, confirmations or limits, and reads nothing. Arguments: the
 * engine's socket, this relay's stream and the other one's.
 */
import { createClient } from "@redis/client";

/** The streams that a read found items in, and the fields of each item. */
type Read =
  | readonly (readonly [string, readonly (readonly [string, readonly string[]])[]])[]
  | null;

const [engine = "", own = "", other = ""] = Deno.args;
const [calls, reads] = [await connect(), await connect()];
const sockets = new Map<string, WebSocket>();

Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: announce }, (request) => {
  const { pathname } = new URL(request.url);
  const { socket, response } = Deno.upgradeWebSocket(request);
  sockets.set(pathname, socket);
  socket.onmessage = ({ data }): void => {
    void calls.sendCommand([
      "XADD",
      other,
      "MAXLEN",
      "~",
      "1000",
      "*",
      "path",
      pathname,
      "frame",
      data,
    ]);
  };
  return response;
});

for (let place = "0-0";;) {
  const wait = ["COUNT", "512", "BLOCK", "1000"];
  const reply = await reads.sendCommand<Read>(["XREAD", ...wait, "STREAMS", own, place]);
  for (const [id, [, path = "", , frame = ""]] of reply?.[0]?.[1] ?? []) {
    place = id;
    sockets.get(path)?.send(frame);
  }
}

function connect(): Promise<Pick<ReturnType<typeof createClient>, "sendCommand">> {
  // The same settings as a node's.
  return createClient({
    socket: { path: engine, tls: false },
    disableClientInfo: true,
    commandOptions: { timeout: 0 },
    RESP: 2,
  }).connect();
}

function announce({ hostname, port }: Deno.NetAddr): void {
  Deno.stdout.writeSync(
    new TextEncoder().encode(`Listening on http://${hostname}:${port}\n`),
  );
}
