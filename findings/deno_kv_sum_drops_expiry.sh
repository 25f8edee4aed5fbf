#!/usr/bin/env bash
# Deno KV (2.9.6 and 2.6.8, local store): two counters are set with `expireIn`, and one of them is
# counted up by `atomic().sum()`. The sweep that deletes the other leaves that one alone: `sum`, and
# `max` and `min` too, take the expiry off the entry, and have no `expireIn` of their own to renew it.
# Redis keeps the expiry at INCR. So a counter for a time window that is written in Redis' manner
# never ends its window here, although each step of it succeeds.
#
# Seen, after the sweep (it comes once a minute): untouched: gone   sum: 2   max: 5   min: 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >count.ts <<'TS'
const kv = await Deno.openKv(":memory:");
const names = ["untouched", "sum", "max", "min"];
for (const name of names) await kv.set([name], new Deno.KvU64(1n), { expireIn: 1000 });
await kv.atomic().sum(["sum"], 1n).max(["max"], 5n).min(["min"], 3n).commit();

const end = Date.now() + 150_000;
while ((await kv.get(["untouched"])).value !== null && Date.now() < end) await pause(500);
await pause(2000);
const seen: string[] = [];
for (const name of names) seen.push(`${name}: ${(await kv.get([name])).value ?? "gone"}`);
console.log(seen.join("   "));
kv.close();

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
TS

# Both wait for a sweep at the same time.
versions=(2.9.6 2.6.8)
waited=()
for version in "${versions[@]}"; do
  npx -y "deno@$version" run -A --unstable-kv count.ts >"$version.log" &
  waited+=("$!")
done
for process in "${waited[@]}"; do wait "$process"; done
failed=0
for version in "${versions[@]}"; do
  echo "deno $version  $(<"$version.log")"
  [[ $(<"$version.log") == "untouched: gone   sum: 2   max: 5   min: 1" ]] || failed=1
done
exit "$failed"
