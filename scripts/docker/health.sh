#!/usr/bin/env bash
# Whether signalbox answers at 8080; bash speaks TCP itself, the image holds no HTTP client. A server
# that listens elsewhere, or over TLS, needs a check of its own.
set -euo pipefail
exec 3<>/dev/tcp/127.0.0.1/"${PORT:-8080}"
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
head -n 1 <&3 | grep -q ' 200 '
