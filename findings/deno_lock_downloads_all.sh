#!/usr/bin/env bash
# Deno 2.9.6 and 2.6.8: `deno run` of a program that imports ONE npm package downloads EVERY package
# of deno.lock, those of tests and tools included. One expects it to fetch what the program imports,
# as it does for remote modules. `"unstable": ["npm-lazy-caching"]` fetches only what is imported.
#
# Seen: eager: is-number ms        lazy: ms
set -euo pipefail
export DENO_TLS_CA_STORE=system
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# The packages that a first `deno run` of a program with an import of `ms` brings onto the disk.
packages_after_run() {
  local deno=$1 unstable=$2
  rm -rf project cache
  mkdir project
  echo 'import ms from "npm:ms@2.1.3"; console.log(ms(60000));' >project/main.ts
  echo 'import isNumber from "npm:is-number@7.0.0"; console.log(isNumber(1));' >project/tool.ts
  echo "{ \"unstable\": [$unstable] }" >project/deno.json
  # The lock file of a project knows what its tools need, too.
  (cd project && DENO_DIR="$work/first" $deno cache --quiet main.ts tool.ts)
  (cd project && DENO_DIR="$work/cache" $deno run --quiet main.ts >/dev/null)
  find cache/npm -mindepth 2 -maxdepth 2 -type d -printf '%f\n' | sort | xargs
}

failed=0
for version in 2.9.6 2.6.8; do
  deno="npx -y deno@$version"
  eager=$(packages_after_run "$deno" '')
  lazy=$(packages_after_run "$deno" '"npm-lazy-caching"')
  echo "deno $version  eager: $eager  lazy: $lazy"
  [[ $eager == "is-number ms" && $lazy == "ms" ]] || failed=1
done
exit "$failed"
