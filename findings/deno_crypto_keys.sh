#!/usr/bin/env bash
# Private keys that are in order, and Deno's node:crypto:
# - 2.9.6: an encrypted PEM key without a passphrase fails as "interrupted or cancelled", an error
#   that names neither the key nor a passphrase (Node asks for the passphrase).
# - 2.6.8: `createPrivateKey` refuses a P-521 key, with which `Deno.listenTls` of the same version
#   serves TLS. So a check of a key by node:crypto refuses what would work.
#
# Seen: 2.9.6 encrypted: interrupted or cancelled   2.6.8 p521: refused by crypto, served by TLS
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
openssl version
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp521r1 -nodes -days 2 -sha512 \
  -subj /CN=localhost -keyout p521.pem -out p521.crt 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout |
  openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret -out encrypted.pem

cat >check.mjs <<'JS'
import { createPrivateKey } from "node:crypto";
const [name] = Deno.args;
try {
  createPrivateKey(Deno.readTextFileSync(`${name}.pem`));
  console.log("read");
} catch (error) {
  console.log(error.message.split("\n")[0].toLowerCase());
}
JS
cat >serve.mjs <<'JS'
const [cert, key] = ["p521.crt", "p521.pem"].map((file) => Deno.readTextFileSync(file));
const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
const served = listener.accept().then((conn) => conn.handshake());
const client = await Deno.connectTls({
  hostname: "localhost",
  port: listener.addr.port,
  caCerts: [cert],
}).catch(() => undefined);
try {
  await served;
  console.log("served");
} catch (error) {
  console.log(`not served: ${error.message}`);
}
client?.close();
Deno.exit(0);
JS

encrypted=$(npx -y deno@2.9.6 run -A check.mjs encrypted </dev/null)
crypto=$(npx -y deno@2.6.8 run -A check.mjs p521)
tls=$(npx -y deno@2.6.8 run -A --unsafely-ignore-certificate-errors=localhost serve.mjs 2>/dev/null)
echo "deno 2.9.6 encrypted: $encrypted"
echo "deno 2.6.8 p521 by node:crypto: $crypto"
echo "deno 2.6.8 p521 by TLS: $tls"
[[ $encrypted == *"interrupted or cancelled"* && $crypto != read && $tls == served ]]
