#!/usr/bin/env bash
# A server refuses a WebSocket handshake with 401, and a client of Deno (2.9.6, 2.6.8) reports it:
# - Over `ws://` the error names the status, and the client dials once.
# - Over `wss://` the client dials again by itself, now for HTTP/2 only. A server that serves HTTP/1.1
#   alone ends that second TLS handshake, and its alert is the error that the program sees. The status
#   is lost, so a wrong token looks like a broken TLS setup. Each refusal costs two connections.
#
# Seen: ws  1 dialled, 401       wss  2 dialled, NoApplicationProtocol
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -keyout key.pem -out cert.pem 2>/dev/null

# The server counts the connections until they are asked for.
cat >server.mjs <<'JS'
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
const tls = { key: readFileSync("key.pem"), cert: readFileSync("cert.pem") };
const server = process.argv[2] === "wss" ? https.createServer(tls) : http.createServer();
let dialled = 0;
let refused = 0;
server.on("connection", () => dialled++);
server.on("upgrade", (_request, socket) => {
  refused++;
  socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.on("SIGTERM", () => {
  console.log(`${dialled} dialled, ${refused} refused`);
  process.exit();
});
JS
cat >client.mjs <<'JS'
const socket = new WebSocket(Deno.args[0]);
socket.onerror = ({ message }) => {
  console.log(message);
  Deno.exit();
};
JS

failed=0
for version in 2.9.6 2.6.8; do
  for expected in "ws|1 dialled, 1 refused|401" "wss|2 dialled, 1 refused|NoApplicationProtocol"; do
    IFS="|" read -r scheme count word <<<"$expected"
    node server.mjs "$scheme" >server.log &
    server=$!
    until [[ -s server.log ]]; do sleep 0.1; done
    url="$scheme://localhost:$(<server.log)/"
    error=$(npx -y "deno@$version" run -A --unsafely-ignore-certificate-errors=localhost client.mjs "$url" 2>/dev/null)
    kill "$server"
    wait "$server"
    seen=$(tail -n 1 server.log)
    echo "deno $version  $scheme: $seen, error: $error"
    [[ $seen == "$count" && $error == *"$word"* ]] || failed=1
    # The status is named over plain TCP only.
    [[ $scheme == ws || $error != *401* ]] || failed=1
    rm server.log
  done
done
exit "$failed"
