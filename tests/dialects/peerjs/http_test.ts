import { assert, assertEquals, assertMatch } from "@std/assert";
import { peerjs } from "../../../src/dialects/peerjs/mod.ts";
import { DialectBench } from "../../helpers/session/dialect.ts";

// Section 3 of PROTOCOL.md; the tests of the door cover the rules of all routes.

const ABOUT = '{"name":"PeerJS Server","description":"A server side element to broker connections' +
  ' between PeerJS clients.","website":"https://peerjs.com/"}';

function newBench(options: Record<string, unknown> = {}): DialectBench {
  return new DialectBench(peerjs, { options });
}

async function read(response: Response | undefined): Promise<[number, string | null, string]> {
  assert(response !== undefined);
  return [response.status, response.headers.get("content-type"), await response.text()];
}

Deno.test("§3: the mount answers with the original server's words", async () => {
  using bench = newBench();
  assertEquals(await read(bench.get("/")), [200, "application/json; charset=utf-8", ABOUT]);
});

Deno.test("§1: a mount is normalised, and everything is under it", async () => {
  for (const path of ["/myapp", "myapp", "/myapp/", "myapp/", "//myapp//"]) {
    using bench = newBench({ path });
    for (const target of ["/myapp", "/myapp/"]) {
      assertEquals((await read(bench.get(target)))[2], ABOUT);
    }
    assertEquals(bench.get("/myapp/peerjs/id")?.status, 200);
    assertEquals(bench.get("/myapp/peerjs/peers")?.status, 401);
    for (const target of ["/", "/peerjs/id", "/peerjs/peers", "/other/peerjs/id"]) {
      assertEquals(bench.get(target), undefined);
    }
    const client = await bench.connect("/myapp/peerjs?key=peerjs&id=a&token=t");
    assertEquals(client.heard(), ['{"type":"OPEN"}']);
  }
});

Deno.test("§1: a mount may be several segments deep", () => {
  using bench = newBench({ path: "/a/b" });
  assertEquals(bench.get("/a/b/peerjs/id")?.status, 200);
  assertEquals(bench.get("/a/peerjs/id"), undefined);
});

Deno.test("§1: a mount of any characters is found under its URL", () => {
  using bench = newBench({ path: "/grün" });
  assertEquals(bench.get("/grün/peerjs/id")?.status, 200);
});

Deno.test("§3: /id hands out a UUID v4 that is not cached, for any key", async () => {
  using bench = newBench();
  for (
    const target of ["/peerjs/id", "/peerjs/id/", "/other/id", "/peerjs/id?ts=1&version=1.5.5"]
  ) {
    const response = bench.get(target);
    assertEquals(response?.headers.get("cache-control"), "no-store");
    const [status, type, id] = await read(response);
    assertEquals([status, type], [200, "text/plain; charset=utf-8"]);
    assertMatch(id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  }
});

Deno.test("§3: without discovery nobody may list the peers", async () => {
  using bench = newBench();
  const answer = [401, "text/plain; charset=utf-8", "Unauthorized"];
  assertEquals(await read(bench.get("/peerjs/peers")), answer as [number, string, string]);
});

Deno.test("§3: with discovery the ids are listed in order of registration", async () => {
  using bench = newBench({ allowDiscovery: true });
  const type = "application/json; charset=utf-8";
  assertEquals(await read(bench.get("/peerjs/peers")), [200, type, "[]"]);
  const clients = [];
  for (const id of ["bob", "alice", '"']) {
    const query = new URLSearchParams({ key: "peerjs", id, token: "t" });
    clients.push(await bench.connect(`/peerjs?${query}`));
  }
  assertEquals(await read(bench.get("/peerjs/peers/")), [200, type, '["bob","alice","\\""]']);
  await clients[0]?.leave();
  assertEquals((await read(bench.get("/peerjs/peers")))[2], '["alice","\\""]');
});

Deno.test("§9.9: only with the right key are the peers listed", () => {
  using bench = newBench({ allowDiscovery: true, key: "my key" });
  assertEquals(bench.get("/my%20key/peers")?.status, 200);
  for (const key of ["peerjs", "my", "My%20key", "my+key", "__proto__"]) {
    assertEquals(bench.get(`/${key}/peers`)?.status, 401);
  }
});

Deno.test("§2: the word in the socket's path is fixed, whatever the key", async () => {
  using bench = newBench({ key: "secret" });
  const client = await bench.connect("/peerjs?key=secret&id=a&token=t");
  assertEquals(client.heard(), ['{"type":"OPEN"}']);
  assertEquals(bench.get("/secret/id")?.status, 200);
});

Deno.test("§3: other paths are not PeerJS's", () => {
  using bench = newBench();
  for (const target of ["/id", "/peers", "/peerjs", "/a/b/id", "/peerjs/ids", "/peerjs/id/x"]) {
    assertEquals(bench.get(target), undefined);
  }
});
