/**
 * Records what a real client and a real server say to each other, as a fixture for the tests:
 * a WebSocket proxy that stands between the two and writes one JSON object per line.
 *
 *     deno run -A scripts/capture.ts --listen 9001 --to http://127.0.0.1:9000 --out data_call.jsonl \
 *       --client "peerjs 1.5.5" --scene "data call"
 *
 * Point the client at http://127.0.0.1:9001 and end with Ctrl-C. Plain HTTP requests pass
 * unrecorded. Addresses in candidates become those of RFC 5737 and RFC 3849.
 */
import { parseArgs } from "node:util";

/** A line of a capture after the first. "in" is what the client says, "out" what it hears. */
export type CaptureLine =
  | { peer: string; dir: "open"; url: string }
  | { peer: string; dir: "in" | "out"; frame: string }
  /** The code where the server closed first. */
  | { peer: string; dir: "close"; code?: number };

/** The first line of a capture. */
export interface CaptureHead {
  client: string;
  /** The client's environment; taken from its User-Agent if absent. */
  runtime?: string;
  scene: string;
}

export interface RecorderOptions {
  /** The port to listen on; 0, the default, for any. */
  port?: number;
  /** The server, as an http or https URL. */
  target: string;
  head: CaptureHead;
  write: (line: CaptureHead | CaptureLine) => void;
}

export interface Recorder extends AsyncDisposable {
  readonly url: string;
}

/** Starts the proxy; `write` gets the first line with the first connection. */
export function startRecorder({ port = 0, target, head, write }: RecorderOptions): Recorder {
  const nameOf = nameConnections();
  const anonymise = anonymiser();
  let isHeadWritten = false;

  function record(request: Request): Response {
    if (!isHeadWritten) write(withRuntime(head, request));
    isHeadWritten = true;
    const url = new URL(request.url);
    const { socket, response } = Deno.upgradeWebSocket(request);
    const peer = nameOf(url.searchParams);
    write({ peer, dir: "open", url: url.pathname + url.search });
    relay(socket, new WebSocket(on(target, url)), (line) => {
      write("frame" in line ? { peer, ...line, frame: anonymise(line.frame) } : { peer, ...line });
    });
    return response;
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, (request) => {
    if (request.headers.get("upgrade") !== null) return record(request);
    return fetch(on(target, new URL(request.url)), request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

type Event = { dir: "in" | "out"; frame: string } | { dir: "close"; code?: number };

/** Passes frames on both ways. Frames of the client wait until the server is reached. */
function relay(client: WebSocket, server: WebSocket, tell: (event: Event) => void): void {
  const waiting: string[] = [];
  client.onmessage = ({ data }) => {
    const frame = textOf(data);
    tell({ dir: "in", frame });
    if (server.readyState === WebSocket.OPEN) server.send(frame);
    else waiting.push(frame);
  };
  server.binaryType = "arraybuffer";
  server.onopen = () => waiting.forEach((frame) => server.send(frame));
  server.onmessage = ({ data }) => {
    const frame = textOf(data);
    tell({ dir: "out", frame });
    if (client.readyState === WebSocket.OPEN) client.send(frame);
  };
  let isClosed = false;
  const close = (code?: number) => {
    if (!isClosed) tell(code === undefined ? { dir: "close" } : { dir: "close", code });
    isClosed = true;
    client.close(code === 1005 || code === 1006 ? undefined : code);
    server.close();
  };
  client.onclose = () => close();
  server.onclose = ({ code }) => close(code);
}

function textOf(data: string | ArrayBuffer): string {
  return typeof data === "string" ? data : new TextDecoder().decode(data);
}

/** The same path and query on the other server. */
function on(target: string, { pathname, search }: URL): URL {
  return new URL(pathname + search, target);
}

function withRuntime(head: CaptureHead, request: Request): CaptureHead {
  const agent = request.headers.get("user-agent") ?? "unknown";
  const version = /Chrome\/([\d.]+)/.exec(agent)?.[1];
  const runtime = version === undefined ? agent : `Chromium ${version}`;
  return { client: head.client, runtime: head.runtime ?? runtime, scene: head.scene };
}

/** A client is called by its id, a second one with that id and another token `<id>-2`. */
function nameConnections(): (query: URLSearchParams) => string {
  const tokens = new Map<string, string[]>();
  let strangers = 0;
  return (query) => {
    const id = query.get("id");
    if (id === null) return `client-${++strangers}`;
    const known = tokens.get(id) ?? [];
    const token = query.get("token") ?? "";
    if (!known.includes(token)) tokens.set(id, [...known, token]);
    const nth = tokens.get(id)?.indexOf(token) ?? 0;
    return nth === 0 ? id : `${id}-${nth + 1}`;
  };
}

const CANDIDATE_ADDRESS =
  /(?<=candidate:\S+ \d+ \S+ \d+ |raddr |c=IN IP[46] )(?!0\.0\.0\.0)[\da-fA-F]*[.:][\da-fA-F.:]+/g;

/** Replaces each address by one for documentation, always the same for the same. */
function anonymiser(): (frame: string) => string {
  const known = new Map<string, string>();
  return (frame) =>
    frame.replace(CANDIDATE_ADDRESS, (address) => {
      const nth = known.size + 1;
      const stranger = address.includes(":") ? `2001:db8::${nth}` : `192.0.2.${nth}`;
      if (!known.has(address)) known.set(address, stranger);
      return known.get(address) ?? stranger;
    });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      listen: { type: "string", default: "9001" },
      to: { type: "string", default: "http://127.0.0.1:9000" },
      out: { type: "string", default: "capture.jsonl" },
      client: { type: "string", default: "unknown" },
      scene: { type: "string", default: "unknown" },
    },
  });
  Deno.writeTextFileSync(values.out, "");
  const { url } = startRecorder({
    port: Number(values.listen),
    target: values.to,
    head: { client: values.client, scene: values.scene },
    write: (line) =>
      Deno.writeTextFileSync(values.out, JSON.stringify(line) + "\n", { append: true }),
  });
  // deno-lint-ignore no-console -- this is a command-line tool
  console.log(`Recording ${url} -> ${values.to} in ${values.out}`);
}
