import { assertEquals } from "@std/assert";
import { CorsPolicy } from "../../src/http/cors.ts";

function requestFrom(origin: string | null, headers: Record<string, string> = {}): Request {
  return new Request("http://signalbox.test/", {
    headers: origin === null ? headers : { ...headers, origin },
  });
}

function allowed(policy: CorsPolicy, origin: string | null): string | null {
  const response = policy.apply(requestFrom(origin), new Response("x", { status: 401 }));
  assertEquals(response.headers.get("access-control-allow-credentials"), null);
  return response.headers.get("access-control-allow-origin");
}

Deno.test("without a list every origin may read, by its own name", () => {
  const policy = new CorsPolicy([]);
  for (const origin of ["https://a.example", "http://localhost:5173", "null"]) {
    assertEquals(allowed(policy, origin), origin);
  }
});

Deno.test("with a list only its origins may read, and the answer is the same for all", async () => {
  const policy = new CorsPolicy(["https://a.example"]);
  assertEquals(allowed(policy, "https://a.example"), "https://a.example");
  for (const origin of ["https://b.example", "http://a.example", "https://a.example:1", "null"]) {
    assertEquals(allowed(policy, origin), null);
  }
  const answer = policy.apply(requestFrom("https://b.example"), new Response("x", { status: 401 }));
  assertEquals([answer.status, await answer.text()], [401, "x"]);
});

Deno.test("an answer that depends on the origin declares it, beside its other dependencies", () => {
  const policy = new CorsPolicy(["https://a.example"]);
  for (const origin of ["https://a.example", "https://b.example"]) {
    const response = new Response("x", { headers: { vary: "Accept" } });
    assertEquals(policy.apply(requestFrom(origin), response).headers.get("vary"), "Accept, Origin");
  }
});

Deno.test("a client that is not a page gets the answer unchanged", () => {
  const response = new CorsPolicy([]).apply(requestFrom(null), new Response("x"));
  assertEquals(response.headers.get("access-control-allow-origin"), null);
  assertEquals(response.headers.get("vary"), null);
});

Deno.test("a question before a request is answered with methods and the headers it asked for", () => {
  const policy = new CorsPolicy([]);
  const asked = requestFrom("https://a.example", { "access-control-request-headers": "x-a, x-b" });
  const response = policy.apply(asked, policy.preflight(asked));
  assertEquals([response.status, response.body], [204, null]);
  assertEquals(Object.fromEntries(response.headers), {
    "access-control-allow-headers": "x-a, x-b",
    "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
    "access-control-allow-origin": "https://a.example",
    "vary": "Access-Control-Request-Headers, Origin",
  });
  assertEquals(
    policy.preflight(requestFrom(null)).headers.get("access-control-allow-headers"),
    null,
  );
});

Deno.test("credentials are allowed to origins that may read, where a client always sends them", () => {
  const policy = new CorsPolicy(["https://a.example"]);
  const credentials = (origin: string | null): string | null =>
    policy.apply(requestFrom(origin), new Response("x"), true)
      .headers.get("access-control-allow-credentials");
  assertEquals(
    ["https://a.example", "https://b.example", null].map(credentials),
    ["true", null, null],
  );
});
