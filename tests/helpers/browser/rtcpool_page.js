// Runs in the browser beside the bundle of rtcpool. The tests call these functions by name.
import {
  all,
  camera,
  happened,
  note,
  openNamespace,
  show,
  TestSocket,
  useChannel,
} from "./page_events.js";

const { Pool, signalling, media } = rtcpool;
let pool;
let signals;

/** Creates the pool and joins it, by WebSocket or, for an http URL, by Socket.IO with `auth`. */
function start(url, name, auth) {
  signals = url.startsWith("ws")
    ? new signalling.websocket(new TestSocket(url))
    : new signalling.socket.io(openNamespace(url, auth));
  pool = new Pool({ iceServers: [] }, signals);
  const on = (type, listener) => pool.events.addEventListener(type, listener);
  on("join", () => note("join", { id: pool.id, peers: pool.connections.map(({ id }) => id) }));
  on("peer", ({ detail: { connection } }) => note("peer", connection.id));
  on("describe", ({ detail: { connection, description } }) => {
    note("description", { peer: connection.id, description });
  });
  on("close", ({ detail }) => note("gone", detail?.id));
  on("stop", () => note("stop"));
  // Events of one connection carry its id, for those the client makes anew.
  on("datachannel", ({ connection, channel }) => useChannel(connection, channel));
  on("track", ({ connection, track }) => show(connection, track));
  pool.join(name);
}

/** Opens a data channel with a peer. */
function open(peer, label) {
  useChannel(peer, pool.getConnection(peer).dataChannel(label, {}, true));
}

/** Sends the camera's picture to everybody in the pool, now and later. */
async function share() {
  new media.ManagedStream(await camera(), pool);
}

/** Describes itself, which the client has no function for. */
function describe(description) {
  signals.send("describe", description);
}

function descriptionOf(peer) {
  return pool.getConnection(peer).description;
}

function peers() {
  return pool.connections.map(({ id }) => id);
}

/** The result of the join: the peers, or the server's refusal, which the client does not notice. */
function outcome() {
  return Promise.race([
    happened("join").then(({ peers }) => ({ peers })),
    happened("rtc:error").then((error) => ({ error, joins: all("join").length })),
  ]);
}

function leave() {
  pool.close();
}

Object.assign(globalThis, { start, open, share, describe, descriptionOf, peers, outcome, leave });
