import { assertEquals } from "@std/assert";
import { startTestServer } from "../helpers/wire/server.ts";

/** The status of a request whose target goes out as it is, and whether metrics came back. */
async function ask(port: number, target: string): Promise<[status: number, hasMetrics: boolean]> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head));
  const text = await new Response(connection.readable).text();
  return [Number(text.split(" ")[1]), text.includes("signalbox_")];
}

Deno.test("metrics have one path, which a proxy can keep private", async () => {
  for (const [args, prefix] of [[[], ""], [["--base-path", "/signal"], "/signal"]] as const) {
    await using server = startTestServer({ args });
    const port = Number(new URL(server.url).port);
    for (const target of ["/metrics", "/metrics?a=1", "//metrics"]) {
      assertEquals(await ask(port, prefix + target), [200, true], target);
    }
    for (
      const target of [
        "/metrics/",
        "/metrics//",
        "/./metrics",
        "/x/../metrics",
        "/\\metrics",
        "/%6Detrics",
        "/METRICS",
      ]
    ) {
      const [status, hasMetrics] = await ask(port, prefix + target);
      assertEquals([target, status >= 400, hasMetrics], [target, true, false]);
    }
  }
});
