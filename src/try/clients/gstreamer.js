/** GStreamer's text protocol, as webrtcbin's browser pages speak it: a newcomer to a room offers. */
export function start({ server, path, room, token, stream, report }) {
  const uid = `tab-${crypto.randomUUID().slice(0, 8)}`;
  const url = new URL(server.replace(/^http/, "ws") + path);
  if (token) url.searchParams.set("token", token);
  const socket = new WebSocket(url);
  const calls = new Map();
  const callWith = (peer) => {
    const send = (message) => socket.send(`ROOM_PEER_MSG ${peer} ${JSON.stringify(message)}`);
    if (!calls.has(peer)) calls.set(peer, openCall(peer, { send, stream, report }));
    return calls.get(peer);
  };
  const end = (peer) => {
    calls.get(peer)?.connection.close();
    calls.delete(peer);
    report.left(peer);
  };
  // Each message waits until those before it have been dealt with.
  let handled = Promise.resolve();
  socket.addEventListener("open", () => socket.send(`HELLO ${uid}`));
  socket.addEventListener("message", ({ data }) => {
    handled = handled.then(() => handle(data)).catch((error) => report.trouble(error.message));
  });
  socket.addEventListener("close", ({ reason }) => {
    report.trouble(`The server has closed the connection. ${reason}`);
  });

  async function handle(text) {
    const [command, rest] = cut(text);
    switch (command) {
      case "HELLO":
        return socket.send(`ROOM ${room.replaceAll(/\s/g, "-")}`);
      case "ROOM_OK":
        report.ready(uid);
        for (const peer of rest.split(" ").filter(Boolean)) await callWith(peer).offer();
        return;
      case "ROOM_PEER_JOINED":
        return report.joined(rest);
      case "ROOM_PEER_LEFT":
        return end(rest);
      case "ROOM_PEER_MSG": {
        const [peer, message] = cut(rest);
        return await callWith(peer).receive(JSON.parse(message));
      }
      case "ERROR":
        throw new Error(text);
    }
  }
  return {
    send: (text) => calls.forEach((call) => call.say(text)),
    leave: () => socket.close(),
  };
}

/** The connection with one member of the room. */
function openCall(peer, { send, stream, report }) {
  report.joined(peer);
  const connection = new RTCPeerConnection();
  let channel;
  const useChannel = (opened) => {
    channel = opened;
    channel.addEventListener("message", ({ data }) => report.message(peer, data));
  };
  connection.addEventListener("datachannel", (event) => useChannel(event.channel));
  connection.addEventListener("icecandidate", ({ candidate }) => {
    if (candidate?.candidate) send({ ice: candidate });
  });
  connection.addEventListener("track", ({ streams, track }) => {
    report.stream(peer, streams[0] ?? new MediaStream([track]));
  });
  for (const track of stream.getTracks()) connection.addTrack(track, stream);
  const describe = async () => {
    await connection.setLocalDescription();
    send({ sdp: connection.localDescription });
  };
  return {
    connection,
    say: (text) => channel?.readyState === "open" && channel.send(text),
    offer: () => {
      useChannel(connection.createDataChannel("chat"));
      return describe();
    },
    receive: async ({ sdp, ice }) => {
      if (ice) await connection.addIceCandidate(ice);
      if (!sdp) return;
      await connection.setRemoteDescription(sdp);
      if (sdp.type === "offer") await describe();
    },
  };
}

/** The first word and the text after the blank behind it. */
function cut(text) {
  const blank = text.indexOf(" ");
  return blank < 0 ? [text, ""] : [text.slice(0, blank), text.slice(blank + 1)];
}

export function snippet({ server, path, room }) {
  return `const socket = new WebSocket(${JSON.stringify(server.replace(/^http/, "ws") + path)});
socket.onopen = () => socket.send("HELLO my-page");
socket.onmessage = ({ data }) => {
  if (data === "HELLO") socket.send(${JSON.stringify(`ROOM ${room}`)});
  // ROOM_OK lists the members: offer to each with ROOM_PEER_MSG <id> {"sdp": …}
  console.log(data);
};

// From a terminal, with a test picture:
//   gst-inspect-1.0 webrtcbin   # from gstreamer1.0-plugins-bad and gstreamer1.0-nice
//   /usr/bin/python3 send.py --server ${server.replace(/^http/, "ws") + path}`;
}
