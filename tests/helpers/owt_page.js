// A page with some version of socket.io-client, as the global `io`, that is one OWT client.

let socket;
const messages = [];
const events = [];

/** Connects as the older generation does; resolves with the id, or with the error's text. */
function loginByQuery(url, transports, query) {
  const pairs = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
  // In the URL itself: the options take a text in some versions, and an object in others.
  connect(`${url}?${pairs.join("&")}`, { transports });
  return outcome();
}

/** Connects as the newer generation does; resolves with the acknowledgement's arguments. */
function loginByEvent(url, transports, argument) {
  connect(url, { transports });
  return new Promise((resolve) => {
    socket.on("connect", () => ask("authentication", argument).then(resolve));
  });
}

function connect(url, options) {
  socket = io(url, { ...options, forceNew: true });
  socket.on("owt-message", (message) => messages.push(message));
  for (const name of ["connect", "server-disconnect", "disconnect"]) {
    socket.on(name, () => events.push(name));
  }
}

/** Socket.IO 2 hands on what the server said, Socket.IO 4 makes an Error of it. */
function outcome() {
  return new Promise((resolve) => {
    const fail = (error) => resolve(typeof error === "string" ? error : error.message);
    socket.on("server-authenticated", ({ uid }) => resolve(uid));
    socket.on("error", fail);
    socket.on("connect_error", fail);
  });
}

/** Resolves with the acknowledgement's arguments. */
function ask(name, argument) {
  return new Promise((resolve) => socket.emit(name, argument, (...answer) => resolve(answer)));
}

function heard() {
  return messages.splice(0);
}

function happened() {
  return events;
}

Object.assign(globalThis, { loginByQuery, loginByEvent, ask, heard, happened });
