#!/usr/bin/env bash
# Deno 2.9.6 (2.6.8 too), `socket.close(4000, "enough")` on a WebSocket of `Deno.serve`:
# - If the client has sent nothing more, its next bytes are the closing frame with 4000.
# - If one more message is on its way already, TCP ends without any closing frame, each time. A
#   browser reports 1006 and no reason, so a refusal by code never reaches a client that is busy.
# `ws` 8.18.0 on Node sends the closing frame in both cases.
#
# Seen: deno  alone: 4000  one more message: end without a frame
#       ws    alone: 4000  one more message: 4000
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --ignore-scripts ws@8.18.0 >/dev/null 2>&1

# Both servers close at the first message.
cat >deno_server.ts <<'TS'
Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(port) }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = () => socket.close(4000, "enough");
  return response;
});
TS
cat >ws_server.js <<'JS'
import { WebSocketServer } from "ws";
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () => console.log(server.address().port));
server.on("connection", (socket) => socket.on("message", () => socket.close(4000, "enough")));
JS

# A client on plain TCP sends so many messages in one write and prints what comes back.
cat >client.js <<'JS'
import net from "node:net";
import { randomBytes } from "node:crypto";
const [port, messages] = process.argv.slice(2).map(Number);
const text = Buffer.from([0x81, 0x85, 0, 0, 0, 0, ...Buffer.from("hello")]);
let isOpen = false;
const socket = net.connect(port, "127.0.0.1", () => {
  const key = randomBytes(16).toString("base64");
  const lines = ["GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write([...lines, "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${key}`, "", ""].join("\r\n"));
});
socket.on("data", (bytes) => {
  if (isOpen) {
    console.log(bytes[0] === 0x88 ? bytes.readUInt16BE(2) : "something else");
    return socket.destroy();
  }
  isOpen = true;
  socket.write(Buffer.concat(Array(messages).fill(text)));
});
socket.on("end", () => console.log("end without a frame"));
socket.on("error", (error) => console.log(error.code));
JS

# The answers of ten connections, each kind once.
seen() {
  for _ in $(seq 10); do node client.js "$port" "$1"; done | sort -u | paste -sd, -
}

failed=0
for kind in deno ws; do
  if [[ $kind == deno ]]; then
    deno=$(npx -y deno@2.9.6 eval "console.log(Deno.execPath())")
    "$deno" run -A deno_server.ts >port &
  else
    node ws_server.js >port &
  fi
  server=$!
  until [[ -s port ]]; do sleep 0.1; done
  port=$(<port)
  alone=$(seen 1)
  busy=$(seen 2)
  kill "$server"
  rm port
  echo "$kind  alone: $alone  one more message: $busy"
  [[ $alone == 4000 ]] || failed=1
  if [[ $kind == deno ]]; then expected="end without a frame"; else expected=4000; fi
  [[ $busy == "$expected" ]] || failed=1
done
exit "$failed"
