import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../../src/config/load.ts";
import { startTestServer, type TestServer } from "../../helpers/wire/server.ts";
import { until } from "../../helpers/wire/waiting.ts";

// A stand-in speaks the HTTP interface of Cloudflare's TURN service: credentials/generate-ice-servers.

const KEY = "0123456789abcdef";
const TOKEN = "an-api-token-of-the-tests";
const OWN = ["--ice-provider=cloudflare", `--ice-provider-key-id=${KEY}`];

interface StandIn extends AsyncDisposable {
  readonly args: readonly string[];
  readonly asked: { readonly ttl: number }[];
}

function startStandIn(): StandIn {
  const asked: { ttl: number }[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const isKnown = request.method === "POST" &&
        pathname === `/v1/turn/keys/${KEY}/credentials/generate-ice-servers` &&
        request.headers.get("authorization") === `Bearer ${TOKEN}`;
      const body = await request.json();
      if (!isKnown) return new Response("unauthorized", { status: 401 });
      asked.push(body);
      const turn = ["turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:5349"];
      const iceServers = [
        { urls: ["stun:stun.example.org:3478"] },
        { urls: turn, username: `name-${asked.length}`, credential: "word" },
      ];
      return Response.json({ iceServers }, { status: 201 });
    },
  );
  return {
    args: [...OWN, `--ice-provider-url=http://127.0.0.1:${server.addr.port}`],
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function iceOf({ url }: TestServer): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${url}/ice`);
  return { status: answer.status, text: await answer.text() };
}

Deno.test("/ice hands out a provider's servers, which no client's request fetches", async () => {
  await using provider = startStandIn();
  const args = [...provider.args, `--ice-provider-token=${TOKEN}`, "--ice-ttl-seconds=600"];
  await using server = startTestServer({ args });
  await until("the first credentials", async () => (await iceOf(server)).status === 200);
  for (let nth = 0; nth < 3; nth++) {
    const { iceServers, ttl } = JSON.parse((await iceOf(server)).text);
    assertEquals(iceServers.length, 2);
    assertEquals([iceServers[1].username, iceServers[1].credential], ["name-1", "word"]);
    assertEquals(ttl > 0 && ttl <= 600, true, `${ttl} s`);
  }
  assertEquals(provider.asked, [{ ttl: 600 }]);
  const turn = await (await fetch(`${server.url}/ice?service=turn`)).json();
  assertEquals([turn.username, turn.uris.length], ["name-1", 2]);
});

Deno.test("without a provider's servers /ice answers 503, and the log has no token", async () => {
  await using provider = startStandIn();
  await using server = startTestServer({
    args: [...provider.args, "--ice-provider-token=a-wrong-token"],
  });
  const failed = (): boolean => server.log.some(({ level }) => level === "warning");
  await until("the refusal of the provider", failed);
  assertEquals(await iceOf(server), { status: 503, text: "No TURN servers at the moment\n" });
  const warning = server.log.find(({ level }) => level === "warning");
  assertEquals(warning?.facts, { error: "status 401" });
  assertEquals(JSON.stringify(server.log).includes("a-wrong-token"), false);
});

Deno.test("options of a provider that contradict each other end the start", () => {
  const objection = (...args: string[]): string =>
    assertThrows(() => startTestServer({ args }), ConfigError).messages.join();
  assertStringIncludes(objection(...OWN), "without --ice-provider-token");
  assertStringIncludes(objection(...OWN.slice(1)), "--ice-provider-key-id without --ice-provider");
  const whole = [...OWN, `--ice-provider-token=${TOKEN}`];
  assertStringIncludes(objection(...whole, "--ice-secret=s"), "--ice-secret beside --ice-provider");
  const turn = objection(...whole, "--ice-servers=turn:turn.example.org");
  assertStringIncludes(turn, '"turn:turn.example.org" beside --ice-provider');
});
