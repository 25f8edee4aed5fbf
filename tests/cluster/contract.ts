import { assertEquals } from "@std/assert";
import { CHANNELS } from "./channels_contract.ts";
import type { ClientTest } from "../helpers/process/clients.ts";
import { heard, type OpenStage, type Stage } from "../helpers/cluster/stages.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";
import type { Claim } from "../../src/core/peer.ts";

/** Admits a peer at one of the hubs. */
async function admitted(
  stage: Stage,
  at: 0 | 1,
  id: string,
  more: Partial<Claim> = {},
): Promise<FakeReceiver> {
  const receiver = new FakeReceiver();
  await stage.during(stage.hubs[at].claim(claimOf(id, receiver, more)));
  assertEquals(receiver.told()[0], `admitted ${id}`);
  return receiver;
}

async function refused(stage: Stage, at: 0 | 1, claim: Claim): Promise<string[]> {
  await stage.during(stage.hubs[at].claim(claim));
  // Every claim of these tests has such a receiver.
  return (claim.receiver as FakeReceiver).told();
}

/** Checks of behaviour, by their sentences. */
export type Checks = readonly (readonly [string, (open: OpenStage) => Promise<void>])[];

/** The behaviour of two hubs, wherever their peers are. */
export const CONTRACT: Checks = [
  ["messages arrive once and in the sender's order", async (open) => {
    await using stage = await open();
    const [a, b] = [await admitted(stage, 0, "a"), await admitted(stage, 1, "b")];
    for (let n = 0; n < 20; n++) stage.hubs[0].send(a.peer, "b", { n });
    const told = await heard(stage, b, 20);
    assertEquals(told, Array.from({ length: 20 }, (_, n) => `relay a: {"n":${n}}`));
  }],
  ["ids of any characters and payloads of bytes pass unchanged", async (open) => {
    await using stage = await open();
    const ids = ["\0", "\ud800", '\0"', "a b", "%s\n", "é:*"];
    const from = await admitted(stage, 0, "from");
    const receivers = [];
    for (const id of ids) receivers.push(await admitted(stage, 1, id));
    const bytes = new Uint8Array([0, 255, 10]);
    for (const id of ids) stage.hubs[0].send(from.peer, id, bytes);
    for (const receiver of receivers) {
      await stage.until("the bytes", () => receiver.events.length === 1);
      const [event] = receiver.events;
      assertEquals(event?.type === "relay" ? event.payload : undefined, bytes);
    }
  }],
  ["an id has one owner", async (open) => {
    await using stage = await open();
    await admitted(stage, 0, "x", { proof: "p" });
    const claim = claimOf("x", new FakeReceiver(), { proof: "other" });
    assertEquals(await refused(stage, 1, claim), ["refused claim: id_taken"]);
    assertEquals(await refused(stage, 0, claim), ["refused claim: id_taken"]);
  }],
  ["the same client takes its id over, and the old connection learns of it", async (open) => {
    await using stage = await open();
    const old = await admitted(stage, 0, "x", { proof: "p" });
    const other = await admitted(stage, 0, "other");
    const fresh = await admitted(stage, 1, "x", { proof: "p" });
    assertEquals(await heard(stage, old, 1), ["replaced"]);
    stage.hubs[0].send(other.peer, "x", "to the new one");
    assertEquals(await heard(stage, fresh, 1), ['relay other: "to the new one"']);
  }],
  ["the newest takes an id over", async (open) => {
    await using stage = await open();
    const old = await admitted(stage, 0, "x", { policy: "newest" });
    await admitted(stage, 1, "x", { policy: "newest" });
    assertEquals(await heard(stage, old, 1), ["replaced"]);
  }],
  ["an id that was given up is free for everybody", async (open) => {
    await using stage = await open();
    const first = await admitted(stage, 0, "x");
    stage.hubs[0].release(first.peer, first);
    // The claim of another hub may come before the release.
    let answer: string[] = [];
    while (answer[0] !== "admitted x") {
      answer = await refused(stage, 1, claimOf("x", new FakeReceiver()));
    }
  }],
  ["a claim that enters a room shows its elders, and they learn of it", async (open) => {
    await using stage = await open();
    const room = { room: "r" };
    const a = new FakeReceiver();
    const b = new FakeReceiver();
    await stage.during(stage.hubs[0].claim(claimOf("a", a, { room })));
    await stage.during(stage.hubs[1].claim(claimOf("b", b, { room })));
    assertEquals(a.told().slice(0, 2), ["admitted a", "entered r: "]);
    assertEquals(b.told(), ["admitted b", "entered r: a"]);
  }],
  ["members of both hubs meet in one order", async (open) => {
    await using stage = await open();
    const members: FakeReceiver[] = [];
    for (const [at, id] of [[0, "a"], [1, "b"], [0, "c"], [1, "d"]] as const) {
      const member = await admitted(stage, at, id);
      await stage.during(stage.hubs[at].join(member.peer, { room: "r" }));
      members.push(member);
    }
    const [a, b, c, d] = members as [FakeReceiver, FakeReceiver, FakeReceiver, FakeReceiver];
    assertEquals(await heard(stage, a, 4), [
      "entered r: ",
      "joined r: b",
      "joined r: c",
      "joined r: d",
    ]);
    assertEquals(await heard(stage, b, 3), ["entered r: a", "joined r: c", "joined r: d"]);
    assertEquals(await heard(stage, c, 2), ["entered r: a b", "joined r: d"]);
    assertEquals(await heard(stage, d, 1), ["entered r: a b c"]);
    assertEquals(stage.hubs[1].others(d.peer, "r").map(({ id }) => id), ["a", "b", "c"]);
    stage.hubs[0].send(a.peer, "d", 1, "r");
    assertEquals(await heard(stage, d, 1), ["relay a in r: 1"]);
    stage.hubs[1].release(d.peer, d, "left", { bye: 1 });
    assertEquals(await heard(stage, a, 1), ["left r: d"]);
    assertEquals(await heard(stage, b, 1), ["left r: d"]);
  }],
  ["a description reaches the members of both hubs, and newcomers", async (open) => {
    await using stage = await open();
    const [a, b] = [await admitted(stage, 0, "a"), await admitted(stage, 1, "b")];
    await stage.during(stage.hubs[0].describe(a.peer, { info: "early", bytes: 5 }));
    await stage.during(stage.hubs[0].join(a.peer, { room: "r" }));
    await stage.during(stage.hubs[1].join(b.peer, { room: "r" }));
    assertEquals(stage.hubs[1].others(b.peer, "r")[0]?.info, "early");
    await stage.during(stage.hubs[0].describe(a.peer, { info: "late", bytes: 4 }));
    assertEquals((await heard(stage, b, 2)).at(-1), "described r: a");
    assertEquals(stage.hubs[1].others(b.peer, "r")[0]?.info, "late");
  }],
  ["the limits of a room count the members of both hubs", async (open) => {
    await using stage = await open({ maxRoomMembers: 2, maxRoomInfoBytes: 10 });
    const members: FakeReceiver[] = [];
    for (const [at, id] of [[0, "a"], [1, "b"]] as const) {
      const member = await admitted(stage, at, id);
      await stage.during(stage.hubs[at].join(member.peer, { room: "r" }));
      members.push(member);
    }
    const late = await admitted(stage, 1, "late");
    await stage.during(stage.hubs[1].join(late.peer, { room: "r" }));
    assertEquals(late.told(), ["refused join: room_full"]);
    const [a, b] = members as [FakeReceiver, FakeReceiver];
    await stage.during(stage.hubs[0].describe(a.peer, { info: 1, bytes: 6 }));
    b.told();
    await stage.during(stage.hubs[1].describe(b.peer, { info: 1, bytes: 6 }));
    assertEquals(b.told().at(-1), "refused describe: description_too_large");
  }],
  ["two peers are paired, are busy then, and one learns that the other has gone", async (open) => {
    await using stage = await open();
    const exclusive = { isExclusive: true };
    const a = await admitted(stage, 0, "a", exclusive);
    const b = await admitted(stage, 1, "b", exclusive);
    const c = await admitted(stage, 1, "c", exclusive);
    await stage.during(stage.hubs[0].pair(a.peer, "b"));
    assertEquals(a.told(), ["paired b as caller"]);
    assertEquals(await heard(stage, b, 1), ["paired a as callee"]);
    await stage.during(stage.hubs[1].pair(c.peer, "a"));
    assertEquals(c.told(), ["refused pair: peer_busy"]);
    await stage.during(stage.hubs[1].pair(c.peer, "nobody"));
    assertEquals(c.told(), ["refused pair: peer_unknown"]);
    stage.hubs[0].send(a.peer, "b", "hello");
    assertEquals(await heard(stage, b, 1), ['relay a: "hello"']);
    stage.hubs[1].release(b.peer, b);
    assertEquals(await heard(stage, a, 1), ["gone b"]);
    await stage.during(stage.hubs[1].pair(c.peer, "a"));
    assertEquals(c.told(), ["paired a as caller"]);
  }],
  [
    "peers that are not exclusive have several partners, and learn of each that goes",
    async (open) => {
      await using stage = await open();
      const a = await admitted(stage, 0, "a");
      const b = await admitted(stage, 1, "b");
      const c = await admitted(stage, 1, "c");
      for (const id of ["b", "c"]) await stage.during(stage.hubs[0].pair(a.peer, id));
      assertEquals(a.told(), ["paired b as caller", "paired c as caller"]);
      assertEquals(await heard(stage, c, 1), ["paired a as callee"]);
      stage.hubs[1].release(b.peer, b);
      assertEquals(await heard(stage, a, 1), ["gone b"]);
      stage.hubs[1].release(c.peer, c);
      assertEquals(await heard(stage, a, 1), ["gone c"]);
    },
  ],
  ["a hub that follows a room knows its members without one of its own", async (open) => {
    await using stage = await open();
    const [here, there] = stage.hubs;
    there.elsewhere?.follow({ realm: "test", kind: "list", room: "l" });
    const a = await admitted(stage, 0, "a");
    const info = (): unknown => there.find("test", "a")?.info;
    await stage.during(
      here.join(a.peer, { room: "l", kind: "list" }, { info: "early", bytes: 5 }),
    );
    await stage.until("the member", () => info() === "early");
    await stage.during(here.describe(a.peer, { info: "late", bytes: 4 }));
    await stage.until("the change", () => info() === "late");
    here.release(a.peer, a);
    await stage.until("the departure", () => info() === undefined);
  }],
  ["an operator ends a room with the members of both hubs", async (open) => {
    await using stage = await open();
    const [a, b] = [await admitted(stage, 0, "a"), await admitted(stage, 1, "b")];
    await stage.during(stage.hubs[0].join(a.peer, { room: "r" }));
    await stage.during(stage.hubs[1].join(b.peer, { room: "r" }));
    await heard(stage, a, 2);
    b.told();
    stage.hubs[0].stopRoom("test", "r");
    assertEquals([await heard(stage, a, 1), await heard(stage, b, 1)], [
      ["stopped r"],
      ["stopped r"],
    ]);
  }],
];

/** The contract over one kind of hubs. */
export function contractOver(
  name: string,
  open: OpenStage,
  register: (test: ClientTest) => void,
  needs: ClientTest["needs"] = [],
): void {
  for (const [what, check] of [...CONTRACT, ...CHANNELS]) {
    register({ name: `${what}, ${name}`, needs, fn: () => check(open) });
  }
}
