// Watches this page's sockets and peer connections; loaded before any client, which keep using the
// browser's own classes without knowing of it.

/** Longest text of a value in the log, in characters. */
const MAX_VALUE = 80;

const watchers = { frame: new Set(), connection: new Set() };

/** Reports each frame as `{ isOutgoing, summary, details }`. */
export function onFrame(listener) {
  watchers.frame.add(listener);
}

/** Reports each RTCPeerConnection when a client makes it. */
export function onConnection(listener) {
  watchers.connection.add(listener);
}

globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols = []) {
    super(url, protocols);
    this.addEventListener("message", ({ data }) => tell(describe(false, data)));
    this.addEventListener("close", ({ code, reason }) => {
      tell({ isOutgoing: false, summary: `closed ${code} ${reason}`, details: "" });
    });
  }

  send(data) {
    tell(describe(true, data));
    super.send(data);
  }
};

globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration) {
    super(configuration);
    for (const listener of watchers.connection) listener(this);
  }
};

function tell(frame) {
  for (const listener of watchers.frame) listener(frame);
}

function describe(isOutgoing, data) {
  if (typeof data !== "string") {
    return { isOutgoing, summary: `binary, ${data.byteLength ?? data.size} bytes`, details: "" };
  }
  // Text protocols put JSON behind their own words.
  const at = data.search(/[[{]/);
  const value = at < 0 ? undefined : parse(data.slice(at));
  if (value === undefined) {
    return { isOutgoing, summary: shorten(data), details: data.length > MAX_VALUE ? data : "" };
  }
  const details = JSON.stringify(value, (_, part) => shorten(part), 2);
  const summary = JSON.stringify(value, (_, part) => shorten(part));
  return { isOutgoing, summary: data.slice(0, at) + summary, details };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shorten(value) {
  if (typeof value !== "string" || value.length <= MAX_VALUE) return value;
  return `${value.slice(0, MAX_VALUE)}… (${value.length} characters)`;
}
