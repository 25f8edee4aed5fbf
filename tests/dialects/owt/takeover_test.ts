import { assertEquals } from "@std/assert";
import type { Claim } from "../../../src/core/peer.ts";
import type { Frame } from "../../../src/core/session.ts";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import { settle } from "../../helpers/session/hub.ts";
import {
  authenticated,
  frameOf,
  newOwt,
  OwtClient,
  SERVER_DISCONNECT,
} from "../../helpers/session/owt.ts";

// Section 4 of protocols/owt.md: the newest login has the id.

/** The two ways to log in, and to take an id over. */
const LOGINS: readonly ((bench: DialectBench, token: string) => Promise<OwtClient>)[] = [
  OwtClient.login,
  async (bench, token) => {
    const client = await OwtClient.connect(bench, { token, clientVersion: "4.3" });
    assertEquals(client.heard(), [authenticated(token)]);
    return client;
  },
];

for (const [nth, first] of LOGINS.entries()) {
  for (const [other, second] of LOGINS.entries()) {
    const name = `${nth === 0 ? "event" : "query"}, then ${other === 0 ? "event" : "query"}`;

    Deno.test(`§4: the old connection is informed of the take-over and then closed (${name})`, async () => {
      using bench = newOwt();
      const old = await first(bench, "alice");
      const fresh = await second(bench, "alice");
      assertEquals(old.heard(), [SERVER_DISCONNECT]);
      // Without a code: native clients come back after any other one.
      assertEquals([old.isOpen, old.client.closing], [false, "bare"]);
      assertEquals([fresh.isOpen, fresh.heard()], [true, []]);
      assertEquals([bench.hub.peerCount, bench.hub.has("owt", "alice")], [1, true]);
    });

    Deno.test(`§4: nothing that the old connection does later affects the id (${name})`, async () => {
      using bench = newOwt();
      const bob = await OwtClient.login(bench, "bob");
      const old = await first(bench, "alice");
      const fresh = await second(bench, "alice");
      old.heard();
      await old.client.say(
        frameOf(8, "authentication", { token: "alice" }),
        frameOf(9, "owt-message", { to: "bob", data: "late" }),
        "rubbish",
      );
      await old.leave();
      old.client.pump.end("lost");
      assertEquals([old.heard(), bob.heard(), fresh.heard()], [[], [], []]);
      assertEquals(await bob.acked("owt-message", { to: "alice" }), []);
      assertEquals(fresh.heard(), ['2["owt-message",{"from":"bob"}]']);
      await fresh.leave();
      assertEquals(await bob.acked("owt-message", { to: "alice" }), [2201]);
    });
  }
}

Deno.test("§4: the old connection is informed before the newcomer is answered", async () => {
  using bench = newOwt();
  const told: Frame[] = [];
  const note = (client: OwtClient): void => {
    const { link } = client.client;
    const send = link.send.bind(link);
    link.send = (frame) => {
      told.push(frame);
      send(frame);
    };
    const close = link.close.bind(link);
    link.close = (...how) => {
      told.push("41");
      close(...how);
    };
  };
  const old = await OwtClient.login(bench, "alice");
  const fresh = await OwtClient.connect(bench);
  note(old);
  note(fresh);
  await fresh.ask("authentication", { token: "alice" });
  assertEquals(told, [
    SERVER_DISCONNECT,
    "41",
    authenticated("alice"),
    '30[{"uid":"alice"}]',
  ]);
});

Deno.test("§4: a client that changes its name may take one over, and gives its own up", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  const bob = await OwtClient.login(bench, "bob");
  assertEquals((await bob.ask("authentication", { token: "alice" }))[0], authenticated("alice"));
  assertEquals([alice.heard(), alice.isOpen], [[SERVER_DISCONNECT], false]);
  assertEquals(bench.hub.directory("owt"), ["alice"]);
  await bob.leave();
  assertEquals(bench.hub.peerCount, 0);
});

Deno.test("§4: a takeover needs no room", async () => {
  using bench = newOwt({ limits: { maxPeers: 1 } });
  await OwtClient.login(bench, "alice");
  const fresh = await OwtClient.login(bench, "alice");
  assertEquals([fresh.isOpen, bench.hub.peerCount], [true, 1]);
});

Deno.test("§4: of many logins with one id the last one is served, and the others end", async () => {
  using bench = newOwt();
  const clients: OwtClient[] = [];
  for (let nth = 0; nth < 10; nth++) clients.push(await OwtClient.connect(bench));
  for (const { client } of clients) client.blurt(frameOf(0, "authentication", { token: "alice" }));
  await settle();
  for (const client of clients.slice(0, -1)) {
    assertEquals(client.heard(), [
      authenticated("alice"),
      '30[{"uid":"alice"}]',
      SERVER_DISCONNECT,
    ]);
    assertEquals(client.isOpen, false);
  }
  assertEquals([clients.at(-1)?.isOpen, bench.hub.peerCount], [true, 1]);
});

Deno.test("§4: the last login to be answered has the id, even if it asked first", async () => {
  const answers: ((isFree: boolean) => void)[] = [];
  const reserve = (_: Claim): Promise<boolean> => new Promise((resolve) => answers.push(resolve));
  using bench = newOwt({ reserve });
  const first = await OwtClient.connect(bench);
  const second = await OwtClient.connect(bench);
  for (const { client } of [first, second]) {
    await client.say(frameOf(0, "authentication", { token: "alice" }));
  }
  answers[1]?.(true);
  await settle();
  assertEquals(second.heard().length, 2);
  answers[0]?.(true);
  await settle();
  assertEquals([first.heard().length, second.heard()], [2, [SERVER_DISCONNECT]]);
  assertEquals([first.isOpen, second.isOpen, bench.hub.peerCount], [true, false, 1]);
});
