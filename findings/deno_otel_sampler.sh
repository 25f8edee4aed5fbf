#!/usr/bin/env bash
# OpenTelemetry of Deno with `OTEL_TRACES_SAMPLER=always_off`, asked through `@opentelemetry/api`:
# - 2.9.6: `span.isRecording()` stays true, which the API defines as false for such a span. Only the
#   trace flags of its context tell that nothing is exported. Code that spares work by `isRecording`
#   spares nothing.
# - 2.6.8: the sampler is not read at all. The span is sampled as with `always_on`.
#
# Seen: 2.9.6 isRecording true traceFlags 0        2.6.8 isRecording true traceFlags 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >span.mjs <<'JS'
import { trace } from "npm:@opentelemetry/api@1.10.0";
const span = trace.getTracer("check").startSpan("work");
console.log(`isRecording ${span.isRecording()} traceFlags ${span.spanContext().traceFlags}`);
span.end();
JS

# Nothing listens at the endpoint, and no answer of it matters.
span() {
  OTEL_DENO=true OTEL_TRACES_SAMPLER=$2 OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9 \
    npx -y "deno@$1" run -A --quiet span.mjs 2>/dev/null
}

failed=0
for expected in "2.9.6 0" "2.6.8 1"; do
  read -r version flags <<<"$expected"
  on=$(span "$version" always_on)
  off=$(span "$version" always_off)
  echo "deno $version  always_on: $on  always_off: $off"
  [[ $on == "isRecording true traceFlags 1" && $off == "isRecording true traceFlags $flags" ]] ||
    failed=1
done
exit "$failed"
