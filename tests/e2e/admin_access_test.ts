import { assert, assertEquals, assertMatch } from "@std/assert";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { within } from "../helpers/wire/waiting.ts";
import {
  FULL_TOKEN,
  OPERATOR_TOKENS,
  READ_TOKEN,
  startForOperators,
} from "../helpers/wire/operators.ts";

// Callers of the API for operators, and their tokens.

Deno.test("without a token there is no API", async () => {
  await using server = startTestServer();
  const response = await fetch(`${server.url}/admin/v1/server`);
  assertEquals([response.status, await response.text()], [404, "Not found\n"]);
});

Deno.test("a path with a malformed escape is a problem, after the token", async () => {
  await using server = startForOperators();
  const ask = async (path: string, token?: string): Promise<unknown[]> => {
    const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.url}${path}`, { headers });
    const { code, errors } = await response.json();
    return [response.status, response.headers.get("content-type"), code, errors];
  };
  const type = "application/problem+json";
  const errors = [{ pointer: "/path", detail: "malformed escape" }];
  for (const path of ["/admin/v1/peers/peerjs/%FF", "/admin/v1/rooms/ssp/%zz?q=1", "/admin/%80"]) {
    assertEquals(await ask(path), [401, type, "unauthorized", undefined], path);
    assertEquals(await ask(path, READ_TOKEN), [400, type, "invalid_request", errors], path);
  }
  const elsewhere = await fetch(`${server.url}/other/%FF`);
  assertEquals([elsewhere.status, await elsewhere.text()], [400, "Bad request target\n"]);
});

Deno.test("the token comes before the path, and the role before the change", async () => {
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
  const nobody = admin.with(undefined);
  const missing = await nobody.get("/nothing");
  assertEquals([missing.status, missing.body.code], [401, "unauthorized"]);
  assertEquals(missing.headers.get("www-authenticate"), 'Bearer realm="signalbox"');
  const wrong = await admin.with("wrong").get("/server");
  const challenge = 'Bearer realm="signalbox", error="invalid_token"';
  assertEquals([wrong.status, wrong.headers.get("www-authenticate")], [401, challenge]);
  assertEquals((await admin.get("/nothing")).body.code, "not_found");
  const method = await admin.delete("/server");
  assertEquals([method.status, method.headers.get("allow")], [405, "GET, HEAD"]);

  const reader = admin.with(READ_TOKEN);
  const read = await reader.get("/server");
  assertEquals([read.status, read.headers.get("signalbox-role")], [200, "read"]);
  const refused = await reader.post("/peers/ssp/a%2Fb/kick");
  assertEquals([refused.status, refused.body.code], [403, "forbidden"]);
  const { items: [entry] } = (await reader.get("/log")).body;
  const { at, ...action } = entry;
  assertMatch(at, /^\d{4}-.*\.\d{3}Z$/);
  const kick = { actor: "rob", action: "kick peer", subject: ["ssp", "a/b"] };
  assertEquals(action, { ...kick, outcome: "forbidden" });
  assertEquals((await reader.put("/bans/user/u", { reason: "x" })).status, 403);
  const { items: [ban] } = (await reader.get("/log")).body;
  assertEquals([ban.action, ban.subject], ["ban user", ["u"]]);
  const endless = await fetch(`${server.url}/admin/v1/events`, {
    method: "HEAD",
    headers: { authorization: `Bearer ${READ_TOKEN}` },
  });
  assertEquals([endless.status, endless.headers.get("allow")], [405, "GET"]);
});

Deno.test("a wrong token is refused unread after ten of an address in a minute", async () => {
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
  const thief = admin.with("wrong");
  for (let time = 0; time < 10; time++) assertEquals((await thief.get("/server")).status, 401);
  const limited = await thief.get("/server");
  assertEquals([limited.status, limited.body.code], [429, "rate_limited"]);
  assert(Number(limited.headers.get("retry-after")) > 0);
  assertEquals((await admin.get("/server")).status, 200);
});

Deno.test("short tokens open, and the log warns of them", async () => {
  const args = ["--admin-tokens", "rob:read:short", "--metrics-tokens", "short", FULL_TOKEN];
  await using server = startTestServer({ args: [...OPERATOR_TOKENS, ...args] });
  const admin = await AdminClient.open(server.url, "short");
  assertEquals((await admin.get("/server")).headers.get("signalbox-role"), "read");
  const warnings = server.log.filter(({ what }) => what === "tokens can be guessed");
  assertEquals(warnings.map(({ level, facts }) => [level, facts]), [
    ["warning", { count: 2, safeLength: 16 }],
  ]);
});

Deno.test("a token has a rate", async () => {
  await using server = startForOperators(
    "--admin-requests-per-second=1",
    "--admin-request-burst=2",
  );
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
  const statuses = [];
  for (let time = 0; time < 3; time++) statuses.push((await admin.get("/server")).status);
  assertEquals(statuses, [200, 200, 429]);
});

Deno.test("pages of foreign origins are refused before the token, and listed ones may read", async () => {
  await using server = startForOperators("--admin-origins", "https://ops.example.org");
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
  const nobody = admin.with(undefined);
  const from = (origin: string, site?: string) =>
    nobody.get("/server", {
      origin,
      ...(site === undefined ? {} : { "sec-fetch-site": site }),
    });
  assertEquals((await from("https://evil.example")).body.code, "forbidden_origin");
  assertEquals((await from(server.url, "cross-site")).body.code, "forbidden_origin");
  assertEquals((await from("http://127.0.0.1:1")).body.code, "unauthorized");
  assertEquals((await from("https://evil.example", "same-origin")).body.code, "unauthorized");
  const listed = await admin.get("/server", { origin: "https://ops.example.org" });
  const allowed = listed.headers.get("access-control-allow-origin");
  assertEquals([listed.status, allowed], [200, "https://ops.example.org"]);
  assertEquals((await admin.get("/server")).headers.get("access-control-allow-origin"), null);
});

Deno.test("a reload takes other tokens from their file, and names a file that is gone", async () => {
  await using folder = await TempFolder.make();
  const file = `${folder.path}/tokens`;
  await Deno.writeTextFile(file, `ann:full:${FULL_TOKEN}\n`);
  await using server = startTestServer({ args: ["--admin-tokens-file", file] });
  const ann = await AdminClient.open(server.url, FULL_TOKEN);
  const bob = ann.with("another-token-of-an-operator");
  const news = await fetch(`${server.url}/admin/v1/events?types=peer.*`, {
    headers: { authorization: `Bearer ${FULL_TOKEN}` },
  });
  await Deno.writeTextFile(file, "bob:full:another-token-of-an-operator\n");
  assertEquals((await ann.post("/reload")).body, { outcome: "reloaded" });
  assertEquals([(await ann.get("/server")).status, (await bob.get("/server")).status], [401, 200]);
  assertEquals(await within("the end of the news", news.text()), ":\n\n");
  await Deno.remove(file);
  const failed = await bob.post("/reload");
  assertEquals([failed.status, failed.body.code], [503, "unavailable"]);
  assertMatch(failed.body.detail, /admin-tokens/);
  assertEquals((await bob.get("/server")).status, 200);
});
