/** Ids that the tabs of a room try, one after the other: PeerJS has no rooms. */
const MAX_TABS = 8;

/** PeerJS: each tab takes the first free id of the room, and calls the tabs before it. */
export async function start({ server, path, room, token, stream, report, loadScript }) {
  await loadScript("clients/lib/peerjs.js");
  const { hostname, port, protocol, pathname } = new URL(server + path);
  const isSecure = protocol === "https:";
  const options = {
    host: hostname,
    port: Number(port || (isSecure ? 443 : 80)),
    path: pathname,
    secure: isSecure,
    ...(token && { key: token }),
  };
  const channels = new Map();
  const { peer, nth } = await takeId(options, room, report);

  const useChannel = (channel) => {
    channel.on("open", () => channels.set(channel.peer, channel));
    channel.on("data", (text) => report.message(channel.peer, text));
    channel.on("close", () => {
      channels.delete(channel.peer);
      report.left(channel.peer);
    });
  };
  const useCall = (call) => {
    report.joined(call.peer);
    call.on("stream", (remote) => report.stream(call.peer, remote));
    call.on("close", () => report.left(call.peer));
  };
  const dial = (id) => {
    useCall(peer.call(id, stream));
    // Raw, so that clients of other protocols read it, too.
    useChannel(peer.connect(id, { reliable: true, serialization: "raw" }));
  };
  peer.on("connection", useChannel);
  peer.on("call", (call) => {
    useCall(call);
    call.answer(stream);
  });
  report.ready(peer.id);
  for (let other = 1; other < nth; other++) dial(`${room}-${other}`);
  return {
    dial,
    send: (text) => channels.forEach((channel) => channel.send(text)),
    leave: () => peer.destroy(),
  };
}

async function takeId(options, room, report) {
  for (let nth = 1; nth <= MAX_TABS; nth++) {
    const peer = await open(new Peer(`${room}-${nth}`, options), report);
    if (peer !== undefined) return { peer, nth };
  }
  throw new Error(`All ${MAX_TABS} ids of this room are taken. Choose another room.`);
}

/** The peer once it is open; undefined if its id is taken. */
function open(peer, report) {
  return new Promise((resolve, reject) => {
    peer.on("open", () => resolve(peer));
    peer.on("error", ({ type, message }) => {
      if (type === "unavailable-id") return resolve(undefined);
      const text = message || "No answer from the server: check host, port, path and secure.";
      // A tab before this one may have left meanwhile.
      if (type !== "peer-unavailable") report.trouble(text);
      reject(new Error(text));
    });
  });
}

export function snippet({ server, path, room }) {
  const { hostname, port, protocol, pathname } = new URL(server + path);
  const isSecure = protocol === "https:";
  return `<script src="peerjs.min.js"></script>
<script type="module">
  const peer = new Peer(${JSON.stringify(`${room}-1`)}, {
    host: ${JSON.stringify(hostname)},
    port: ${Number(port || (isSecure ? 443 : 80))},
    path: ${JSON.stringify(pathname)},
    secure: ${isSecure},
  });
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  peer.on("call", (call) => {
    call.answer(stream);
    call.on("stream", (remote) => {
      const video = document.createElement("video");
      Object.assign(video, { srcObject: remote, autoplay: true, muted: true });
      document.body.append(video);
    });
  });
  peer.on("error", (error) => {
    alert(error.message || "no answer from the server: check host, port, path and secure");
  });
</script>`;
}
