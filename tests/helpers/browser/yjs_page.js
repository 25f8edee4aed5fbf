// Runs in the browser beside y-webrtc's bundle. The tests call these functions by name.
import { note } from "./page_events.js";

const doc = new Y.Doc();
const text = doc.getText("shared");
let provider;

/** Shares the page's document in a room; done once the room's key is there and the page announced. */
async function start(url, room, options = {}) {
  provider = new WebrtcProvider(room, doc, { signaling: [url], ...options });
  provider.on("peers", ({ webrtcPeers }) => note("peers", webrtcPeers));
  provider.signalingConns[0].on("connect", () => note("connected"));
  await provider.key;
}

/** Writes at the beginning of the document. */
function write(words) {
  text.insert(0, words);
}

/** Resolves with the whole text once it has each of these pieces. */
function reads(...pieces) {
  return new Promise((resolve) => {
    const check = () => {
      const whole = text.toString();
      if (!pieces.every((piece) => whole.includes(piece))) return;
      text.unobserve(check);
      resolve(whole);
    };
    text.observe(check);
    check();
  });
}

/** The whole text as it is now. */
function content() {
  return text.toString();
}

/** Pages that it has a connection of its own with, once there are so many. */
async function partners(count) {
  const open = () => [...provider.room?.webrtcConns.values() ?? []].filter((one) => one.connected);
  while (open().length < count) await new Promise((resolve) => setTimeout(resolve, 50));
  return open().length;
}

function leave() {
  provider.disconnect();
}

function back() {
  provider.connect();
}

Object.assign(globalThis, { start, write, reads, content, partners, leave, back });
