import { onConnection } from "../wire.js";

/** The id of the chat's data channel: gstwebrtc-api has none of its own for texts. */
const CHAT_CHANNEL = 100;

/** gstwebrtc-api: each tab produces its picture and consumes those of all others. */
export async function start({ server, path, room, token, stream, report, loadScript }) {
  await loadScript("clients/lib/gstwebrtc-api.js");
  const url = new URL(server.replace(/^http/, "ws") + path);
  if (token) url.searchParams.set("token", token);
  const channels = openChats(report);
  const api = new GstWebRTCAPI({
    meta: { name: room },
    signalingServerUrl: url.href,
    reconnectionTimeout: 2500,
  });
  const consume = ({ id, meta }) => {
    if (meta?.name !== room) return;
    report.joined(id);
    const session = api.createConsumerSession(id);
    session.addEventListener("rtcPeerConnectionChanged", () => {
      channels.name(session.rtcPeerConnection, id);
    });
    session.addEventListener("streamsChanged", () => {
      if (session.streams.length > 0) report.stream(id, session.streams[0]);
    });
    session.addEventListener("error", ({ message }) => report.trouble(message));
    session.connect();
  };
  let producer;
  api.registerPeerListener({
    producerAdded: consume,
    producerRemoved: ({ id }) => report.left(id),
    consumerAdded: () => {},
    consumerRemoved: () => {},
  });
  api.registerConnectionListener({
    connected: (id) => {
      report.ready(id);
      producer = api.createProducerSession(stream);
      producer.start();
    },
    disconnected: () => report.trouble("The server has closed the connection."),
  });
  return { send: channels.send, leave: () => producer?.close() };
}

/** A channel in each connection from its beginning, so that the producer's offer has it. */
function openChats(report) {
  const names = new WeakMap();
  const open = new Map();
  onConnection((connection) => {
    const channel = connection.createDataChannel("chat", { negotiated: true, id: CHAT_CHANNEL });
    channel.addEventListener("open", () => open.set(connection, channel));
    channel.addEventListener("close", () => open.delete(connection));
    channel.addEventListener("message", ({ data }) => {
      report.message(names.get(connection) ?? "The other tab", data);
    });
  });
  return {
    name: (connection, id) => connection && names.set(connection, id),
    // Two tabs have two connections, one for each picture: each says its texts in one of them.
    send: (text) => {
      for (const [connection, channel] of open) if (names.has(connection)) channel.send(text);
    },
  };
}

export function snippet({ server, path, room }) {
  return `<script src="gstwebrtc-api-3.0.0.min.js"></script>
<script type="module">
  const api = new GstWebRTCAPI({
    meta: { name: ${JSON.stringify(room)} },
    signalingServerUrl: ${JSON.stringify(server.replace(/^http/, "ws") + path)},
  });
  const show = (producer) => {
    const session = api.createConsumerSession(producer.id);
    session.addEventListener("streamsChanged", () => {
      const video = document.createElement("video");
      Object.assign(video, { srcObject: session.streams[0], autoplay: true, muted: true });
      document.body.append(video);
    });
    session.connect();
  };
  api.registerPeerListener({ producerAdded: show, producerRemoved: () => {} });
</script>`;
}
