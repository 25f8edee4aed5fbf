import v1_4 from "npm:socket.io-client@1.4.5/socket.io.js" with { type: "text" };
import v1_7 from "npm:socket.io-client@1.7.4/dist/socket.io.js" with { type: "text" };
import v2_2 from "npm:socket.io-client@2.2.0/dist/socket.io.js" with { type: "text" };
import v2_5 from "npm:socket.io-client@2.5.0/dist/socket.io.js" with { type: "text" };
import v3_1 from "npm:socket.io-client@3.1.2/dist/socket.io.js" with { type: "text" };
import v4_8 from "npm:socket.io-client@4.8.4/dist/socket.io.js" with { type: "text" };
import { type PageServer, startPageServer } from "./page_server.ts";
import script from "./socket_io_page.js" with { type: "text" };

/** The versions of socket.io-client that the tests run, as their packages have them for browsers. */
export const SOCKET_IO_CLIENTS: Readonly<Record<string, string>> = {
  "1.4.5": v1_4,
  "1.7.4": v1_7,
  "2.2.0": v2_2,
  "2.5.0": v2_5,
  "3.1.2": v3_1,
  "4.8.4": v4_8,
};

const HTML = `<!doctype html>
<meta charset="utf-8">
<title>Socket.IO</title>
<script src="/socket.io.js"></script>
<script type="module" src="/socket_io_page.js"></script>
<body></body>`;

/** Serves a page with one version of the client and the functions of socket_io_page.js. */
export function startSocketIoSite(version: string): Promise<PageServer> {
  return startPageServer({
    "/": HTML,
    "/socket.io.js": SOCKET_IO_CLIENTS[version] ?? "",
    "/socket_io_page.js": script,
  });
}
