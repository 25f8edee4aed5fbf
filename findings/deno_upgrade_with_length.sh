#!/usr/bin/env bash
# A WebSocket handshake that carries `Content-Length: 0`, as clients of some HTTP libraries send it
# with every request, is valid: a GET may have a body, and this one is empty.
# - Deno 2.6.8: `Deno.serve` hands it to the handler, and `Deno.upgradeWebSocket` answers 101.
# - Deno 2.9.6: the runtime answers 400 by itself. No handler sees the request, no log knows of it.
# So an upgrade of the runtime shuts such clients out.
#
# Seen: 2.6.8 plain 101, with length 101        2.9.6 plain 101, with length 400
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >handshake.mjs <<'JS'
let handled = 0;
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
  handled++;
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => socket.close(1000);
  return response;
});
const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
const head = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: c2lnbmFsbGluZy10ZXN0IQ==",
  ...Deno.args,
];
await conn.write(new TextEncoder().encode(head.join("\r\n") + "\r\n\r\n"));
const buffer = new Uint8Array(4096);
const count = await conn.read(buffer) ?? 0;
const status = new TextDecoder().decode(buffer.subarray(0, count)).split(" ")[1];
console.log(`${status} handled ${handled}`);
Deno.exit(0);
JS

failed=0
for expected in "2.6.8|101 handled 1|101 handled 1" "2.9.6|101 handled 1|400 handled 0"; do
  version=${expected%%|*}
  plain=$(npx -y "deno@$version" run -A handshake.mjs)
  length=$(npx -y "deno@$version" run -A handshake.mjs "Content-Length: 0")
  echo "deno $version  plain: $plain  with length: $length"
  [[ "$version|$plain|$length" == "$expected" ]] || failed=1
done
exit "$failed"
