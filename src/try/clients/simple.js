/** Simple Signalling, with the client that the server itself serves. */
export async function start({ server, path, room: name, token, stream, report }) {
  const { Room } = await import(`${server}${path}/client.js`);
  const room = new Room(name, { url: server + path, channel: "chat", stream, token });
  const idOf = ({ peer: { peer_id }, instance }) => `${peer_id}/${instance}`;
  room.addEventListener("ready", () => report.ready(room.id));
  room.addEventListener("call", ({ detail }) => report.joined(idOf(detail)));
  room.addEventListener("stream", ({ detail }) => report.stream(idOf(detail.call), detail.stream));
  room.addEventListener("message", ({ detail }) => report.message(idOf(detail.call), detail.data));
  room.addEventListener("leave", ({ detail }) => report.left(idOf(detail.call)));
  room.addEventListener("error", ({ detail }) => report.trouble(detail.message));
  return { send: (text) => room.send(text), leave: () => room.leave() };
}

export function snippet({ server, path, room }) {
  return `<script type="module">
  import { Room } from "${server}${path}/client.js";

  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  const room = new Room(${JSON.stringify(room)}, { stream, channel: "chat" });
  room.addEventListener("stream", ({ detail }) => {
    const video = document.createElement("video");
    Object.assign(video, { srcObject: detail.stream, autoplay: true, muted: true });
    document.body.append(video);
  });
  room.addEventListener("error", ({ detail }) => alert(detail.message));
</script>`;
}
