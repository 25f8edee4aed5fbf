#!/usr/bin/env bash
# npm `websocket` 1.0.25 (its client is in many older robots and tools) under today's Node and Deno:
# `sendUTF` throws a RangeError for about every second message, by chance. The mask of a frame is a
# signed number there, and since Node 10 a Buffer takes no negative one as unsigned. Connecting and
# receiving work, so it looks as if the server lost messages. 1.0.35 sends all.
#
# Seen: 1.0.25 sent 40 to 60 of 100 under both, 1.0.35 sent 100 of 100
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# How many of 100 messages a client can send, under one runtime.
sent() {
  local version=$1
  shift
  rm -rf "v$version"
  mkdir "v$version"
  cd "v$version"
  echo '{ "private": true, "type": "module" }' >package.json
  npm install --silent --ignore-scripts "websocket@$version" >/dev/null 2>&1
  cat >count.js <<'JS'
import http from "node:http";
import process from "node:process";
import websocket from "websocket";

const httpServer = http.createServer();
new websocket.server({ httpServer, autoAcceptConnections: true });
httpServer.listen(0, "127.0.0.1", () => {
  const client = new websocket.client();
  client.on("connect", (connection) => {
    let sent = 0;
    const errors = new Set();
    for (let nth = 0; nth < 100; nth++) {
      try {
        connection.sendUTF("hello");
        sent++;
      } catch (error) {
        errors.add(error.name);
      }
    }
    console.log(sent, ...errors);
    process.exit(0);
  });
  client.connect(`ws://127.0.0.1:${httpServer.address().port}/`);
});
JS
  "$@" count.js 2>/dev/null
  cd ..
}

failed=0
for runtime in "node" "npx -y deno@2.9.6 run -A"; do
  # shellcheck disable=SC2086  # The command has arguments.
  old=$(sent 1.0.25 $runtime)
  # shellcheck disable=SC2086
  new=$(sent 1.0.35 $runtime)
  echo "${runtime%% *}  1.0.25: $old  1.0.35: $new"
  [[ $old =~ ^([0-9]+)\ RangeError$ && ${BASH_REMATCH[1]} -gt 20 && ${BASH_REMATCH[1]} -lt 80 && $new == 100 ]] || failed=1
done
exit "$failed"
