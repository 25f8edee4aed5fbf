import { assertEquals } from "@std/assert";
import { systemClock } from "../../../src/system/clock.ts";
import { ServeListener } from "../../../src/transport/serve/listener.ts";
import { until } from "../../helpers/wire/waiting.ts";

Deno.test({
  name: "a listener that the runtime closes without an error listens again, and reports it",
  // The runtime never completes the upgrade that it gave up.
  sanitizeOps: false,
  fn: relisten,
});

async function relisten(): Promise<void> {
  const reports: string[] = [];
  const handle = (request: Request): Response => {
    if (request.headers.get("upgrade") === null) return new Response("served");
    const { socket } = Deno.upgradeWebSocket(request);
    socket.onerror = () => {};
    // The runtime expects the upgrade's own answer, and closes the listener at any other one.
    return new Response("another answer");
  };
  const listener = new ServeListener({
    hostname: "127.0.0.1",
    port: 0,
    tls: undefined,
    handle,
    onBroken: (error) => reports.push(String(error)),
  }, systemClock);
  const url = `http://127.0.0.1:${listener.port}/`;
  const socket = new WebSocket(url.replace("http", "ws"));
  const failed = new Promise((resolve) => socket.onerror = resolve);
  await until("the report", () => reports.length > 0);
  const isServed = async (): Promise<boolean> => {
    const answer = await fetch(url).catch(() => undefined);
    return await answer?.text() === "served";
  };
  await until("the next listener", isServed);
  assertEquals(reports, ["Error: the runtime has closed the listener"]);
  await listener.stop();
  socket.close();
  await failed;
}
