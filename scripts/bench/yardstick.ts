/**
 * The yardstick: the least a relay on this runtime can do. Two sockets that open the same path
 * (`/pair/<n>`) are a pair; what one sends goes unread to the other. No ids, no limits, no logs.
 */
const waiting = new Map<string, WebSocket>();

Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: announce }, (request) => {
  const { pathname } = new URL(request.url);
  const { socket, response } = Deno.upgradeWebSocket(request);
  const partner = waiting.get(pathname);
  if (partner) {
    waiting.delete(pathname);
    link(socket, partner);
    link(partner, socket);
  } else {
    waiting.set(pathname, socket);
  }
  return response;
});

function link(from: WebSocket, to: WebSocket): void {
  from.onmessage = (event): void => to.send(event.data);
  from.onclose = (): void => to.close();
}

function announce({ hostname, port }: Deno.NetAddr): void {
  Deno.stdout.writeSync(
    new TextEncoder().encode(`Listening on http://${hostname}:${port}\n`),
  );
}
