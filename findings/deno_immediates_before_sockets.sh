#!/usr/bin/env bash
# Deno 2.9.6 (and 2.6.8): work that is divided into slices, with `setImmediate` between them so that
# sockets have their turn. A client that writes every 5 ms is read once in about 60 slices, in
# batches: the event loop runs many immediates before it looks at sockets. Node 20 looks at them
# between any two immediates. With `setTimeout(0)` between the slices Deno reads the client each time.
#
# Seen: in 400 slices of 0.5 ms the client, which writes some 40 times meanwhile, was read at so many
# moments:
# 2.9.6 setImmediate 6     2.6.8 setImmediate 6     (Node 20.20.2: 43)
# With setTimeout, which lets the work take longer: 197, 103 (123).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >slices.mjs <<'JS'
import { createConnection, createServer } from "node:net";
import process from "node:process";
import { setImmediate, setTimeout } from "node:timers";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { fileURLToPath } from "node:url";

const pauses = {
  setImmediate: () => new Promise((resolve) => setImmediate(resolve)),
  setTimeout: () => new Promise((resolve) => setTimeout(resolve, 0)),
};

async function work(pause, reads) {
  reads.moments.clear();
  for (reads.slice = 0; reads.slice < 400; reads.slice++) {
    await pause();
    const end = performance.now() + 0.5;
    while (performance.now() < end);
  }
  return reads.moments.size;
}

if (isMainThread) {
  const reads = { slice: 0, moments: new Set() };
  const server = createServer((socket) => {
    socket.on("data", () => reads.moments.add(reads.slice));
    socket.once("data", async () => {
      for (const [name, pause] of Object.entries(pauses)) console.log(name, await work(pause, reads));
      process.exit();
    });
  });
  server.listen(0, "127.0.0.1", () => {
    new Worker(fileURLToPath(import.meta.url), { workerData: server.address().port });
  });
} else {
  const socket = createConnection(workerData, "127.0.0.1");
  socket.on("connect", () => setInterval(() => socket.write("x"), 5));
}
JS
for version in 2.9.6 2.6.8; do
  seen=$(npx -y "deno@$version" run -A slices.mjs)
  echo "$version: ${seen//$'\n'/, }"
  immediate=$(awk '$1 == "setImmediate" { print $2 }' <<<"$seen")
  timeout=$(awk '$1 == "setTimeout" { print $2 }' <<<"$seen")
  ((immediate > 0 && 3 * immediate < timeout))
done
