import { assertEquals } from "@std/assert";
import { readBody, readBytes } from "../../src/http/body.ts";
import { systemClock } from "../../src/system/clock.ts";

const LIMITS = { maxBytes: 8, timeoutMs: 10_000 };

function post(body: BodyInit, headers: HeadersInit = {}): Request {
  return new Request("http://localhost/", { method: "POST", body, headers });
}

/** A body that comes in the given pieces and, if it is left open, never ends. */
function pieces(parts: readonly (string | Uint8Array)[], isOpen = false): ReadableStream {
  return new ReadableStream({
    start: (controller) => {
      for (const part of parts) {
        controller.enqueue(typeof part === "string" ? new TextEncoder().encode(part) : part);
      }
      if (!isOpen) controller.close();
    },
  });
}

Deno.test("a body is read whole, also where a letter is cut in two", async () => {
  const [first, second] = [new Uint8Array([0x61, 0xc3]), new Uint8Array([0xa9])];
  assertEquals(await readBody(post(pieces([first, second])), LIMITS, systemClock), { text: "aé" });
  assertEquals(await readBody(new Request("http://localhost/"), LIMITS, systemClock), { text: "" });
});

Deno.test("a body may be as large as its limit and no larger, announced or not", async () => {
  assertEquals(await readBody(post("x".repeat(8)), LIMITS, systemClock), { text: "x".repeat(8) });
  assertEquals(await readBody(post("x".repeat(9)), LIMITS, systemClock), { fault: "too_large" });
  const endless = pieces(["x".repeat(8), "x"], true);
  assertEquals(await readBody(post(endless), LIMITS, systemClock), { fault: "too_large" });
  const announced = post("x", { "content-length": "9" });
  assertEquals(await readBody(announced, LIMITS, systemClock), { fault: "too_large" });
});

Deno.test("a body that does not end in time, or is no text, is no body", async () => {
  const slow = post(pieces(["x"], true));
  assertEquals(await readBody(slow, { ...LIMITS, timeoutMs: 1 }, systemClock), {
    fault: "too_slow",
  });
  const bytes = post(pieces([new Uint8Array([0xff])]));
  assertEquals(await readBody(bytes, LIMITS, systemClock), { fault: "not_text" });
});

Deno.test("a body that is no text is read as bytes, within the same bounds", async () => {
  const parts = [new Uint8Array([0, 255]), new Uint8Array([0xc3])];
  const whole = await readBytes(post(pieces(parts)), LIMITS, systemClock);
  assertEquals("bytes" in whole && [...whole.bytes], [0, 255, 0xc3]);
  const none = await readBytes(new Request("http://localhost/"), LIMITS, systemClock);
  assertEquals("bytes" in none && [...none.bytes], []);
  const long = await readBytes(post(pieces([new Uint8Array(9)], true)), LIMITS, systemClock);
  assertEquals(long, { fault: "too_large" });
});
