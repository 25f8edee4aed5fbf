/**
 * The yardstick of topics: a bare relay that subscribes and publishes in y-webrtc's words, reads each
 * message once and splices the number of subscribers into it. No limits, no logs, no other shapes.
 */
const topics = new Map<string, Set<WebSocket>>();

Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: announce }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  const own: Set<WebSocket>[] = [];
  socket.onmessage = ({ data }): void => {
    const message = JSON.parse(data);
    if (message.type === "subscribe") {
      for (const topic of message.topics) own.push(subscribe(topic, socket));
    } else if (message.type === "publish") {
      const subscribers = topics.get(message.topic);
      if (subscribers === undefined) return;
      const text = `${data.slice(0, data.lastIndexOf("}"))},"clients":${subscribers.size}}`;
      for (const subscriber of subscribers) subscriber.send(text);
    }
  };
  socket.onclose = (): void => own.forEach((subscribers) => subscribers.delete(socket));
  return response;
});

function subscribe(topic: string, socket: WebSocket): Set<WebSocket> {
  let subscribers = topics.get(topic);
  if (subscribers === undefined) topics.set(topic, subscribers = new Set());
  return subscribers.add(socket);
}

function announce({ hostname, port }: Deno.NetAddr): void {
  Deno.stdout.writeSync(
    new TextEncoder().encode(`Listening on http://${hostname}:${port}\n`),
  );
}
