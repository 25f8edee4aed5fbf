/** Time in which the members of a pool call a newcomer; after it the newcomer calls, in ms. */
const FIRST_CALL_MS = 2_000;

/** RTCPool 3, by its WebSocket. */
export async function start({ server, path, room, token, stream, report, loadScript }) {
  await loadScript("clients/lib/rtcpool.js");
  const { Pool, signalling, media } = rtcpool;
  const url = new URL(server.replace(/^http/, "ws") + path);
  if (token) url.searchParams.set("token", token);
  const pool = new Pool({}, new signalling.websocket(new WebSocket(url)));
  const channels = new Map();
  const useChannel = (id, channel) => {
    channels.set(id, channel);
    channel.addEventListener("message", ({ data }) => report.message(id, data));
    channel.addEventListener("close", () => channels.delete(id));
  };
  // Opened by the first text: while both tabs make their first offer, one of them is dropped.
  const say = (id, text) => {
    if (!channels.has(id)) useChannel(id, pool.getConnection(id).dataChannel("chat", {}, true));
    const channel = channels.get(id);
    if (channel.readyState === "open") channel.send(text);
    else channel.addEventListener("open", () => channel.send(text), { once: true });
  };
  let isShared = false;
  // Adds the picture to every connection, now and later.
  const share = () => {
    if (!isShared) new media.ManagedStream(stream, pool);
    isShared = true;
  };
  const on = (type, listener) => pool.events.addEventListener(type, listener);
  on("join", () => {
    report.ready(pool.id);
    for (const { id } of pool.connections) report.joined(id);
    // The members call. Offers of both sides at once would cross, which RTCPool 3.0.2 does not
    // always survive: it drops the candidates of one of them.
    if (pool.connections.length === 0) share();
    else setTimeout(share, FIRST_CALL_MS);
  });
  on("peer", ({ detail: { connection } }) => report.joined(connection.id));
  on("datachannel", ({ connection, channel }) => useChannel(connection, channel));
  on("track", ({ connection, track }) => {
    report.stream(connection, new MediaStream([track]));
    share();
  });
  on("close", ({ detail }) => {
    channels.delete(detail?.id);
    report.left(detail?.id);
  });
  pool.join(room);
  return {
    send: (text) => pool.connections.forEach(({ id }) => say(id, text)),
    leave: () => pool.close(),
  };
}

export function snippet({ server, path, room }) {
  return `import rtcpool from "rtcpool"; // npm install rtcpool@3.0.2

const { Pool, signalling, media } = rtcpool;
const socket = new WebSocket(${JSON.stringify(server.replace(/^http/, "ws") + path)});
const pool = new Pool({}, new signalling.websocket(socket));
pool.events.addEventListener("track", ({ track }) => {
  const video = document.createElement("video");
  const srcObject = new MediaStream([track]);
  Object.assign(video, { srcObject, autoplay: true, muted: true });
  document.body.append(video);
});
const stream = await navigator.mediaDevices.getUserMedia({ video: true });
pool.events.addEventListener("join", () => new media.ManagedStream(stream, pool));
pool.join(${JSON.stringify(room)});`;
}
