#!/usr/bin/env bash
# `Cache-Control: no-transform` asks a proxy to leave a body as it is. Debian 12's proxies treat an
# event stream with it, and with their usual line for compression on, in two ways:
# - nginx 1.22.1 and Caddy 2.6.2 compress it all the same. Both leave alone what names a
#   `Content-Encoding`, `identity` included.
# - HAProxy 2.6.12 obeys either of the two.
# So an origin that wants no compression sends `Content-Encoding: identity`, too.
#
# Seen: no-transform: nginx gzip, caddy gzip, haproxy plain     identity: plain behind all three
set -euo pipefail
work=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

for package in nginx=1.22.1-9+deb12u11 caddy=2.6.2-5 haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 \
  libopentracing1 libopentracing-c-wrapper0; do
  apt-get download -qq "$package" >/dev/null 2>&1
done
for file in *.deb; do dpkg -x "$file" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu"
export XDG_DATA_HOME="$work/data" XDG_CONFIG_HOME="$work/config"

# The origin: one event of two kilobytes, marked as the path says.
cat >origin.mjs <<'JS'
import http from "node:http";
const marks = {
  "/none": {},
  "/no-transform": { "cache-control": "no-transform" },
  "/identity": { "content-encoding": "identity" },
};
http.createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", ...marks[request.url] });
  response.end(`data: ${"0123456789".repeat(200)}\n\n`);
}).listen(18190, "127.0.0.1");
JS
node origin.mjs &
started+=("$!")

cat >nginx.conf <<CONF
daemon off; master_process off; pid nginx.pid; error_log nginx.log;
events {}
http {
  access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
  uwsgi_temp_path t4; scgi_temp_path t5;
  gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_http_version 1.0;
  server { listen 127.0.0.1:18191; location / { proxy_pass http://127.0.0.1:18190; } }
}
CONF
root/usr/sbin/nginx -p "$work" -c nginx.conf 2>/dev/null &
started+=("$!")

cat >Caddyfile <<'CONF'
{
	admin off
	auto_https off
}
http://127.0.0.1:18192 {
	encode {
		gzip
		match header Content-Type text/event-stream*
	}
	reverse_proxy 127.0.0.1:18190
}
CONF
root/usr/bin/caddy run --config Caddyfile --adapter caddyfile 2>caddy.log &
started+=("$!")

cat >haproxy.cfg <<'CONF'
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:18193
  filter compression
  compression algo gzip
  compression type text/event-stream
  server origin 127.0.0.1:18190
CONF
root/usr/sbin/haproxy -f haproxy.cfg -db 2>haproxy.log &
started+=("$!")

# How a body arrives through a proxy: gzip or plain.
arrives() {
  local encoding
  encoding=$(curl -sf -o /dev/null -D - -H "Accept-Encoding: gzip" "http://127.0.0.1:$1/$2" | tr -d '\r' |
    sed -n 's/^content-encoding: //Ip')
  [[ $encoding == gzip ]] && echo gzip || echo plain
}

for port in 18190 18191 18192 18193; do
  curl -sf -o /dev/null --retry 20 --retry-all-errors --retry-delay 1 "http://127.0.0.1:$port/none"
done
failed=0
for expected in "nginx 18191 gzip gzip plain" "caddy 18192 gzip gzip plain" "haproxy 18193 gzip plain plain"; do
  read -r name port none no_transform identity <<<"$expected"
  seen="$(arrives "$port" none) $(arrives "$port" no-transform) $(arrives "$port" identity)"
  echo "$name  unmarked, no-transform, identity: $seen"
  [[ $seen == "$none $no_transform $identity" ]] || failed=1
done
exit "$failed"
