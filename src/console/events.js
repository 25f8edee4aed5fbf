/* The server's events as they happen. EventSource cannot send the token, so this reads by fetch. */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Listens until the signal ends it, also over lost connections.
 *
 * @param api The API with the operator's token
 * @param on `event(type, data)` for each event, `connected(isConnected)` for each change
 */
export async function listen(api, on, signal) {
  let lastId;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const headers = lastId === undefined ? {} : { "last-event-id": lastId };
      const response = await api.open("events", headers, signal);
      on.connected(true);
      pauseMs = FIRST_PAUSE_MS;
      for await (const { id, type, data } of blocks(response.body)) {
        lastId = id ?? lastId;
        on.event(type, data);
      }
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
    }
    on.connected(false);
    await pause(pauseMs * (0.5 + Math.random()), signal);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/** The events of a stream, each with its data parsed; comments are left out. */
async function* blocks(body) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = read(part);
      if (event !== undefined) yield event;
    }
  }
}

function read(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
  }
  if (fields.event === undefined) return undefined;
  const body = fields.data ? JSON.parse(fields.data) : {};
  return { id: fields.id, type: fields.event, data: body.data ?? body };
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
