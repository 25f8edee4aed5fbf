// A client of ssp version 1, written from sections 1 to 4 of protocols/ssp.md, for RTCPool 1.x and
// 2.x cannot be installed from npm. Runs in the browser; the tests call its functions by name.
import { camera, note, openNamespace, show, TestSocket, useChannel } from "./page_events.js";

/** The effect of each event of the server; any other event is not of version 1. */
const HANDLERS = {
  "rtc:joined": ({ client_id: id, peers, descriptions, pool }) => {
    // The newcomer of two is the polite one (section 4).
    for (const peer of peers) members.set(peer, new Member(peer, true));
    note("join", { id, peers, descriptions, pool });
  },
  "rtc:request_offers": ({ for: peer }) => {
    members.set(peer, new Member(peer, false));
    note("peer", peer);
  },
  "rtc:offer": ({ for: peer, offer }) => members.get(peer).receive(offer),
  "rtc:answer": ({ for: peer, answer }) => members.get(peer).receive(answer),
  "rtc:candidate": ({ from: peer, candidate }) => members.get(peer).add(candidate),
  "rtc:describe": ({ uid, description }) => note("description", { peer: uid, description }),
  "rtc:close": ({ uid }) => {
    members.get(uid).connection.close();
    members.delete(uid);
    note("gone", uid);
  },
  "rtc:stop": () => note("stop"),
  "rtc:error": ({ reason }) => note("error", reason),
};

const members = new Map();
let say;

/** Joins, by WebSocket or, for an http URL, by Socket.IO. */
function start(url, pool) {
  // Each event waits until those before it have been dealt with.
  let handled = Promise.resolve();
  const hear = (type, data) => {
    handled = handled.then(() => HANDLERS[type](data)).catch((error) => {
      note("error", `${type}: ${error}`);
    });
  };
  const join = () => say("rtc:join", { pool });
  if (url.startsWith("ws")) {
    const socket = new TestSocket(url);
    say = (type, data) => socket.send(JSON.stringify({ type, data }));
    socket.addEventListener("open", join);
    socket.addEventListener("message", ({ data: frame }) => {
      const { type, data } = JSON.parse(frame);
      hear(type, data);
    });
  } else {
    const socket = openNamespace(url);
    say = (type, data) => socket.emit(type, data);
    socket.onAny(hear);
    join();
  }
}

/** Another member and the connection with it, negotiated perfectly. */
class Member {
  connection = new RTCPeerConnection({ iceServers: [] });
  #id;
  #isPolite;
  #isOffering = false;
  #ignoresOffer = false;

  constructor(id, isPolite) {
    this.#id = id;
    this.#isPolite = isPolite;
    this.connection.onnegotiationneeded = () => this.#offer();
    this.connection.onicecandidate = ({ candidate }) => {
      say("rtc:candidate", { for: id, candidate });
    };
    this.connection.ondatachannel = ({ channel }) => useChannel(id, channel);
    this.connection.ontrack = ({ track }) => show(id, track);
  }

  async #offer() {
    try {
      this.#isOffering = true;
      await this.connection.setLocalDescription();
      say("rtc:offers", { [this.#id]: this.connection.localDescription });
    } finally {
      this.#isOffering = false;
    }
  }

  async receive(description) {
    const isOffer = description.type === "offer";
    const collides = isOffer && (this.#isOffering || this.connection.signalingState !== "stable");
    this.#ignoresOffer = collides && !this.#isPolite;
    if (this.#ignoresOffer) return;
    await this.connection.setRemoteDescription(description);
    if (!isOffer) return;
    await this.connection.setLocalDescription();
    say("rtc:answer", { for: this.#id, answer: this.connection.localDescription });
  }

  async add(candidate) {
    try {
      await this.connection.addIceCandidate(candidate);
    } catch (error) {
      if (!this.#ignoresOffer) throw error;
    }
  }
}

function open(peer, label) {
  useChannel(peer, members.get(peer).connection.createDataChannel(label));
}

async function share() {
  const stream = await camera();
  for (const { connection } of members.values()) {
    for (const track of stream.getTracks()) connection.addTrack(track, stream);
  }
}

function describe(description) {
  say("describe", description);
}

function peers() {
  return [...members.keys()];
}

Object.assign(globalThis, { start, open, share, describe, peers });
