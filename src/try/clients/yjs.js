/** A document shows no pictures. */
export const hasPicture = false;

/** Yjs with y-webrtc: one text, and the lines of a chat. */
export async function start({ server, path, room, token, report }) {
  const Y = await import("./lib/yjs/yjs.js");
  const { WebrtcProvider } = await import("./lib/yjs/y-webrtc.js");
  const url = new URL(server.replace(/^http/, "ws") + path);
  if (token) url.searchParams.set("token", token);
  const doc = new Y.Doc();
  const text = doc.getText("shared");
  const chat = doc.getArray("chat");
  const provider = new WebrtcProvider(room, doc, { signaling: [url.href] });
  const here = new Set();
  provider.signalingConns[0].on("connect", () => report.ready(doc.clientID));
  // Tabs of one browser share by the browser's own channel, others by WebRTC.
  provider.on("peers", ({ webrtcPeers, bcPeers }) => {
    const now = new Set([...webrtcPeers, ...bcPeers]);
    for (const id of now) if (!here.has(id)) report.present(id);
    for (const id of here) if (!now.has(id)) report.left(id);
    here.clear();
    for (const id of now) here.add(id);
  });
  chat.observe(({ changes, transaction }) => {
    if (transaction.local) return;
    for (const { insert = [] } of changes.delta) {
      for (const { from, line } of insert) report.message(from, line);
    }
  });
  return {
    text: {
      read: () => text.toString(),
      write: (words) => change(doc, text, words),
      onChange: (listener) => text.observe(listener),
    },
    send: (line) => chat.push([{ from: String(doc.clientID), line }]),
    leave: () => provider.destroy(),
  };
}

/** Replaces the part of the text that differs, so that what others write meanwhile stays. */
function change(doc, text, words) {
  const old = text.toString();
  let start = 0;
  while (start < Math.min(old.length, words.length) && old[start] === words[start]) start++;
  let end = 0;
  const longest = Math.min(old.length, words.length) - start;
  while (end < longest && old.at(-1 - end) === words.at(-1 - end)) end++;
  doc.transact(() => {
    text.delete(start, old.length - start - end);
    text.insert(start, words.slice(start, words.length - end));
  });
}

export function snippet({ server, path, room }) {
  return `import * as Y from "yjs"; // npm install yjs@13.6.33 y-webrtc@10.3.0
import { WebrtcProvider } from "y-webrtc";

const doc = new Y.Doc();
const text = doc.getText("shared");
new WebrtcProvider(${JSON.stringify(room)}, doc, {
  signaling: [${JSON.stringify(server.replace(/^http/, "ws") + path)}],
});
text.observe(() => document.body.textContent = text.toString());
text.insert(0, "Hello ");`;
}
