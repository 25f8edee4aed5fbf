// Runs in the browser beside the bundle of gstwebrtc-api. The tests call these functions by name.
import { all, camera, happened, note, show } from "./page_events.js";

let api;
let producing;
const consuming = new Map();

/** Connects; the client says by itself that it listens. */
function start(url, meta = null, reconnectionTimeout = 0) {
  api = new GstWebRTCAPI({
    meta,
    signalingServerUrl: url,
    reconnectionTimeout,
    // Candidates of the host are enough on one machine; the default servers are far away.
    webrtcConfig: { iceServers: [], bundlePolicy: "max-bundle" },
  });
  api.registerConnectionListener({
    connected: (id) => note("connected", id),
    disconnected: () => note("disconnected"),
  });
  api.registerPeerListener({
    producerAdded: ({ id, meta }) => note("producer added", { id, meta }),
    producerRemoved: ({ id }) => note("producer removed", id),
    consumerAdded: ({ id }) => note("consumer added", id),
    consumerRemoved: ({ id }) => note("consumer removed", id),
  });
}

/** The result of the opening: the connection, or the server's words and its closing code. */
function outcome() {
  return Promise.race([
    happened("connected").then(() => ({ isConnected: true })),
    happened("socket closed").then((code) => ({ error: all("error")[0], code })),
  ]);
}

function noteErrors(who, session) {
  session.addEventListener("error", ({ message, error }) => {
    note("error", `${who}: ${message}: ${error?.message}`);
  });
}

/** Offers the camera to everybody who asks. */
async function produce() {
  producing = api.createProducerSession(await camera());
  producing.addEventListener("stateChanged", () => note(`producer ${stateOf(producing)}`));
  producing.addEventListener("clientConsumerAdded", ({ detail }) => {
    note("client added", { peer: detail.peerId, session: detail.sessionId });
  });
  producing.addEventListener("clientConsumerRemoved", ({ detail }) => {
    note("client removed", { peer: detail.peerId, session: detail.sessionId });
  });
  noteErrors("producer", producing);
  return producing.start();
}

function stopProducing() {
  producing.close();
}

/** Asks a producer for its stream, or offers to receive that of any peer. */
function consume(producer, offerOptions) {
  const session = offerOptions === undefined
    ? api.createConsumerSession(producer)
    : api.createConsumerSessionWithOfferOptions(producer, offerOptions);
  consuming.set(producer, session);
  session.addEventListener("streamsChanged", () => {
    for (const track of session.streams[0]?.getTracks() ?? []) show(producer, track);
  });
  session.addEventListener("closed", () => note("session closed", producer));
  noteErrors("consumer", session);
  return session.connect();
}

function stopConsuming(producer) {
  consuming.get(producer).close();
}

function producers() {
  return api.getAvailableProducers();
}

function stateOf({ state }) {
  return Object.entries(GstWebRTCAPI.SessionState).find(([, value]) => value === state)?.[0];
}

// The client makes its own socket, and does not pass closing codes on.
globalThis.WebSocket = class extends WebSocket {
  constructor(...options) {
    super(...options);
    this.addEventListener("close", ({ code }) => note("socket closed", code));
  }
};

// The client reports what it cannot make sense of, and errors of the server, on the console.
const { console } = globalThis;
const report = console.error.bind(console);
console.error = (message, error) => {
  note("error", `${message}: ${error?.message}`);
  report(message, error);
};

Object.assign(globalThis, {
  start,
  produce,
  stopProducing,
  consume,
  stopConsuming,
  producers,
  outcome,
});
