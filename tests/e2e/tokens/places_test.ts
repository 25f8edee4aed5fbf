import { assertEquals, assertMatch } from "@std/assert";
import { SignJWT } from "jose";
import type { Why } from "../../../src/auth/authenticator.ts";
import { startTestServer, type TestServer } from "../../helpers/wire/server.ts";
import { until } from "../../helpers/wire/waiting.ts";
import { WsClient } from "../../helpers/wire/ws_client.ts";
import { ROOM, STAGES, USER } from "./cases.ts";

// The ids that tokens give, and the places of a token that no real client of this suite uses: see the
// operations notes, section 2.

const SECRET = "a secret of more than thirty-two bytes";
/** A token of the configuration that names nobody. */
const NOBODYS = "a-token-for-everybody";
const SEVERAL = ["desk-*", "desk", "other"];

function startWithSecret(): TestServer {
  return startTestServer({ args: ["--auth-mode=jwt", "--auth-jwt-secret", SECRET] });
}

function startWithNobodys(): TestServer {
  return startTestServer({ args: ["--auth-mode=tokens", "--auth-tokens", NOBODYS] });
}

async function sign(sub: string, ids?: readonly string[], end = "10m"): Promise<string> {
  return await new SignJWT({ sub, ...(ids && { signalbox: { ids } }) })
    .setProtectedHeader({ alg: "HS256" }).setExpirationTime(end)
    .sign(new TextEncoder().encode(SECRET));
}

/** A GStreamer page with a fixed address says its token where others say their uid. */
async function sayWord({ wsUrl }: TestServer, word: string): Promise<WsClient> {
  const client = await WsClient.open(`${wsUrl}/gst`);
  client.send(`HELLO ${word}`);
  return client;
}

/** All that such a page learns. */
async function learn(server: TestServer, word: string): Promise<readonly unknown[]> {
  const client = await sayWord(server, word);
  const greeting = await client.next();
  if (greeting !== "HELLO") return [greeting, await client.closed];
  client.send(`ROOM ${ROOM}`);
  const answer = await client.next();
  await client.close();
  return [greeting, answer];
}

const WORDS: Readonly<Partial<Record<Why, string>>> = {
  // Such a word says no more than that the client has shown no token.
  missing: "token is missing",
  malformed: "token is missing",
  expired: "token has expired",
  dialect: "not allowed here",
};

function answerTo(why: Why | undefined): readonly unknown[] {
  switch (why) {
    case undefined:
    case "id": // The token names the id.
      return ["HELLO", "ROOM_OK "];
    case "room":
      return ["HELLO", `ERROR room '${ROOM}' is not allowed`];
    case "unavailable": {
      const reason = "cannot check the token now";
      return [`ERROR ${reason}`, { code: 1013, reason }];
    }
    default: {
      const reason = WORDS[why] ?? "token is not valid";
      return [`ERROR ${reason}`, { code: 1008, reason }];
    }
  }
}

for (const [mode, open] of Object.entries(STAGES)) {
  Deno.test(`GStreamer: the word after HELLO is judged by ${mode}`, async (t) => {
    await using stage = await open();
    for (const { name, token, why, prepare } of stage.cases) {
      await t.step(name, async () => {
        prepare?.();
        const learned = await learn(stage.server, token ?? USER);
        // A webhook is asked about every client, and a uid is no token there.
        assertEquals(learned, answerTo(mode === "a webhook" ? "denied" : why));
        if (token !== undefined) {
          assertEquals(JSON.stringify(stage.server.log).includes(token), false);
        }
        const isGone = async () => await stage.server.gauge("signalbox_peers") === 0;
        await until("the client to be gone", isGone);
      });
    }
  });
}

Deno.test("GStreamer: a token as the word names the uid, and nobody gets to see the token", async () => {
  await using server = startWithSecret();
  await using desk = await sayWord(server, await sign("alice", SEVERAL));
  assertEquals(await desk.next(), "HELLO");
  await using bob = await sayWord(server, await sign("bob"));
  assertEquals(await bob.next(), "HELLO");
  bob.send("SESSION desk");
  assertEquals(await bob.next(), "SESSION_OK");

  await using open = startWithNobodys();
  await using first = await sayWord(open, NOBODYS);
  await using second = await sayWord(open, NOBODYS);
  for (const client of [first, second]) {
    assertEquals(await client.next(), "HELLO");
    client.send("ROOM lobby");
  }
  const rooms = [await first.nextText(), await second.nextText()].sort();
  assertEquals(rooms[0], "ROOM_OK ");
  assertMatch(rooms[1] ?? "", /^ROOM_OK [0-9a-f]{32}@anonymous$/);
});

/** An OWT client of the newer generation logs in; its first answer. */
async function logIn(client: WsClient, token: string): Promise<string> {
  client.send(`420["authentication",${JSON.stringify({ token })}]`);
  return await client.nextText();
}

async function openOwt({ wsUrl }: TestServer, query = ""): Promise<WsClient> {
  const client = await WsClient.open(`${wsUrl}/socket.io/?EIO=4&transport=websocket${query}`);
  await client.next();
  client.send("40");
  return client;
}

async function openNewOwt(server: TestServer): Promise<WsClient> {
  const client = await openOwt(server);
  assertEquals((await client.nextText()).slice(0, 8), '40{"sid"');
  return client;
}

const authenticated = (uid: string): string => `42["server-authenticated",{"uid":"${uid}"}]`;

Deno.test("OWT: the uid is the first exact id of the token, or its user, or made by the server", async () => {
  await using server = startWithSecret();
  const uids: readonly [ids: readonly string[] | undefined, uid: string][] = [
    [undefined, "alice"],
    [SEVERAL, "desk"],
    [["desk-*"], "alice"],
    [[], "alice"],
  ];
  for (const [ids, uid] of uids) {
    const token = await sign("alice", ids);
    await using client = await openNewOwt(server);
    assertEquals(await logIn(client, token), authenticated(uid));
    assertEquals(await client.next(), `430[{"uid":"${uid}"}]`);
    await using older = await openOwt(server, `&clientVersion=4.2&token=${token}`);
    assertEquals((await older.nextText()).slice(0, 8), '40{"sid"');
    assertEquals(await older.next(), authenticated(uid));
    assertEquals([await client.next(), await client.next()], ['42["server-disconnect"]', "41"]);
  }
  await using open = startWithNobodys();
  await using nobody = await openNewOwt(open);
  assertMatch(await logIn(nobody, NOBODYS), /\{"uid":"[0-9a-f]{32}@anonymous"\}/);
  assertEquals(JSON.stringify(open.log).includes(NOBODYS), false);
});

Deno.test("OWT: another user does not get an id, and has it anew on a connection that changes hands", async () => {
  await using server = startWithSecret();
  const [alices, bobs] = [await sign("alice", ["desk"]), await sign("bob", ["desk"])];
  await using client = await openNewOwt(server);
  assertEquals(await logIn(client, alices), authenticated("desk"));
  assertEquals(await client.next(), '430[{"uid":"desk"}]');
  await using other = await openNewOwt(server);
  assertEquals(await logIn(other, bobs), '430[{"error":2121}]');
  assertEquals(await other.next(), "41");
  assertEquals(await logIn(client, bobs), authenticated("desk"));
  assertEquals(await client.next(), '430[{"uid":"desk"}]');
  // The id is Bob's now, so that Alice does not take it over.
  await using again = await openNewOwt(server);
  assertEquals(await logIn(again, alices), '430[{"error":2121}]');
  await using bob = await openNewOwt(server);
  assertEquals(await logIn(bob, bobs), authenticated("desk"));
  assertEquals(await client.next(), '42["server-disconnect"]');
});

Deno.test("PeerJS: an id is its user's, whichever token that user shows in `token`", async () => {
  await using server = startWithSecret();
  const open = (query: string): Promise<WsClient> =>
    WsClient.open(`${server.wsUrl}/peerjs?id=shared&${query}`);
  const taken = { type: "ID-TAKEN", payload: { msg: "ID is taken" } };
  const token = await sign("alice", ["shared"]);
  await using first = await open(`key=peerjs&token=${token}`);
  assertEquals(await first.nextJson(), { type: "OPEN" });
  await using thief = await open(`key=peerjs&token=${await sign("bob", ["shared"])}`);
  assertEquals(await thief.nextJson(), taken);
  // In the key's place the token proves nothing: `token` does, and it is another one.
  await using other = await open(`key=${token}&token=mine`);
  assertEquals(await other.nextJson(), taken);
  await using again = await open(
    `key=peerjs&token=${await sign("alice", ["shared"], "1h")}`,
  );
  assertEquals(await again.nextJson(), { type: "OPEN" });
  assertEquals((await first.closed).code, 1000);
});
