// Runs in the browser beside the server's own client. The tests call these functions by name.

/** Events of this page's room, oldest first. */
const events = [];
const waiting = new Set();
let room;
let connections = [];
const videos = [];

/**
 * Joins a room of the server at a URL; `withVideo` sends the camera, `sharesVideo` does so once a
 * call begins.
 */
async function start(server, name, { withVideo, sharesVideo, client = server, ...options } = {}) {
  const { Room } = await import(`${client}/simple/client.js`);
  const stream = withVideo || sharesVideo ? await camera() : undefined;
  room = new Room(name, { url: `${server}/simple`, ...(withVideo && { stream }), ...options });
  if (sharesVideo) room.addEventListener("call", ({ detail }) => detail.share(stream));
  for (const type of ["ready", "call", "leave", "open", "message", "data", "lost", "closed"]) {
    room.addEventListener(type, ({ detail }) => note(type, summary(detail)));
  }
  room.addEventListener("error", ({ detail }) => note("error", summary(detail)));
  room.addEventListener("change", ({ detail }) => note("change", detail.peer));
  room.addEventListener("stream", ({ detail }) => show(detail.stream));
}

function summary(detail) {
  const call = detail.call ?? (detail.peer ? detail : undefined);
  const { call: _, connection: __, channel: ___, streams: ____, ...rest } = detail;
  return { ...(call === detail ? {} : rest), ...(call ? { name: call.peer.name } : {}) };
}

function me() {
  return { id: room.id, instance: room.instance };
}

function leave() {
  room.leave();
}

function send(data) {
  room.send(data);
}

function change(peer) {
  room.change(peer);
}

function signalAll(data) {
  for (const call of room.calls.values()) call.signal(data);
}

/** Changes how long the server may be silent, which a room reads again each time. */
function pingAfter(pingMs) {
  room.options.pingMs = pingMs;
}

async function addVideo() {
  const stream = await camera();
  for (const call of room.calls.values()) call.share(stream);
}

/** How many calls have an open channel. */
function connected() {
  return [...room.calls.values()].filter(({ channel }) => channel?.readyState === "open").length;
}

/** Remembers the connections as they are. */
function keep() {
  connections = [...room.calls.values()].map(({ connection }) => connection);
}

/** How many of them are still in use, at rest. */
function kept() {
  const inUse = [...room.calls.values()].filter(({ connection }) =>
    connections.includes(connection) && connection.signalingState === "stable"
  );
  return inUse.length;
}

/** The details of all events of that name. */
function all(name) {
  return events.filter((event) => event.name === name).map(({ detail }) => detail);
}

/** The detail of the nth event of that name, once it has happened. */
function happened(name, nth = 1) {
  return new Promise((resolve) => {
    const check = () => {
      const details = all(name);
      if (details.length < nth) return;
      waiting.delete(check);
      resolve(details[nth - 1]);
    };
    waiting.add(check);
    check();
  });
}

/** The result of the join: the room, or the refusal and the end, or a refusal for the moment. */
function outcome() {
  return Promise.race([
    happened("ready").then((ready) => ({ ready })),
    happened("closed").then((closed) => ({ error: all("error")[0], closed })),
    happened("lost").then((lost) => ({ error: all("error")[0], lost })),
  ]);
}

/** The kinds of this page's candidates that are in use, each once. */
async function usedCandidates() {
  const types = new Set();
  for (const { connection } of room.calls.values()) {
    const stats = await connection.getStats();
    for (const { type, state, nominated, localCandidateId } of stats.values()) {
      const isUsed = type === "candidate-pair" && nominated && state === "succeeded";
      if (isUsed) types.add(stats.get(localCandidateId).candidateType);
    }
  }
  return [...types];
}

/** How many relay candidates a connection of its own gathers. */
async function relaysFound(configuration) {
  const connection = new RTCPeerConnection(configuration);
  connection.createDataChannel("any");
  let count = 0;
  const gathered = new Promise((resolve) => {
    connection.onicecandidate = ({ candidate }) => {
      if (candidate === null) return resolve();
      if (candidate.type === "relay") count++;
    };
  });
  await connection.setLocalDescription();
  await gathered;
  connection.close();
  return count;
}

/** Whether that many videos of others move. */
function moving() {
  return videos.filter(({ currentTime, videoWidth }) => currentTime > 0.5 && videoWidth > 0).length;
}

/** How many videos of others there are. */
function shown() {
  return videos.length;
}

function note(name, detail) {
  events.push({ name, detail });
  for (const check of [...waiting]) check();
}

function camera() {
  return navigator.mediaDevices.getUserMedia({ video: true });
}

function show(stream) {
  const video = document.createElement("video");
  Object.assign(video, { srcObject: stream, muted: true, autoplay: true });
  document.body.append(video);
  videos.push(video);
}

Object.assign(globalThis, {
  start,
  me,
  leave,
  send,
  change,
  signalAll,
  pingAfter,
  addVideo,
  connected,
  keep,
  kept,
  all,
  happened,
  outcome,
  moving,
  relaysFound,
  usedCandidates,
  shown,
});
