// A page with some version of socket.io-client, as the global `io`. Tests call its functions by name.

const sockets = new Map();

/** Probes that wait until many messages are under way; undefined once they are. */
let probes = [];
const PROBE_AFTER = 60;

const { send } = WebSocket.prototype;
WebSocket.prototype.send = function (data) {
  if (data === "2probe" && probes !== undefined) probes.push(() => send.call(this, data));
  else send.call(this, data);
};

function releaseProbes() {
  for (const probe of probes ?? []) probe();
  probes = undefined;
}

/** Connects a client under a name of the test's own; resolves with how that ended. */
function start(name, url, transports, options = { forceNew: true }) {
  const socket = io(url, { transports, reconnection: false, ...options });
  const isUpgrading = transports.length > 1;
  const state = { socket, isUpgrading, messages: [], events: [], waiting: new Set() };
  sockets.set(name, state);
  const note = (event, detail) => {
    state.events.push([event, detail]);
    for (const check of state.waiting) check();
  };
  socket.on("message", (message) => {
    state.messages.push(message);
    if (state.messages.length === PROBE_AFTER) releaseProbes();
    for (const check of state.waiting) check();
  });
  for (const event of ["kicked", "greeting", "echo", "disconnect"]) {
    socket.on(event, (detail) => note(event, detail));
  }
  return new Promise((resolve) => {
    socket.on("connect", () => {
      socket.io.engine.once("upgrade", () => {
        state.isUpgrading = false;
        state.upgradedAt = state.messages.length;
      });
      resolve("connected");
    });
    socket.on("error", (error) => resolve(wordOf(error)));
    socket.on("connect_error", (error) => resolve(wordOf(error)));
  });
}

/** Socket.IO 2 hands on what the server said, Socket.IO 4 makes an Error of it. */
function wordOf(error) {
  return typeof error === "string" ? error : error.message;
}

/** Emits an event; resolves with the arguments of its acknowledgement. */
function ask(name, ...event) {
  return new Promise((resolve) => {
    sockets.get(name).socket.emit(...event, (...answer) => resolve(answer));
  });
}

/**
 * Sends numbered messages as fast as the page can turn, a few each time: until it has upgraded, if
 * it is to, and so many after that. Resolves with the answers.
 */
async function flood(from, to, count) {
  const state = sockets.get(from);
  const answers = [];
  for (let left = count; left > 0;) {
    for (let burst = 0; burst < 5; burst++) {
      answers.push(ask(from, "send", to, { number: answers.length, text: "grün €😀" }));
    }
    if (!state.isUpgrading) left -= 5;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return await Promise.all(answers);
}

function until(name, condition) {
  const state = sockets.get(name);
  return new Promise((resolve) => {
    const check = () => {
      if (!condition(state)) return;
      state.waiting.delete(check);
      resolve();
    };
    state.waiting.add(check);
    check();
  });
}

/** Two clients flood each other: the answers that each got, and what each heard. */
async function converse(one, other, count) {
  const floods = [flood(one, other, count), flood(other, one, count)];
  const [answers, otherAnswers] = await Promise.all(floods);
  await until(one, ({ messages }) => messages.length >= otherAnswers.length);
  await until(other, ({ messages }) => messages.length >= answers.length);
  return [
    { answers, heard: sockets.get(one).messages },
    { answers: otherAnswers, heard: sockets.get(other).messages },
  ];
}

/** Resolves with an event's first argument, once it has happened. */
async function happened(name, event) {
  const isIt = ([name]) => name === event;
  await until(name, ({ events }) => events.some(isIt));
  return sockets.get(name).events.find(isIt)[1] ?? null;
}

/** The names of what has happened, in order. */
function events(name) {
  return sockets.get(name).events.map(([event]) => event);
}

/** The transport in use, and how many messages had come when it was changed. */
function transport(name) {
  const { socket, upgradedAt = null } = sockets.get(name);
  return { name: socket.io.engine.transport.name, upgradedAt };
}

function stop(name) {
  sockets.get(name).socket.disconnect();
}

Object.assign(globalThis, {
  start,
  ask,
  converse,
  happened,
  eventsOf: events,
  transport,
  stop,
});
