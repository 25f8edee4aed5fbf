import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { WebSocket as WsSocket } from "ws";
import { FRAME_CASES, MAX_MESSAGE } from "../../../helpers/wire/frame_cases.ts";
import { startStrictEcho } from "../../../helpers/wire/strict_echo.ts";
import { within } from "../../../helpers/wire/waiting.ts";

// The npm library `ws` checks what it receives as strictly as this transport: it is the oracle for
// the frames that are written here, and its own frames have to be understood.

interface Client {
  send(data: string | Uint8Array, options?: { fin?: boolean; binary?: boolean }): void;
  next(): Promise<string | Uint8Array>;
  close(code?: number, reason?: string): Promise<{ code: number; reason: string }>;
}

async function connect(url: string, protocols: readonly string[] = []): Promise<Client> {
  const socket = new WsSocket(url, [...protocols], { perMessageDeflate: true });
  const waiting: (string | Uint8Array)[] = [];
  let wake = (): void => {};
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    waiting.push(isBinary ? new Uint8Array(data) : data.toString());
    wake();
  });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  socket.on("error", failed.reject);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on(
      "close",
      (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() }),
    );
  });
  await within("the socket to open", new Promise((resolve) => socket.on("open", resolve)));
  // Offered, but never accepted.
  assertEquals(socket.extensions, "");
  return {
    send: (data, options = {}) => socket.send(data, options),
    next: async () => {
      while (waiting.length === 0) {
        const woken = new Promise<void>((resolve) => wake = resolve);
        await within("a message", Promise.race([woken, failed.promise]));
      }
      return waiting.shift() ?? "";
    },
    close: (code, reason) => {
      socket.close(code, reason);
      return within("the end", closed);
    },
  };
}

Deno.test("ws: every message of the table comes back unchanged", async () => {
  await using server = startStrictEcho({ maxMessageBytes: MAX_MESSAGE });
  const client = await connect(server.url.replace("http", "ws"));
  for (const { name, echoes } of FRAME_CASES) {
    for (const echo of echoes) {
      client.send(echo);
      assertEquals(await client.next(), echo, name);
    }
  }
  assertEquals(await client.close(1000, "done"), { code: 1000, reason: "done" });
});

Deno.test("ws: many messages in one go come back in order, large ones among small ones", async () => {
  await using server = startStrictEcho();
  const client = await connect(server.url.replace("http", "ws"));
  const sent = Array.from(
    { length: 300 },
    (_, at) =>
      at % 7 === 0 ? new Uint8Array(at * 50).fill(at) : `${at} ${"ü€".repeat(at * 11 % 4_000)}`,
  );
  for (const message of sent) client.send(message);
  for (const message of sent) assertEquals(await client.next(), message);
  await client.close(1000);
});

Deno.test("ws: fragments are put together", async () => {
  await using server = startStrictEcho();
  const client = await connect(server.url.replace("http", "ws"));
  for (const part of ["grü", "ße ", "𝄞"]) client.send(part, { fin: false, binary: false });
  client.send("!", { fin: true });
  assertEquals(await client.next(), "grüße 𝄞!");
  await client.close(1000);
});

Deno.test("ws: a subprotocol is selected, and codes of applications pass", async () => {
  await using server = startStrictEcho();
  const client = await connect(server.url.replace("http", "ws"), ["chat"]);
  assertEquals(await client.close(4321, "mine"), { code: 4321, reason: "mine" });
  assertEquals(server.events.slice(0, 1), ["left 4321"]);
});

Deno.test("a text with a lone surrogate is sent as U+FFFD, whatever its size", async () => {
  await using server = startStrictEcho();
  const client = await connect(server.url.replace("http", "ws"));
  for (const size of [10, 5_000]) {
    for (const socket of server.sockets) socket.writer.send(`${"x".repeat(size)}\ud800`);
    assertEquals(await client.next(), `${"x".repeat(size)}\ufffd`);
  }
  await client.close(1000);
});
