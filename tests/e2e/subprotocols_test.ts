import { assertEquals } from "@std/assert";
import websocket_1_0_25 from "npm:websocket@1.0.25";
import websocket_1_0_35 from "npm:websocket@1.0.35";
import Ws from "npm:ws@8.18.3";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { startPageServer } from "../helpers/browser/page_server.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { RawSocket, requestText } from "../helpers/wire/raw_socket.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { within } from "../helpers/wire/waiting.ts";

// A client that offers subprotocols which no dialect knows. The servers that stand on the npm library
// `ws` select the first one; clients give up where none is selected, as with the reference servers
// that ignore them (protocols/peerjs.md, gstreamer.md and ssp.md, section 1 of each).

/** The part of a WebSocket that all libraries have. */
interface Socket {
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  close(): void;
}

type Library = new (url: string, protocols: string | string[]) => Socket;

// Each package's own types say more than is used here.
const LIBRARIES = {
  "ws": Ws,
  "websocket 1.0.25": websocket_1_0_25.w3cwebsocket,
  "websocket 1.0.35": websocket_1_0_35.w3cwebsocket,
} as unknown as Record<string, Library>;

const SELECTING = [
  "/peerjs?key=peerjs&id=a&token=t",
  "/simple",
  "/topics",
  "/socket.io/?EIO=4&transport=websocket",
];
const IGNORING = ["/", "/gst", "/ssp", "/ssp/v1", "/ssp/auto", "/webrtcsink"];

/** The selected subprotocol, or "failed". */
async function selected(library: Library, url: string, offered: string[]): Promise<string> {
  const socket = new library(url, offered);
  const opened = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  socket.onopen = () => opened.resolve(socket.protocol);
  socket.onerror = () => opened.resolve("failed");
  socket.onclose = () => closed.resolve();
  const outcome = await within("the handshake", opened.promise);
  if (outcome !== "failed") {
    socket.close();
    await within("the socket to close", closed.promise);
  }
  return outcome;
}

for (const [name, library] of Object.entries(LIBRARIES)) {
  Deno.test(`${name}: the first of unknown subprotocols is selected where reference servers do so`, async () => {
    await using server = startTestServer();
    using _random = lowRandom();
    for (const path of SELECTING) {
      assertEquals(
        await selected(library, `${server.wsUrl}${path}`, ["anything", "b"]),
        "anything",
      );
    }
    for (const path of IGNORING) {
      assertEquals(await selected(library, `${server.wsUrl}${path}`, ["anything"]), "failed", path);
    }
    assertEquals(await selected(library, `${server.wsUrl}/ssp`, ["anything", "ssp"]), "ssp");
    assertEquals(await selected(library, `${server.wsUrl}/simple`, ["x", "simple"]), "simple");
  });
}

Deno.test("a subprotocol beyond ASCII is answered 400, not by other bytes", async () => {
  await using server = startTestServer();
  for (const path of [...SELECTING, ...IGNORING]) {
    // Written in UTF-8.
    const headers = { "Sec-WebSocket-Protocol": "m\u00fcnchen" };
    using socket = await RawSocket.connect(server.url);
    await socket.write(requestText(`GET ${path} HTTP/1.1`, headers));
    assertEquals((await socket.head()).status, 400, path);
  }
});

clientTest({
  name: "Chromium: a page opens a WebSocket with any subprotocol where reference servers allow it",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer();
    await using site = await startPageServer({ "/": "<!doctype html><title>page</title>" });
    await using browser = await launchBrowser();
    const page = await browser.newPage(site.url);
    const ask = (path: string, offered: readonly string[] = ["anything"]): Promise<unknown> =>
      page.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket(...${JSON.stringify([server.wsUrl + path, offered])});
        socket.onopen = () => { resolve(socket.protocol); socket.close(); };
        socket.onerror = () => resolve("failed");
      })`);
    for (const path of SELECTING) assertEquals(await ask(path), "anything", path);
    for (const path of IGNORING) assertEquals(await ask(path), "failed", path);
    for (const path of [...SELECTING, ...IGNORING]) {
      // A token is never selected, and a page has to offer something beside it.
      assertEquals(await ask(path, ["bearer.a-token"]), "failed", path);
      assertEquals(await ask(path, ["signalbox", "bearer.a-token"]), "signalbox", path);
    }
  },
});

/** Today's runtimes can write only the lower half of the masks that websocket 1.0.25 draws. */
function lowRandom(): Disposable {
  const { random } = Math;
  Math.random = () => 0.25;
  return { [Symbol.dispose]: () => void (Math.random = random) };
}
