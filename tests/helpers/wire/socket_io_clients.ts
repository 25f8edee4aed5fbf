import v1_4 from "npm:socket.io-client@1.4.5/socket.io.js" with { type: "text" };
import v1_7 from "npm:socket.io-client@1.7.4/dist/socket.io.js" with { type: "text" };
import v2_2 from "npm:socket.io-client@2.2.0/dist/socket.io.js" with { type: "text" };
import v2_5 from "npm:socket.io-client@2.5.0/dist/socket.io.js" with { type: "text" };
import v3_1 from "npm:socket.io-client@3.1.2/dist/socket.io.js" with { type: "text" };
import v4_8 from "npm:socket.io-client@4.8.4/dist/socket.io.js" with { type: "text" };
import { type PageServer, startPageServer } from "../browser/page_server.ts";
import script from "../browser/owt_page.js" with { type: "text" };

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
<title>OWT</title>
<script src="/tested.js"></script>
<script>const clients = { tested: io };</script>
<script src="/other.js"></script>
<script>clients.other = io;</script>
<script src="/owt_page.js"></script>
<body></body>`;

/** Serves a page with two versions of the client and the functions of owt_page.js. */
export function startOwtSite(tested: string, other: string): Promise<PageServer> {
  return startPageServer({
    "/": HTML,
    "/tested.js": SOCKET_IO_CLIENTS[tested] ?? "",
    "/other.js": SOCKET_IO_CLIENTS[other] ?? "",
    "/owt_page.js": script,
  });
}
