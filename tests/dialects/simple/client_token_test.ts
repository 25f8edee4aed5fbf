import { assertEquals } from "@std/assert";
import type { SimpleFrame } from "../../helpers/session/simple.ts";
import {
  startScriptedServer,
  stubConnections,
  TestRoom,
  welcome,
} from "../../helpers/session/simple_room.ts";
import { startTcpProxy } from "../../helpers/wire/tcp_proxy.ts";
import { until } from "../../helpers/wire/waiting.ts";

/** The tokens of all joins, oldest first. */
function joinsIn(heard: readonly SimpleFrame[]): unknown[] {
  return heard.filter(({ event }) => event === "join").map(({ token }) => token);
}

/** Joins, refreshes and loses the connection; returns the tokens of both joins. */
async function comeBack(confirms: boolean): Promise<unknown[]> {
  await using server = startScriptedServer(({ event, ref }) => {
    if (event === "join") return welcome();
    return confirms ? [{ event: "ok", ref }] : [];
  });
  await using proxy = startTcpProxy(server.url);
  using _stubs = stubConnections();
  using fred = new TestRoom(proxy.url, { token: "old" });
  await fred.happened("ready");
  const said = (name: string): Promise<void> =>
    until(name, () => server.heard.some(({ event }) => event === name));
  fred.room.refresh("fresh");
  await said("refresh");
  // Frames go out one at a time, so the next one proves the confirmation.
  fred.room.change({ name: "marker" });
  if (confirms) await said("change");
  proxy.cut();
  await fred.happened("ready", 2);
  return joinsIn(server.heard);
}

Deno.test("Simple's client: a confirmed token is shown when it comes back", async () => {
  assertEquals(await comeBack(true), ["old", "fresh"]);
});

Deno.test("Simple's client: a token without an answer is shown when it comes back", async () => {
  assertEquals(await comeBack(false), ["old", "fresh"]);
});

Deno.test("Simple's client: a refused token changes nothing, and the room goes on", async () => {
  const refusal = { event: "error", code: "unauthorized", message: "Token is not valid" };
  await using server = startScriptedServer((frame) => {
    if (frame["event"] === "join") return welcome();
    const ref = frame["ref"];
    return [frame["event"] === "refresh" ? { ...refusal, ref } : { event: "ok", ref }];
  });
  await using proxy = startTcpProxy(server.url);
  using _stubs = stubConnections();
  using fred = new TestRoom(proxy.url, { token: "old" });
  await fred.happened("ready");
  fred.room.refresh("bad");
  await fred.happened("error");
  assertEquals(fred.all("error"), [{ code: "unauthorized", message: "Token is not valid" }]);
  proxy.cut();
  await fred.happened("ready", 2);
  assertEquals([joinsIn(server.heard), fred.all("closed")], [["old", "old"], []]);
});
