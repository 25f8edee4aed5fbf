/**
 * The yardstick: the least that a relay on this runtime can do. It has no ids, limits or logs, and it
 * reads nothing. The path connects two sockets, or all sockets of a room:
 *
 * - `/pair/<n>`: frames of one socket go to the other;
 * - `/acknowledged/<n>`: the sender also gets an acknowledgement;
 * - `/room/<room>/<n>`: arrivals and departures are announced to all others of the room.
 */
const ACKNOWLEDGEMENT = '{"event":"ok","delivered":1,"queued":0,"ref":1}';
const waiting = new Map<string, WebSocket>();
const rooms = new Map<string, Set<WebSocket>>();

Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: announce }, (request) => {
  const { pathname } = new URL(request.url);
  const { socket, response } = Deno.upgradeWebSocket(request);
  const [, kind = "", name = ""] = pathname.split("/");
  if (kind === "room") enter(socket, name, pathname);
  else meet(socket, pathname, kind === "acknowledged");
  return response;
});

function meet(socket: WebSocket, path: string, isAcknowledged: boolean): void {
  const partner = waiting.get(path);
  if (partner === undefined) {
    waiting.set(path, socket);
    return;
  }
  waiting.delete(path);
  link(socket, partner, isAcknowledged);
  link(partner, socket, isAcknowledged);
}

function link(from: WebSocket, to: WebSocket, isAcknowledged: boolean): void {
  from.onmessage = isAcknowledged
    ? (event): void => {
      to.send(event.data);
      from.send(ACKNOWLEDGEMENT);
    }
    : (event): void => to.send(event.data);
  from.onclose = (): void => to.close();
}

function enter(socket: WebSocket, name: string, path: string): void {
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room);
  const tell = (news: string): void => {
    for (const member of room) if (member !== socket) member.send(news);
  };
  socket.onopen = (): void => {
    room.add(socket);
    tell(`joined ${path}`);
  };
  socket.onclose = (): void => {
    room.delete(socket);
    tell(`left ${path}`);
  };
}

function announce({ hostname, port }: Deno.NetAddr): void {
  Deno.stdout.writeSync(
    new TextEncoder().encode(`Listening on http://${hostname}:${port}\n`),
  );
}
