import { assertEquals } from "@std/assert";
import type { Expulsion } from "../../src/core/expulsion.ts";
import { type Happening, Happenings } from "../../src/core/happenings.ts";
import type { Frame } from "../../src/core/session.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import type { Closing } from "../helpers/session/fake_link.ts";
import { greet } from "./driver.ts";
import { DRIVERS } from "./drivers.ts";

/** The last frame to a client that is kicked, and how its connection is closed. */
const KICKED: Readonly<Record<string, readonly [frame: Frame | undefined, closing: Closing]>> = {
  peerjs: ['{"type":"ERROR","payload":{"msg":"Kicked"}}', "bare"],
  gstreamer: [undefined, [1008, "kicked"]],
  ssp: ['{"type":"rtc:stop","data":{}}', [1000, ""]],
  owt: ['2["server-disconnect"]', "bare"],
  simple: [
    '{"event":"error","code":"kicked","message":"removed by an operator"}',
    [4003, "removed by an operator"],
  ],
  webrtcsink: ['{"type":"error","details":"Kicked"}', [1008, "kicked"]],
};

const REASONS: readonly [Expulsion, string][] = [
  ["kicked", "kicked"],
  ["user_banned", "banned"],
  ["address_banned", "banned"],
  ["login_expired", "expired"],
];

for (const { dialect, ways: [way], isAnonymous } of DRIVERS) {
  if (isAnonymous === true) continue;
  const { name } = dialect;
  for (const [expulsion, reason] of REASONS) {
    Deno.test(`${name}: a peer that is ${expulsion} leaves as ${reason}`, async () => {
      const happenings = new Happenings();
      const events: Happening[] = [];
      using _ = happenings.listen((event) => void events.push(event));
      using bench = new DialectBench(dialect, { happenings });
      if (bench.realm !== name) return; // A realm of its own has no news.
      const { client, id } = await greet(way, bench, "alice");
      client.heard();
      const receiver = bench.hub.find(name, id)?.receiver;
      assertEquals(receiver?.links.map((link) => link.id), [client.link.id]);
      receiver?.expel(expulsion);
      assertEquals(client.isOpen, false);
      if (expulsion === "kicked") {
        const last = client.heard().at(-1);
        assertEquals([last, client.closing] as const, KICKED[name]);
      }
      await client.leave();
      assertEquals([bench.hub.peerCount, client.link.faults], [0, []]);
      const left = events.filter((event) => event.type === "peer.left");
      assertEquals(left.map(({ data }) => [data.id, data.reason]), [[id, reason]]);
      const { dialect: whose, id: joined, connection } = events.find((event) =>
        event.type === "peer.joined"
      )?.data ?? {};
      assertEquals([whose, joined, connection], [name, id, client.link.id]);
    });
  }
}
