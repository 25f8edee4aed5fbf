import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import { ConfigError } from "../../../src/config/load.ts";
import { startTestServer } from "../../helpers/wire/server.ts";

const TURN = ["--ice-servers", "turn:turn.example.org"];
const SECRET = ["--ice-secret", "a secret of the tests"];

async function get(url: string): Promise<{ status: number; headers: Headers; body: unknown }> {
  const answer = await fetch(url, { headers: { origin: "https://app.example.org" } });
  const text = await answer.text();
  const { status, headers } = answer;
  return { status, headers, body: status === 200 ? JSON.parse(text) : text };
}

Deno.test("/ice serves the argument of RTCPeerConnection, never from a cache", async () => {
  const args = ["--ice-servers", "stun:stun.example.org", ...TURN, ...SECRET];
  await using server = startTestServer({ args });
  const { status, headers, body } = await get(`${server.url}/ice`);
  const { iceServers: [stun, turn], ttl, expiresAt, ...rest } = body as {
    iceServers: { urls: string[]; username?: string; credential?: string }[];
    ttl: number;
    expiresAt: string;
  };
  assertEquals([status, ttl, rest], [200, 86_400, {}]);
  assertEquals(headers.get("cache-control"), "no-store");
  assertEquals(headers.get("access-control-allow-origin"), "https://app.example.org");
  assertEquals(stun, { urls: ["stun:stun.example.org"] });
  assertEquals(turn?.urls, ["turn:turn.example.org"]);
  const seconds = Math.floor(Date.parse(expiresAt) / 1000);
  assertEquals(turn?.username, `${seconds}:anonymous`);
  assertMatch(turn?.credential ?? "", /^[A-Za-z0-9+/]{27}=$/);
  assertEquals(await server.gauge("signalbox_ice_credentials_total"), 1);
});

Deno.test("/ice?service=turn serves the draft's shape, or 404 without a TURN server", async () => {
  await using server = startTestServer({ args: [...TURN, ...SECRET, "--ice-ttl-seconds", "60"] });
  const { body } = await get(`${server.url}/ice?service=turn`);
  const { username, password, ...rest } = body as Record<string, unknown>;
  assertEquals(rest, { ttl: 60, uris: ["turn:turn.example.org"] });
  assertEquals([typeof username, typeof password], ["string", "string"]);
  await using other = startTestServer({ args: ["--ice-servers", "stun:stun.example.org"] });
  assertEquals((await get(`${other.url}/ice?service=turn`)).status, 404);
});

Deno.test("/ice is 404 without --ice-servers, and 429 over its rate", async () => {
  await using none = startTestServer();
  assertEquals((await get(`${none.url}/ice`)).status, 404);
  const args = [...TURN, ...SECRET, "--ice-request-burst", "2", "--ice-requests-per-second", "1"];
  // No allowance grows meanwhile.
  await using server = startTestServer({ args, clock: new FakeClock() });
  const answers = [];
  for (let nth = 0; nth < 4; nth++) answers.push(await get(`${server.url}/ice`));
  assertEquals(answers.map(({ status }) => status), [200, 200, 429, 429]);
  assertEquals(answers[2]?.headers.get("retry-after"), "1");
});

Deno.test("--ice-policy relay asks clients to use nothing but relays", async () => {
  await using server = startTestServer({ args: [...TURN, ...SECRET, "--ice-policy", "relay"] });
  const { body } = await get(`${server.url}/ice`);
  assertEquals((body as Record<string, unknown>)["iceTransportPolicy"], "relay");
});

Deno.test("options of TURN that contradict each other end the start", () => {
  const cases: [args: string[], words: RegExp][] = [
    [TURN, /needs --ice-secret/],
    [[...TURN, ...SECRET, "--ice-username", "u"], /exclude each other/],
    [[...TURN, "--ice-username", "u"], /need each other/],
    [SECRET, /need a turn: URL/],
  ];
  for (const [args, words] of cases) {
    const { messages } = assertThrows(() => startTestServer({ args }), ConfigError);
    assertEquals(messages.length, 1);
    assertMatch(messages[0] ?? "", words);
  }
});

Deno.test("--ice-servers takes URLs of STUN and TURN, and nothing else", async () => {
  for (const url of ["stuns:[2001:db8::1]:5349", "turns:t.example.org:443?transport=tcp"]) {
    await using server = startTestServer({
      args: ["--ice-servers", url, ...url.startsWith("t") ? SECRET : []],
    });
    assertEquals((await get(`${server.url}/ice`)).status, 200);
  }
  for (
    const url of ["https://x", "stun:", "stun:a/b", "turn:u@h", "stun:h?transport=udp", "turn:h?x"]
  ) {
    assertThrows(() => startTestServer({ args: ["--ice-servers", url] }), ConfigError);
  }
});
