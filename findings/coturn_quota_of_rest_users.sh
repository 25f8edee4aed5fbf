#!/usr/bin/env bash
# coturn 4.6.1 with `use-auth-secret` and `user-quota=1`. Every credential for a limited time is a
# TURN username of its own, "expiry:user", and coturn takes the quota from:
# - the part behind the colon. Two credentials of alice that share nothing but her name share one
#   quota, and the second allocation is refused with 486. So a page that fetches a fresh credential
#   for each connection does not get a fresh quota with it.
# - the expiry, if the name is nothing else, as the scheme allows. Two such credentials count apart.
#
# Seen: 1:alice allocated, 2:alice 486, 2:bob allocated, 1 allocated, 2 allocated
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

apt-get download -qq coturn=4.6.1-1 libevent-core-2.1-7 libevent-extra-2.1-7 libevent-openssl-2.1-7 \
  libevent-pthreads-2.1-7 libhiredis0.14 libmariadb3 libpq5 libsqlite3-0 libldap-2.5-0 libsasl2-2 \
  libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1 >/dev/null 2>&1
for file in *.deb; do dpkg -x "$file" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu"
port=18197
cat >turn.conf <<CONF
listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port=$port
realm=example.org
use-auth-secret
static-auth-secret=secret
user-quota=1
no-cli
no-tls
no-dtls
log-file=stdout
pidfile=$work/turn.pid
userdb=$work/turn.db
CONF
root/usr/bin/turnserver -c turn.conf >turn.log 2>&1 &
server=$!

# Allocates once for each credential and keeps all allocations.
cat >allocate.mjs <<'JS'
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
const ALLOCATE = 0x0003, ALLOCATED = 0x0103;
const USERNAME = 0x06, INTEGRITY = 0x08, ERROR = 0x09, REALM = 0x14, NONCE = 0x15, TRANSPORT = 0x19;
const port = Number(process.argv[2]);

function attribute(type, value) {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes, Buffer.alloc(-bytes.length & 3)]);
}

function request(attributes, key) {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(ALLOCATE, 0);
  head.writeUInt32BE(0x2112a442, 4);
  randomBytes(12).copy(head, 8);
  const body = Buffer.concat(attributes);
  // The sum covers a length that counts the sum already.
  head.writeUInt16BE(body.length + (key ? 24 : 0), 2);
  if (!key) return Buffer.concat([head, body]);
  const sum = createHmac("sha1", key).update(head).update(body).digest();
  return Buffer.concat([head, body, attribute(INTEGRITY, sum)]);
}

function find(answer, type) {
  for (let at = 20; at < answer.length; at += 4 + ((answer.readUInt16BE(at + 2) + 3) & ~3)) {
    if (answer.readUInt16BE(at) === type) return answer.subarray(at + 4, at + 4 + answer.readUInt16BE(at + 2));
  }
}

async function ask(socket, message) {
  for (;;) {
    socket.send(message, port, "127.0.0.1");
    const answer = await new Promise((resolve) => {
      socket.on("message", (bytes) => {
        if (bytes.subarray(8, 20).equals(message.subarray(8, 20))) resolve(bytes);
      });
      setTimeout(resolve, 500);
    });
    socket.removeAllListeners("message");
    // The server may not listen yet.
    if (answer) return answer;
  }
}

async function allocate(username) {
  const socket = createSocket("udp4");
  const transport = attribute(TRANSPORT, [17, 0, 0, 0]);
  const nonce = find(await ask(socket, request([transport])), NONCE);
  const password = createHmac("sha1", "secret").update(username).digest("base64");
  const key = createHash("md5").update(`${username}:example.org:${password}`).digest();
  const names = [attribute(USERNAME, username), attribute(REALM, "example.org"), attribute(NONCE, nonce)];
  const answer = await ask(socket, request([transport, ...names], key));
  if (answer.readUInt16BE(0) === ALLOCATED) return "allocated";
  const error = find(answer, ERROR);
  return String(error[2] * 100 + error[3]);
}

const expiry = (nth) => Math.floor(Date.now() / 1000) + 600 + nth;
const names = ["1:alice", "2:alice", "2:bob", "1", "2"];
const seen = [];
for (const name of names) {
  const [nth, ...user] = name.split(":");
  seen.push(`${name} ${await allocate([expiry(60 * Number(nth)), ...user].join(":"))}`);
}
console.log(seen.join(", "));
process.exit();
JS
seen=$(timeout 60 node allocate.mjs "$port")
echo "$seen"
[[ $seen == "1:alice allocated, 2:alice 486, 2:bob allocated, 1 allocated, 2 allocated" ]]
