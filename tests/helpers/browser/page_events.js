// Shared by the pages of the ssp tests. The tests call these functions by name.

/** Events of this page, oldest first. */
const events = [];
const waiting = new Set();
/** Frames that wait for `release`; undefined while they go out at once. */
let held;

export function note(name, detail = null) {
  events.push({ name, detail });
  // deno-lint-ignore no-console -- a test that fails shows what its pages wrote
  console.info(name, JSON.stringify(detail));
  for (const check of waiting) check();
}

/** The detail of the event of that name, or of its nth, once it has happened. */
export function happened(name, nth = 1) {
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

/** The details of all events of that name so far. */
export function all(name) {
  return events.filter((event) => event.name === name).map(({ detail }) => detail);
}

/** A socket whose outgoing frames a test can hold back, so that two pages speak at the same time. */
export class TestSocket extends WebSocket {
  constructor(url) {
    super(url);
    this.addEventListener("close", ({ code }) => note("socket closed", code));
    this.addEventListener("message", ({ data: frame }) => {
      const { type, data } = JSON.parse(frame);
      if (type === "rtc:error") note(type, data);
    });
  }

  send(frame) {
    const { type, data } = JSON.parse(frame);
    note("says", kindOf(type, data));
    if (held === undefined) super.send(frame);
    else held.push(() => super.send(frame));
  }
}

/** A connection to a namespace whose outgoing events a test can hold back, too. */
export function openNamespace(url, auth = {}) {
  const socket = io(url, { forceNew: true, auth });
  const emit = socket.emit.bind(socket);
  socket.on("disconnect", (reason) => note("socket closed", reason));
  socket.on("rtc:error", (data) => note("rtc:error", data));
  return Object.assign(socket, {
    emit(type, data) {
      note("says", kindOf(type, data));
      if (held === undefined) emit(type, data);
      else held.push(() => emit(type, data));
    },
  });
}

/** The event's type, with what a test tells apart of those that have the same one. */
function kindOf(type, data) {
  if (type === "rtc:sdp") return `${type} ${data.description.type}`;
  return data.candidate === null ? `${type} end` : type;
}

function hold() {
  held = [];
}

function release() {
  for (const send of held.splice(0)) send();
  held = undefined;
}

const channels = new Map();

/** Notes what happens on a data channel with a peer; `tell` says something over the last one. */
export function useChannel(peer, channel) {
  const opened = () => {
    channels.set(peer, channel);
    note("channel", { peer, label: channel.label });
  };
  channel.addEventListener("message", ({ data: text }) => note("text", { peer, text }));
  if (channel.readyState === "open") opened();
  else channel.addEventListener("open", opened);
}

function tell(peer, text) {
  channels.get(peer).send(text);
}

const videos = new Map();

/** Shows what comes from a peer. */
export function show(peer, track) {
  if (track.kind !== "video") return;
  videos.get(peer)?.remove();
  const srcObject = new MediaStream([track]);
  const video = Object.assign(document.createElement("video"), { muted: true, srcObject });
  document.body.append(video);
  video.play();
  videos.set(peer, video);
  note("video", peer);
}

/** Waits until a peer's video has shown that many frames and the picture has changed. */
async function watchFrames(peer, wanted) {
  const video = videos.get(peer);
  const context = new OffscreenCanvas(64, 48).getContext("2d", { willReadFrequently: true });
  const pictures = new Set();
  let frames = 0;
  while (frames < wanted || pictures.size < 2) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    frames++;
    context.drawImage(video, 0, 0, 64, 48);
    pictures.add(context.getImageData(0, 0, 64, 48).data.join());
  }
  return { frames, pictures: pictures.size };
}

export function camera() {
  const video = { width: 320, height: 240, frameRate: 15 };
  return navigator.mediaDevices.getUserMedia({ audio: true, video });
}

// Errors of the client itself, such as at an event about somebody whom it does not know.
addEventListener("error", ({ message }) => note("error", message));
addEventListener("unhandledrejection", ({ reason }) => note("error", String(reason)));

Object.assign(globalThis, {
  happened,
  all,
  hold,
  release,
  tell,
  watchFrames,
});
