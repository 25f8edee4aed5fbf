// A page with two versions of socket.io-client, as the global `clients`, that is any number of
// OWT clients. Tests call its functions by name.

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

const EVENTS = [
  "connect",
  "server-authenticated",
  "server-disconnect",
  "disconnect",
  "rtc:joined",
];

/**
 * Connects a client of one of the two versions under a name of the test's own; resolves with how
 * that ended. One that loses its connection comes back as soon as it can.
 */
function start(name, version, url, transports, options = { forceNew: true }) {
  const socket = clients[version](url, { transports, reconnectionDelay: 1, ...options });
  const isUpgrading = transports.length > 1;
  const state = { socket, isUpgrading, messages: [], events: [], waiting: new Set() };
  sockets.set(name, state);
  const check = () => {
    for (const check of state.waiting) check();
  };
  socket.on("owt-message", (message) => {
    state.messages.push(message);
    if (state.messages.length === PROBE_AFTER) releaseProbes();
    check();
  });
  for (const event of EVENTS) {
    socket.on(event, (detail) => {
      state.events.push([event, detail]);
      check();
    });
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

function emit(name, ...event) {
  sockets.get(name).socket.emit(...event);
}

/** Emits an event; resolves with the arguments of its acknowledgement. */
function ask(name, ...event) {
  return new Promise((resolve) => emit(name, ...event, (...answer) => resolve(answer)));
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
      const data = JSON.stringify({ number: answers.length, text: "grün €😀" });
      answers.push(ask(from, "owt-message", { to, data }));
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
async function converse([one, idOfOne], [other, idOfOther], count) {
  const floods = [flood(one, idOfOther, count), flood(other, idOfOne, count)];
  const [answers, otherAnswers] = await Promise.all(floods);
  await until(one, ({ messages }) => messages.length >= otherAnswers.length);
  await until(other, ({ messages }) => messages.length >= answers.length);
  return [
    { answers, heard: heard(one) },
    { answers: otherAnswers, heard: heard(other) },
  ];
}

/** Messages since the last call. */
function heard(name) {
  return sockets.get(name).messages.splice(0);
}

/** Resolves with an event's first argument, once it has happened. */
async function happened(name, event) {
  const isIt = ([name]) => name === event;
  await until(name, ({ events }) => events.some(isIt));
  return sockets.get(name).events.find(isIt)[1] ?? null;
}

/** The names of what has happened, in order. */
function eventsOf(name) {
  return sockets.get(name).events.map(([event]) => event);
}

/** The transport in use, and how many messages had come when it was changed. */
function transport(name) {
  const { socket, upgradedAt = null } = sockets.get(name);
  return { name: socket.io.engine.transport.name, upgradedAt };
}

/**
 * Resolves when a poll is under way, if the client polls: the server has answered a request that was
 * made after it.
 */
async function rest(name, url) {
  const { transport } = sockets.get(name).socket.io.engine;
  const isResting = () => transport.name !== "polling" || (transport.polling ?? transport._polling);
  while (!isResting()) await new Promise((resolve) => setTimeout(resolve, 1));
  await fetch(url, { mode: "no-cors" });
}

function stop(name) {
  sockets.get(name).socket.disconnect();
}

Object.assign(globalThis, {
  start,
  emit,
  ask,
  converse,
  heard,
  happened,
  eventsOf,
  transport,
  rest,
  stop,
});
