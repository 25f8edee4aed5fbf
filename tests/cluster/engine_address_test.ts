import { assertEquals, assertThrows } from "@std/assert";
import { readPlace } from "../../src/cluster/engine/address.ts";

Deno.test("the engine's address is read from URLs of every kind", () => {
  const nobody = { user: undefined, password: undefined, database: 0 };
  assertEquals(readPlace("redis://10.0.0.5"), {
    shown: "redis://10.0.0.5:6379",
    isSecure: false,
    at: { host: "10.0.0.5", port: 6_379 },
    ...nobody,
  });
  assertEquals(readPlace("valkeys://us%40er:p%2Fw@[fd00::1]:7000/3"), {
    shown: "valkeys://[fd00::1]:7000/3",
    isSecure: true,
    at: { host: "fd00::1", port: 7_000 },
    user: "us@er",
    password: "p/w",
    database: 3,
  });
  assertEquals(readPlace("redis+unix:///run/redis.sock?db=2&user=me", "secret"), {
    shown: "redis+unix:///run/redis.sock",
    isSecure: false,
    at: { path: "/run/redis.sock" },
    user: "me",
    password: "secret",
    database: 2,
  });
  assertEquals(readPlace("redis+sentinel://a,[fd00::2]:7001/main"), {
    shown: "redis+sentinel://a:26379,[fd00::2]:7001/main",
    isSecure: false,
    at: {
      sentinels: [{ host: "a", port: 26_379 }, { host: "fd00::2", port: 7_001 }],
      primary: "main",
    },
    ...nobody,
  });
  assertEquals(readPlace("rediss+sentinel://me:p%3Aw@a:1/main/4"), {
    shown: "rediss+sentinel://a:1/main/4",
    isSecure: true,
    at: { sentinels: [{ host: "a", port: 1 }], primary: "main" },
    user: "me",
    password: "p:w",
    database: 4,
  });
});

Deno.test("a URL that names no engine is refused without its password", () => {
  const urls = [
    "",
    "redis",
    "http://secret@10.0.0.5",
    "redis://",
    "redis://:secret@10.0.0.5/db",
    "redis://10.0.0.5#secret",
    "redis://:%E0%A4@10.0.0.5",
    "redis+unix://host/run/redis.sock",
    "redis+unix:///",
    "redis+sentinel://:secret@a",
    "redis+sentinel://a:b/main",
    "redis+sentinel://a,,b/main",
    "redis+sentinel://a/main/x",
  ];
  for (const url of urls) {
    const { message } = assertThrows(() => readPlace(url), RangeError);
    assertEquals(message.startsWith("expected "), true, url);
    assertEquals(message.includes("secret"), false, message);
  }
  assertThrows(() => readPlace("redis+sentinel://:a@b/main", "c"), RangeError, "given twice");
});
