// Runs in the browser beside the bundle of Trystero's core. The tests call these functions by name.
import { all, note } from "./page_events.js";

const { createRelayManager, createTopicStrategy, makeSocket, selfId, toJson } = Trystero;
const relays = createRelayManager((client) => client.socket);
const handlers = new Map();

/** Connections that have begun to meet somebody; the client holds others in reserve. */
const connections = new Set();
/** Messages by their kind and the other page: how many, and when the last one came or went. */
const messages = new Map();

class NotedConnection extends RTCPeerConnection {
  setRemoteDescription(description) {
    connections.add(this);
    return super.setRemoteDescription(description);
  }
}

/**
 * Stands in for Trystero's relay strategy, which is not on npm: one socket for all rooms, which
 * comes back by itself and, like the original, does not subscribe again then.
 */
const joinRoom = createTopicStrategy({
  // As up to version 0.25.3; every minute now, which is long for a test.
  steadyAnnounceIntervalMs: 5333,
  init: ({ relayConfig }) =>
    relayConfig.urls.map((url) => relays.register(url, () => makeSocket(url, receive)).ready),
  subscribeTopic(client, topic, onMessage) {
    handlers.set(topic, onMessage);
    client.send(toJson({ type: "subscribe", topic }));
    return () => {
      handlers.delete(topic);
      client.send(toJson({ type: "unsubscribe", topic }));
    };
  },
  publishTopic(client, topic, payload) {
    count(`said at ${topic.slice(0, 6)}`, payload);
    client.send(toJson({ type: "publish", topic, payload }));
  },
});

function receive(data) {
  const { topic, payload } = JSON.parse(data);
  count(`heard at ${topic.slice(0, 6)}`, payload);
  handlers.get(topic)?.(topic, payload);
}

function count(way, payload) {
  const message = JSON.parse(payload);
  const kind = ["offer", "answer", "candidate"].find((one) => one in message) ?? "announcement";
  const key = `${way}: ${kind} of ${message.peerId}`;
  const times = (messages.get(key)?.times ?? 0) + 1;
  messages.set(key, { times, at: Math.round(performance.now()) });
}

let room;
let video;
let chat;

/** Joins a room and returns the page's id. */
function join(url, name, options = {}) {
  const config = { appId: "signalbox", relayConfig: { urls: [url] }, ...options };
  const onJoinError = ({ error }) => note("join error", error);
  room = joinRoom({ rtcPolyfill: NotedConnection, ...config }, name, { onJoinError });
  room.onPeerJoin = (peer) => note("joined", peer);
  room.onPeerLeave = (peer) => note("left", peer);
  room.onPeerStream = (stream) => {
    video?.remove();
    video = Object.assign(document.createElement("video"), { muted: true, srcObject: stream });
    document.body.append(video);
    video.play();
    note("stream");
  };
  chat = room.makeAction("chat");
  chat.onMessage = (words, { peerId }) => note(`chat from ${peerId}`, words);
  return selfId;
}

/** Sends an action to everybody in the room. */
function say(words) {
  chat.send(words);
}

/** Shows everybody a moving picture. */
async function show() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  room.addStream(stream);
}

/** Waits until the picture that it was shown has moved. */
async function watch() {
  const start = Date.now();
  while (!(video?.currentTime > 0.3 && video.videoWidth > 0)) {
    if (Date.now() - start > 240_000) throw new Error("No moving picture");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Cuts the relay's socket as a network does; the client comes back by itself. */
function cut() {
  for (const socket of Object.values(relays.getSockets())) socket.close(4001);
}

function leave() {
  return room.leave();
}

/** Peers that it is connected with. */
function peers() {
  return Object.keys(room.getPeers());
}

/** All that shows why it has not met the others. */
function knowledge() {
  return {
    id: selfId,
    peers: peers(),
    sockets: Object.values(relays.getSockets()).map(({ readyState }) => readyState),
    connections: [...connections].map((one) =>
      [
        one.signalingState,
        one.iceConnectionState,
        one.connectionState,
      ].join(" ")
    ),
    errors: [...all("error"), ...all("join error")],
    messages: Object.fromEntries(messages),
    now: Math.round(performance.now()),
  };
}

Object.assign(globalThis, { knowledge, join, say, show, watch, cut, leave, peers });
