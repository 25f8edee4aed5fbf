#!/usr/bin/env bash
# Checks that signalbox answers at every port where it listens, however these were configured: all
# listening ports of this user belong to it. bash speaks TCP itself, because the image holds no HTTP
# client. At a port with TLS it is enough that TLS answers.
set -euo pipefail

# Address and port of each socket of this user that listens (state 0A), in hexadecimal digits.
sockets() {
  awk -v user="$(id -u)" '$4 == "0A" && $8 == user { sub(":", " ", $2); print $2 }' /proc/net/tcp*
}

# The digits as an address: each four bytes come last byte first.
host() {
  if [[ $1 =~ ^0+$ ]]; then
    echo 127.0.0.1 # It listens at all addresses.
  elif [[ ${#1} -eq 8 ]]; then
    printf '%d.%d.%d.%d' "0x${1:6:2}" "0x${1:4:2}" "0x${1:2:2}" "0x${1:0:2}"
  else
    sed -E 's/(..)(..)(..)(..)/\4\3:\2\1:/g; s/:$//' <<<"$1"
  fi
}

# The first line says 200; or, where it takes our request for broken TLS, the answer is an alert.
answers() {
  exec 3<>"/dev/tcp/$1/$2"
  # In one piece, unlike printf: TLS hangs up after the first.
  cat >&3 <<<$'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r'
  head -n 1 <&3 | LC_ALL=C grep -qaP '^HTTP/1\.1 200 |^\x15\x03'
}

listening=$(sockets)
[[ -n $listening ]]
while read -r address port; do
  answers "$(host "$address")" $((0x$port))
done <<<"$listening"
