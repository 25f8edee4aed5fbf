#!/usr/bin/env bash
# Redis 7.0.15 and a user whose ACL lacks a command:
# - Sent directly, the error is NOPERM and names the command.
# - Called inside a script, the error is a plain ERR that names no command and has no NOPERM, so a
#   client that looks for NOPERM, or tells its operator what to allow, fails at scripts.
#
# Seen: direct NOPERM naming hset        script ERR naming nothing
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

for package in redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 liblzf1 \
  libjemalloc2 libatomic1; do
  apt-get download -qq "$package" >/dev/null 2>&1
done
for file in *.deb; do dpkg -x "$file" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu"
server_program=$(find root/usr/bin -name 'redis-check-rdb')
cp "$server_program" redis-server

cat >redis.conf <<CONF
port 0
unixsocket $work/socket
dir $work
save ""
user limited on nopass ~* &* -@all +ping +eval
CONF
./redis-server redis.conf >redis.log &
server=$!
ask() { root/usr/bin/redis-cli -s "$work/socket" --user limited --pass x --no-auth-warning "$@" 2>&1; }
for _ in $(seq 100); do
  if [[ $(ask ping) == PONG ]]; then break; fi
  sleep 0.1
done

direct=$(ask hset key field value)
script=$(ask eval "return redis.call('hset', KEYS[1], 'field', 'value')" 1 key)
echo "direct: $direct"
echo "script: $script"
[[ $direct == *NOPERM*hset* && $script == *ERR* && $script != *NOPERM* && $script != *hset* ]]
