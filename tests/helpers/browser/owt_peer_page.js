// A small OWT peer: socket.io-client, and an RTCPeerConnection that follows section 7 of PROTOCOL.md.
// As the SDK, it shows tracks of announced streams only, and sends nothing when it answers.
import { camera, note, show, useChannel } from "./page_events.js";

let socket;
const peers = new Map();

function start(url, token) {
  socket = io(url, { transports: ["websocket"], forceNew: true });
  socket.on("connect", () => {
    socket.emit("authentication", { token }, ({ uid }) => note("ready", uid));
  });
  let handled = Promise.resolve();
  socket.on("owt-message", ({ from, data }) => {
    handled = handled.then(() => receive(from, JSON.parse(data)));
  });
}

/** Sends a P2P message; notes an error number, if there is one. */
function say(to, type, data) {
  const message = JSON.stringify({ type, data });
  socket.emit("owt-message", { to, data: message }, (error) => error && note("refused", error));
}

function peerOf(id) {
  if (peers.has(id)) return peers.get(id);
  const connection = new RTCPeerConnection();
  const peer = { connection, announced: new Set() };
  peers.set(id, peer);
  say(id, "chat-ua", { sdk: { type: "JavaScript", version: "5.1" }, capabilities: {} });
  connection.onicecandidate = ({ candidate }) => {
    if (!candidate?.candidate) return;
    const { sdpMid, sdpMLineIndex } = candidate;
    const data = { candidate: candidate.candidate, sdpMid, sdpMLineIndex };
    say(id, "chat-signal", { type: "candidates", ...data });
  };
  // As the SDK's, the channel is named `message` and carries JSON.
  connection.ondatachannel = ({ channel }) => useChannel(id, channel);
  connection.onconnectionstatechange = () => note(connection.connectionState, id);
  connection.ontrack = ({ track, streams }) => {
    if (streams.some((stream) => peer.announced.has(stream.id))) show(id, track);
  };
  return peer;
}

async function receive(from, { type, data }) {
  const { connection, announced } = peerOf(from);
  note(type);
  if (type === "chat-stream-info") announced.add(data.id);
  else if (type === "chat-tracks-added") note("tracks added", data.length);
  else if (type === "chat-closed") {
    connection.close();
    peers.delete(from);
  } else if (type === "chat-signal") {
    if (data.type === "candidates") return await connection.addIceCandidate(data);
    const gaveWay = data.type === "offer" && connection.signalingState === "have-local-offer";
    await connection.setRemoteDescription(data);
    if (data.type === "answer") return;
    await describe(from);
    // Its own offer is still to be negotiated.
    if (gaveWay) await describe(from);
  }
}

/** Opens the channel for texts with a peer. */
async function open(to) {
  const { connection } = peerOf(to);
  useChannel(to, connection.createDataChannel("message"));
  await describe(to);
}

/** Sends our answer, or an offer if nobody has made one. */
async function describe(to) {
  const { connection } = peerOf(to);
  await connection.setLocalDescription();
  say(to, "chat-signal", connection.localDescription);
}

/** Sends the camera's picture to a peer. */
async function publish(to) {
  const { connection } = peerOf(to);
  const stream = await camera();
  const tracks = stream.getTracks();
  for (const track of tracks) {
    connection.addTransceiver(track, { direction: "sendonly", streams: [stream] });
  }
  const ids = tracks.map(({ id }) => id);
  say(to, "chat-track-sources", tracks.map(({ id }) => ({ id, source: "camera" })));
  say(to, "chat-stream-info", { id: stream.id, tracks: ids, source: {} });
  await describe(to);
}

Object.assign(globalThis, { start, open, publish });
