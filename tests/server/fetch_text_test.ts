import { assertEquals, assertRejects } from "@std/assert";
import { exchange, fetchText } from "../../src/server/fetch_text.ts";
import { freePort } from "../helpers/process/ports.ts";

// Requests of the server's own: for keys, for verdicts and for credentials.

interface Peer extends AsyncDisposable {
  readonly url: string;
  /** The paths that were asked for. */
  readonly asked: string[];
}

function serve(answer: (path: string) => Response): Peer {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    const { pathname } = new URL(url);
    asked.push(pathname);
    return answer(pathname);
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { url, asked, [Symbol.asyncDispose]: () => server.shutdown() };
}

const NEVER = new AbortController().signal;

Deno.test("a redirect is an answer, and is not followed", async () => {
  await using peer = serve((path) =>
    path === "/moved"
      ? new Response(null, { status: 302, headers: { location: "/elsewhere" } })
      : new Response("found")
  );
  const answer = await exchange(`${peer.url}/moved`, { maxBytes: 100 });
  assertEquals([answer.status, peer.asked], [302, ["/moved"]]);
  await assertRejects(() => fetchText(`${peer.url}/moved`, 100, NEVER), Error, "status 302");
});

Deno.test("an answer may be as long as the limit, and one that is longer is not read on", async () => {
  await using peer = serve((path) =>
    path === "/endless"
      ? new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000)) }),
      )
      : new Response("x".repeat(1_000))
  );
  assertEquals((await fetchText(`${peer.url}/whole`, 1_000, NEVER)).length, 1_000);
  for (const path of ["whole", "endless"]) {
    await assertRejects(
      () => fetchText(`${peer.url}/${path}`, 999, NEVER),
      Error,
      "more than 999 bytes",
    );
  }
});

Deno.test("a fault names the place, and neither its user nor its query", async () => {
  const url = `http://user:hidden@127.0.0.1:${freePort()}/keys?token=hidden`;
  const { message } = await assertRejects(() => exchange(url, { maxBytes: 100 }), Error);
  assertEquals([message.includes("127.0.0.1"), message.includes("hidden")], [true, false]);
});
