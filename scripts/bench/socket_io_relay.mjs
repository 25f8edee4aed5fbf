// The yardstick for OWT: what it takes of a relay on the `socket.io` package, for Node. It runs in a
// folder in which npm has installed that, and does no more than signalbox is asked for.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";

const { Server } = createRequire(`${process.cwd()}/`)("socket.io");
const http = createServer();
const sockets = new Map();

new Server(http, { serveClient: false }).on("connection", (socket) => {
  let id;
  socket.on("authentication", ({ token }, acknowledge) => {
    id = token;
    sockets.set(id, socket);
    socket.emit("server-authenticated", { uid: id });
    acknowledge({ uid: id });
  });
  socket.on("owt-message", (message, acknowledge) => {
    const target = sockets.get(message.to);
    if (target === undefined) return acknowledge(2201);
    message.from = id;
    delete message.to;
    target.emit("owt-message", message);
    acknowledge();
  });
  socket.on("disconnect", () => sockets.delete(id));
});

http.listen(0, "127.0.0.1", () => {
  process.stdout.write(`Listening on http://127.0.0.1:${http.address().port}\n`);
});
