#!/usr/bin/env bash
# Deno 2.9.6 with --allow-read, which grants every path: `Deno.permissions.query` says "granted" for
# /proc/self/fd, and `Deno.readDirSync` of it is refused as not capable. Deno 2.6.8 lists it. So a
# program that counts its open descriptors, as Prometheus clients do, can no longer do so after an update,
# and cannot find out by asking.
#
# Seen: 2.6.8 granted, listed      2.9.6 granted, NotCapable
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >look.ts <<'TS'
const { state } = Deno.permissions.querySync({ name: "read", path: "/proc/self/fd" });
let listed = "listed";
try {
  [...Deno.readDirSync("/proc/self/fd")];
} catch (error) {
  listed = (error as Error).name;
}
console.log(`${state}, ${listed}`);
TS
older=$(npx -y deno@2.6.8 run --allow-read look.ts)
newer=$(npx -y deno@2.9.6 run --allow-read look.ts)
echo "2.6.8: $older"
echo "2.9.6: $newer"
[[ $older == "granted, listed" && $newer == "granted, NotCapable" ]]
