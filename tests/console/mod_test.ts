import { assert, assertEquals, assertMatch } from "@std/assert";
import { startTestServer } from "../helpers/wire/server.ts";

const TOKEN = ["--admin-tokens", "a-token-of-an-operator"];
/** Headers of the page and of each of its files (operations notes, section 5). */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};
const LINKED = /(?:src|href)="console\/([^"]+)"|from "\.\/([^"]+)"|"((?:preact|hooks|htm)\.js)"/g;

function assertGuarded(name: string, { headers }: Response): void {
  for (const [header, value] of Object.entries(HEADERS)) {
    assertEquals([name, headers.get(header)], [name, value]);
  }
}

async function statusOf(url: string): Promise<number> {
  const answer = await fetch(url);
  await answer.body?.cancel();
  return answer.status;
}

Deno.test("/console serves its page, and every file that it asks for, from this server alone", async () => {
  await using server = startTestServer({ args: TOKEN });
  const answer = await fetch(`${server.url}/console`);
  assertGuarded("the page", answer);
  assertEquals(answer.headers.get("content-type"), "text/html; charset=utf-8");
  const page = await answer.text();
  assertEquals(page.match(/https?:|<script>|<style|style=/g), null);
  const seen = new Set<string>();
  const waiting = [...page.matchAll(LINKED)].map(([, linked = ""]) => linked);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const answer = await fetch(`${server.url}/console/${name}`);
    assertEquals([name, answer.status], [name, 200]);
    assertGuarded(name, answer);
    assertMatch(
      answer.headers.get("content-type") ?? "",
      /^text\/(css|javascript); charset=utf-8$/,
    );
    const text = await answer.text();
    if (name.startsWith("lib/")) continue;
    for (const [, , file, library] of text.matchAll(LINKED)) {
      waiting.push(file ?? `lib/${library}`);
    }
  }
  assert(seen.size > 15, [...seen].join());
});

Deno.test("/console is there only with a token of an operator, and --no-console takes it away", async () => {
  await using without = startTestServer();
  assertEquals(await statusOf(`${without.url}/console`), 404);
  await using hidden = startTestServer({ args: [...TOKEN, "--no-console"] });
  assertEquals(await statusOf(`${hidden.url}/console`), 404);
  assertEquals(await statusOf(`${hidden.url}/console/console.js`), 404);
});

Deno.test("/console moves to the listener for operators, and below a base path", async () => {
  const args = [...TOKEN, "--admin-listen", "http://127.0.0.1:0", "--base-path", "/signal"];
  await using server = startTestServer({ args });
  assertEquals(await statusOf(`${server.url}/signal/console`), 404);
  assertEquals(await statusOf(`${server.adminUrl}/signal/console`), 200);
  assertEquals(await statusOf(`${server.adminUrl}/signal/console/lib/uplot.js`), 200);
});
