#!/usr/bin/env bash
# y-webrtc 10.3.0 and `maxConns`, which its documentation calls a maximum of connections: a peer with
# `maxConns: 1` that enters a room of four holds four connections, and keeps them. The number decides
# only whether a peer announces itself and whether it calls another that did. It refuses no offer, and
# a newcomer's announcement brings one from every member. So the limit of a weak device is the limit
# that the others have set.
#
# Seen: the newcomer with maxConns 1 has 4 connections
set -euo pipefail
work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --ignore-scripts y-webrtc@10.3.0 yjs@13.6.20 ws@8.18.3 @roamhq/wrtc@0.9.0 \
  >/dev/null 2>&1

cat >peer.js <<'JS'
import wrtc from "@roamhq/wrtc";
import { WebrtcProvider } from "y-webrtc";
import { WebSocket } from "ws";
import * as Y from "yjs";
globalThis.WebSocket = WebSocket;
const [url, maxConns] = process.argv.slice(2);
const provider = new WebrtcProvider("room", new Y.Doc(), {
  signaling: [url],
  maxConns: Number(maxConns),
  peerOpts: { wrtc, config: { iceServers: [] } },
});
let last;
setInterval(() => {
  if (!provider.room || !provider.signalingConns.every(({ connected }) => connected)) return;
  const open = [...provider.room.webrtcConns.values()].filter(({ connected }) => connected).length;
  if (open !== last) console.log(last = open);
}, 100);
JS

# The signalling server that the package brings along.
port=18196
PORT=$port node node_modules/y-webrtc/bin/server.js >/dev/null &
started+=("$!")
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done

for name in a b c d; do
  node peer.js "ws://127.0.0.1:$port" 20 >"$name" 2>/dev/null &
  started+=("$!")
done
# A member prints its first count once it has subscribed.
for name in a b c d; do
  until [[ -s $name ]]; do sleep 0.2; done
done
node peer.js "ws://127.0.0.1:$port" 1 >newcomer 2>/dev/null &
started+=("$!")
for _ in $(seq 200); do
  if [[ -s newcomer && $(tail -n 1 newcomer) == 4 ]]; then break; fi
  sleep 0.2
done
# The connections are there to stay.
sleep 3
seen=$(tail -n 1 newcomer)
echo "the newcomer with maxConns 1 has $seen connections"
[[ $seen == 4 ]]
