#!/usr/bin/env bash
# `Deno.serve` hands its handler a promise `completed`, documented in 2.9.6 to reject with Interrupted
# if the client leaves before the body is sent. A client leaves in the middle of an event stream:
# - Deno 2.6.8, which documents nothing of the kind, rejects it.
# - Deno 2.9.6 resolves it, as for a response that arrived. Its own warning about `request.signal`
#   recommends `completed` to find out about delivery, and only the signal knows: with
#   --unstable-no-legacy-abort it aborts for the cut stream and not for the whole response.
#
# Seen: 2.6.8 whole: resolved, cut: rejected      2.9.6 whole: resolved, cut: resolved
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >serve.ts <<'TS'
const answers = { "/whole": () => new Response("hello"), "/cut": () => new Response(endless()) };
let told = Promise.withResolvers<string>();

function endless(): ReadableStream<Uint8Array> {
  let timer: number;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => controller.enqueue(new TextEncoder().encode("data: tick\n\n")), 20);
    },
    cancel: () => clearInterval(timer),
  });
}

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request, { completed }) => {
  const { signal } = request;
  const state = () => signal.aborted ? "aborted" : "not aborted";
  // The signal has its turn before it is looked at.
  const tell = (outcome: string) => setTimeout(() => told.resolve(`${outcome} ${state()}`), 200);
  completed.then(() => tell("resolved"), ({ name }) => tell(`rejected by ${name}`));
  return answers[new URL(request.url).pathname as keyof typeof answers]();
});

for (const path of Object.keys(answers)) {
  told = Promise.withResolvers();
  const leave = new AbortController();
  const response = await fetch(`http://127.0.0.1:${server.addr.port}${path}`, { signal: leave.signal });
  const reader = response.body!.getReader();
  await reader.read();
  if (path === "/whole") await reader.read();
  else leave.abort();
  console.log(`${path}: ${await told.promise}`);
}
Deno.exit();
TS

failed=0
for expected in "2.6.8 rejected by Interrupted" "2.9.6 resolved"; do
  read -r version outcome <<<"$expected"
  seen=$(npx -y "deno@$version" run -A --unstable-no-legacy-abort serve.ts)
  echo "deno $version"
  echo "$seen"
  [[ $seen == "/whole: resolved not aborted"$'\n'"/cut: $outcome aborted" ]] || failed=1
done
exit "$failed"
