// Runs in the browser beside the peerjs bundle. The tests call these functions by name.

/** Events of this page's peer, oldest first. */
const events = [];
const waiting = new Set();
let peer;
let connection;
let video;

/** Creates the peer; without an id the server chooses one. */
function start(options, id) {
  peer = id === undefined ? new Peer(options) : new Peer(id, options);
  peer.on("open", (id) => note("open", id));
  peer.on("disconnected", () => note("disconnected"));
  peer.on("close", () => note("close"));
  peer.on("error", ({ type, message }) => note("error", { type, message }));
  peer.on("connection", useConnection);
  peer.on("call", async (call) => {
    useCall(call);
    call.answer(await camera());
  });
}

function connect(id, options) {
  useConnection(peer.connect(id, options));
}

function send(value) {
  connection.send(value);
}

async function call(id, options) {
  useCall(peer.call(id, await camera(), options));
}

/** Comes back whenever the connection to the server is lost, as many applications do. */
function insist() {
  peer.on("disconnected", () => peer.reconnect());
}

/** Calls everybody in one go, and returns what the page has sent once it knows all its addresses. */
async function callAll(ids) {
  const stream = await camera();
  const sent = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) {
    const message = JSON.parse(text);
    if (message.dst !== undefined) sent.push(message);
    send.call(this, text);
  };
  const calls = ids.map((id) => peer.call(id, stream));
  await Promise.all(calls.map(({ peerConnection }) => gathered(peerConnection)));
  return sent;
}

/** Resolves when a connection has found all its addresses, each of which PeerJS sends at once. */
async function gathered(connection) {
  while (connection.iceGatheringState !== "complete") {
    await new Promise((resolve) =>
      connection.addEventListener("icegatheringstatechange", resolve, { once: true })
    );
  }
}

function disconnect() {
  peer.disconnect();
}

function reconnect() {
  peer.reconnect();
}

function listAllPeers() {
  return new Promise((resolve) => peer.listAllPeers(resolve));
}

/** The detail of the event of that name, or of its nth, once it has happened. */
function happened(name, nth = 1) {
  return new Promise((resolve) => {
    const check = () => {
      const event = events.filter((event) => event.name === name)[nth - 1];
      if (event === undefined) return;
      waiting.delete(check);
      resolve(event.detail);
    };
    waiting.add(check);
    check();
  });
}

/** How the start went: the id, or the error. */
function outcome() {
  return Promise.race([
    happened("open").then((open) => ({ open })),
    happened("error").then((error) => ({ error })),
  ]);
}

/** How often something of that name has happened so far. */
function count(name) {
  return events.filter((event) => event.name === name).length;
}

/** Waits until the nth call has shown that many frames and the picture has changed. */
async function watchFrames(nth, wanted) {
  await happened("stream", nth);
  const context = new OffscreenCanvas(64, 48).getContext("2d", { willReadFrequently: true });
  const pictures = new Set();
  const before = video.currentTime;
  let frames = 0;
  while (frames < wanted || pictures.size < 2 || video.currentTime <= before) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    frames++;
    context.drawImage(video, 0, 0, 64, 48);
    pictures.add(context.getImageData(0, 0, 64, 48).data.join());
  }
  return { frames, pictures: pictures.size };
}

function useConnection(opening) {
  connection = opening;
  opening.on("open", () => note("connection", { peer: opening.peer, metadata: opening.metadata }));
  opening.on("data", (value) => note("data", value));
  opening.on("close", () => note("connection closed"));
}

function useCall(call) {
  call.on("stream", (stream) => {
    // Client 1.5.5 tells of one stream twice, once for each of its tracks.
    if (video?.srcObject === stream) return;
    video?.remove();
    video = Object.assign(document.createElement("video"), { muted: true, srcObject: stream });
    document.body.append(video);
    video.play();
    note("stream", { peer: call.peer, metadata: call.metadata });
  });
}

function camera() {
  const video = { width: 320, height: 240, frameRate: 15 };
  return navigator.mediaDevices.getUserMedia({ audio: true, video });
}

function note(name, detail = null) {
  events.push({ name, detail });
  // deno-lint-ignore no-console -- a test that fails shows what its pages wrote
  console.info(name, JSON.stringify(detail));
  for (const check of waiting) check();
}

Object.assign(globalThis, {
  start,
  connect,
  send,
  call,
  callAll,
  insist,
  disconnect,
  reconnect,
  listAllPeers,
  happened,
  outcome,
  count,
  watchFrames,
});
