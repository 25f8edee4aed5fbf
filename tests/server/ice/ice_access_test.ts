import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { SignJWT } from "jose";
import { ConfigError } from "../../../src/config/load.ts";
import { startTestServer } from "../../helpers/wire/server.ts";
import { WsClient } from "../../helpers/wire/ws_client.ts";

// The tokens of plain HTTP resources: /ice and PeerJS's list of ids.

const ICE = ["--ice-servers=turn:turn.example.org", "--ice-secret=a secret of the tests"];
const ALICE = "a-token-of-alice";
const TOKENS = ["--auth-mode=tokens", `--auth-tokens=alice:${ALICE}`];
const SECRET = "a secret of more than thirty-two bytes";

interface Answer {
  readonly status: number;
  readonly challenge: string | null;
  readonly text: string;
}

async function get(url: string, token?: string): Promise<Answer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(url, { headers });
  const { status } = answer;
  return { status, challenge: answer.headers.get("www-authenticate"), text: await answer.text() };
}

function refusal(text: string): Answer {
  return { status: 401, challenge: "Bearer", text: `${text}\n` };
}

Deno.test("/ice wants a token where clients need one, by header or query, of whatever dialect", async () => {
  await using server = startTestServer({ args: [...ICE, ...TOKENS, "--auth-dialects=owt"] });
  const url = `${server.url}/ice`;
  assertEquals(await get(url), refusal("Token is missing"));
  assertEquals(await get(url, "not-a-token-at-all"), refusal("Token is not valid"));
  const { status, text } = await get(url, ALICE);
  assertEquals(status, 200);
  assertStringIncludes(JSON.parse(text).iceServers[0].username, ":alice");
  assertEquals((await get(`${url}?token=${ALICE}`)).status, 200);
});

Deno.test("/ice is open with --ice-access open, and guarded only where a mode is on", async () => {
  await using open = startTestServer({ args: [...ICE, ...TOKENS, "--ice-access=open"] });
  const { status, text } = await get(`${open.url}/ice`);
  assertEquals(status, 200);
  assertStringIncludes(text, ":anonymous");
  const fault = assertThrows(
    () => startTestServer({ args: [...ICE, "--ice-access=token"] }),
    ConfigError,
  );
  assertStringIncludes(fault.message, "--ice-access token with --auth-mode none");
});

Deno.test("/ice answers 503 while no token can be checked", async () => {
  const jwks = ["--auth-jwks=http://127.0.0.1:9/keys", "--auth-jwt-audience=calls"];
  await using server = startTestServer({ args: [...ICE, "--auth-mode=jwt", ...jwks] });
  const token = await new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "ES256" })
    .setExpirationTime("10m").sign((await newKey()).privateKey);
  const { status, challenge, text } = await get(`${server.url}/ice`, token);
  assertEquals([status, challenge, text], [503, null, "Cannot check the token now\n"]);
});

async function newKey(): Promise<CryptoKeyPair> {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  return await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
}

Deno.test("credentials from /ice end with a token only where connections do, too", async () => {
  for (const expiry of ["connect", "close"]) {
    const jwt = ["--auth-mode=jwt", "--auth-jwt-secret", SECRET, `--auth-expiry=${expiry}`];
    await using server = startTestServer({ args: [...ICE, ...jwt, "--auth-jwt-leeway-seconds=0"] });
    const token = await new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("10m").sign(new TextEncoder().encode(SECRET));
    const { ttl } = JSON.parse((await get(`${server.url}/ice`, token)).text);
    assertEquals(ttl <= 600, expiry === "close", `${ttl} s`);
  }
});

Deno.test("Simple's ready has credentials in the user's name", async () => {
  await using server = startTestServer({ args: [...ICE, ...TOKENS] });
  await using client = await WsClient.open(`${server.wsUrl}/simple?room=r&token=${ALICE}`);
  await client.nextJson();
  const ready = await client.nextJson() as { ice_servers: { username?: string }[] };
  assertStringIncludes(ready.ice_servers[0]?.username ?? "", ":alice");
});

Deno.test("PeerJS lists ids for a token, in the key's place or outside the path", async () => {
  const args = [...TOKENS, "--peerjs-allow-discovery"];
  await using server = startTestServer({ args });
  const list = (key: string, token?: string): Promise<Answer> =>
    get(`${server.url}/${key}/peers`, token);
  const granted = { status: 200, challenge: null, text: "[]" };
  assertEquals(await list("peerjs"), refusal("Token is missing"));
  assertEquals(await list("not-a-token-at-all"), refusal("Token is not valid"));
  assertEquals(await list("not-a-token-at-all", ALICE), refusal("Token is not valid"));
  assertEquals([await list(ALICE), await list("peerjs", ALICE)], [granted, granted]);
  await using closed = startTestServer({ args: TOKENS });
  const { status, text } = await get(`${closed.url}/peerjs/peers`, ALICE);
  assertEquals([status, text], [401, "Unauthorized"]);
});

Deno.test("log lines of an authenticated connection name its user, cut to 64 characters", async () => {
  const user = "u".repeat(100);
  const jwt = ["--auth-mode=jwt", "--auth-jwt-secret", SECRET];
  await using server = startTestServer({ args: jwt });
  const token = await new SignJWT({ sub: user }).setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("10m").sign(new TextEncoder().encode(SECRET));
  {
    const query = `key=${token}&id=${user}&token=random`;
    await using client = await WsClient.open(`${server.wsUrl}/peerjs?${query}`);
    assertEquals(await client.nextJson(), { type: "OPEN" });
  }
  await server.stop();
  const [closed] = server.log.filter(({ what }) => what === "connection closed");
  assertEquals(closed?.facts["user"], `${"u".repeat(64)}…`);
  assertEquals(JSON.stringify(server.log).includes(token), false);
});
