import { assertEquals } from "@std/assert";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import { RawHttp } from "../../helpers/wire/raw_http.ts";
import { startStrictEcho } from "../../helpers/wire/strict_echo.ts";
import { until } from "../../helpers/wire/waiting.ts";

// A listener that stops gives the requests that are under way half a second.

/** Sends the body back, or an error if it is cut off. */
async function echo({ body }: Request): Promise<Response> {
  try {
    return new Response(await new Response(body).text());
  } catch {
    return new Response("cut off", { status: 400 });
  }
}

Deno.test("a stop answers a request whose handler hangs with 503, and others as ever", async () => {
  const clock = new FakeClock();
  const late = Promise.withResolvers<Response>();
  let begun = 0;
  await using server = startStrictEcho({
    clock,
    respond: (request) => {
      begun++;
      return request.url.endsWith("/hang") ? late.promise : echo(request);
    },
  });
  using hanging = await RawHttp.connect(server.url);
  await hanging.write("POST /hang HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  using half = await RawHttp.connect(server.url);
  await half.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
  await until("both requests", () => begun === 2);
  const stopped = server.stop();
  clock.advance(499);
  // A request that is done in time has its own answer.
  await half.write("-body");
  assertEquals((await half.response()).body, "half-body");
  clock.advance(1);
  const { status, headers, body } = await hanging.response();
  assertEquals([status, headers.get("retry-after"), headers.get("connection"), body], [
    503,
    "5",
    "close",
    "Server is going away\n",
  ]);
  assertEquals(await hanging.rest(), "");
  // It is no fault of the client.
  assertEquals(server.refused, []);
  late.resolve(new Response("too late"));
  hanging[Symbol.dispose]();
  await stopped;
});

Deno.test("a stop answers a request whose body does not come with 503", async () => {
  const clock = new FakeClock();
  let begun = 0;
  await using server = startStrictEcho({
    clock,
    respond: (request) => {
      begun++;
      return echo(request);
    },
  });
  using client = await RawHttp.connect(server.url);
  await client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
  await until("the request", () => begun === 1);
  const stopped = server.stop();
  clock.advance(500);
  const { status, body } = await client.response();
  assertEquals([status, body], [503, "Server is going away\n"]);
  assertEquals(await client.rest(), "");
  client[Symbol.dispose]();
  await stopped;
});

Deno.test("a stop cuts an answer that has begun", async () => {
  const clock = new FakeClock();
  const events = new TextEncoder().encode("data: 1\n\n");
  await using server = startStrictEcho({
    clock,
    respond: () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(events) }), {
        headers: { "content-type": "text/event-stream" },
      }),
  });
  using client = await RawHttp.connect(server.url);
  await client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assertEquals((await client.head()).status, 200);
  assertEquals(await client.chunk(), "data: 1\n\n");
  const stopped = server.stop();
  clock.advance(500);
  assertEquals(await client.rest(), "");
  await stopped;
});
