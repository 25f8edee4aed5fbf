/**
 * The browser's counterpart of webrtcbin_peer.py: it sends the camera's picture, counts the frames
 * it receives, and keeps what happens for the test to fetch with `eventsAfter`.
 *
 * The query is what the program's options are: `server`, `uid`, and `call` or `room`; with `offer`
 * the caller offers, otherwise it asks for an offer; with `reconnect` the page is back under its
 * uid one second after any close, as GStreamer's own page is. With `channel` it sends no picture, and
 * calls with a data channel when the test says whom.
 */

const events = [];
let more = Promise.withResolvers();

/** The events after the first `count`, as soon as there are any. */
globalThis.eventsAfter = async (count) => {
  while (events.length <= count) await more.promise;
  return events.slice(count);
};

const options = new URLSearchParams(location.search);
const camera = options.has("channel")
  ? new MediaStream()
  : await navigator.mediaDevices.getUserMedia({
    video: { width: 160, height: 120, frameRate: 10 },
  });
let channel;
globalThis.tell = (text) => channel.send(text);
connect();

/** One connection to the server, and a call with each peer talked to over it. */
function connect() {
  const calls = new Map();
  const socket = new WebSocket(options.get("server"));
  let handled = Promise.resolve(); // each message waits until those before it have been dealt with
  socket.onopen = () => socket.send(`HELLO ${options.get("uid")}`);
  socket.onmessage = ({ data }) => {
    handled = handled.then(() => onText(data)).catch((error) => {
      tell({ event: "failed", text: `${error}` });
      socket.close();
    });
  };
  socket.onclose = ({ code, reason }) => {
    for (const call of calls.values()) call.stop();
    tell({ event: "closed", code, reason });
    if (options.has("reconnect")) setTimeout(connect, 1000);
  };
  globalThis.hangUp = () => socket.close();
  globalThis.callWithChannel = (peer) => {
    options.set("call", peer);
    options.set("offer", "");
    socket.send(`SESSION ${peer}`);
  };

  async function onText(text) {
    const [command, rest] = cut(text);
    switch (command) {
      case "ERROR":
        throw new Error(text);
      case "HELLO":
        tell({ event: "hello" });
        if (options.has("call")) socket.send(`SESSION ${options.get("call")}`);
        else if (options.has("room")) socket.send(`ROOM ${options.get("room")}`);
        break;
      case "ROOM_OK": {
        const inside = rest === "" ? [] : rest.split(" ");
        tell({ event: "room_ok", peers: inside });
        for (const peer of inside) await callInRoom(peer).offer();
        break;
      }
      case "ROOM_PEER_JOINED":
        tell({ event: "peer_joined", peer: rest });
        break;
      case "ROOM_PEER_LEFT":
        tell({ event: "peer_left", peer: rest });
        calls.get(rest)?.stop();
        calls.delete(rest);
        break;
      case "ROOM_PEER_MSG": {
        const [peer, message] = cut(rest);
        await callInRoom(peer).receive(JSON.parse(message));
        break;
      }
      default:
        await onSessionText(text);
    }
  }

  async function onSessionText(text) {
    // In a session the server tells only the caller who is on the other side.
    const call = callWith(options.get("call") ?? "caller", (message) => socket.send(message));
    if (text === "SESSION_OK") {
      tell({ event: "session_ok", peer: call.peer });
      if (options.has("offer")) await call.offer();
      else socket.send("OFFER_REQUEST");
    } else if (text === "OFFER_REQUEST") {
      tell({ event: "offer_request" });
      await call.offer();
    } else {
      await call.receive(JSON.parse(text));
    }
  }

  function callInRoom(peer) {
    return callWith(peer, (message) => socket.send(`ROOM_PEER_MSG ${peer} ${message}`));
  }

  function callWith(peer, send) {
    const call = calls.get(peer) ?? new Call(peer, send);
    calls.set(peer, call);
    return call;
  }
}

/** The media between this page and one other peer. */
class Call {
  #send;
  #connection = new RTCPeerConnection();
  #video = document.body.appendChild(document.createElement("video"));
  #frames = 0;

  constructor(peer, send) {
    this.peer = peer;
    this.#send = send;
    this.#connection.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) this.#tell({ ice: candidate });
    };
    this.#connection.ontrack = ({ track }) => {
      // Clients of other protocols send sound as well.
      if (track.kind === "video") this.#video.srcObject = new MediaStream([track]);
    };
    this.#connection.ondatachannel = ({ channel }) => this.#use(channel);
    this.#video.muted = this.#video.autoplay = true;
    this.#countFrames();
    for (const track of camera.getTracks()) this.#connection.addTrack(track, camera);
  }

  async offer() {
    if (options.has("channel")) this.#use(this.#connection.createDataChannel("texts"));
    await this.#describe();
  }

  /** Takes a message of the other peer: a description or a candidate. */
  async receive({ sdp, ice }) {
    if (ice) await this.#connection.addIceCandidate(ice);
    if (!sdp) return;
    await this.#connection.setRemoteDescription(sdp);
    if (sdp.type === "offer") await this.#describe();
  }

  stop() {
    this.#connection.close();
    this.#video.remove();
  }

  /** Sends our offer, or our answer if the other peer has offered. */
  async #describe() {
    await this.#connection.setLocalDescription();
    this.#tell({ sdp: this.#connection.localDescription });
  }

  #use(opening) {
    opening.onmessage = ({ data: text }) => tell({ event: "text", text });
    const opened = () => {
      channel = opening;
      tell({ event: "channel" });
    };
    if (opening.readyState === "open") opened();
    else opening.onopen = opened;
  }

  #tell(message) {
    this.#send(JSON.stringify(message));
  }

  #countFrames() {
    this.#video.requestVideoFrameCallback(() => {
      this.#frames += 1;
      if (this.#frames % 5 === 0) tell({ event: "frames", peer: this.peer, count: this.#frames });
      this.#countFrames();
    });
  }
}

function tell(event) {
  events.push(event);
  more.resolve();
  more = Promise.withResolvers();
}

/** The first word and what follows the blank after it. */
function cut(text) {
  const blank = text.indexOf(" ");
  return blank < 0 ? [text, ""] : [text.slice(0, blank), text.slice(blank + 1)];
}
