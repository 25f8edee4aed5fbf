import { assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { Webhook } from "standardwebhooks";
import { OPTIONS } from "../../../src/config/option_list.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { startTestServer, type TestServer } from "../../helpers/wire/server.ts";
import { until } from "../../helpers/wire/waiting.ts";
import { WsClient } from "../../helpers/wire/ws_client.ts";

// Every secret that is in a file is another one after a reload.

/** A secret at work. */
interface Stage extends AsyncDisposable {
  readonly args: readonly string[];
  readonly clock?: FakeClock;
  /** True if the server works with this secret now. */
  isInForce(server: TestServer, secret: string): Promise<boolean>;
}

interface Case {
  /** The content of the file before the reload and after it. */
  readonly secrets: readonly [first: string, second: string];
  readonly open: () => Stage;
}

/** A request that somebody else's server got. */
interface Received {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const TOKENS = ["a-first-token-of-16", "a-second-token-of-16"] as const;
const LONG = ["a first secret of thirty-two bytes", "a second secret of thirty-two bytes"] as const;
const SIGNING = [
  `whsec_${btoa("a first secret of 24 byte")}`,
  `whsec_${btoa("a second one of 24 bytes")}`,
] as const;
const [ISSUED, CLUSTER] = ["those before stay good", "tests/cluster reloads them"];

/** Secrets whose reload other tests try, and the reason. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "peerjs-id-secret": ISSUED,
  "simple-secret": ISSUED,
  "cluster": CLUSTER,
  "cluster-password": CLUSTER,
  "cluster-secret": CLUSTER,
  "cluster-sentinel-password": CLUSTER,
};

/** A stage that asks the server alone. */
function plainly(args: readonly string[], isInForce: Stage["isInForce"]): () => Stage {
  return () => ({ args, isInForce, [Symbol.asyncDispose]: () => Promise.resolve() });
}

/** A stage with somebody else's server, whose requests show the secret. */
function withReceiver(
  argsOf: (url: string) => readonly string[],
  status: number,
  provoke: (server: TestServer, clock: FakeClock) => Promise<void>,
  shows: (received: Received, secret: string) => boolean,
): () => Stage {
  return () => {
    const received: Received[] = [];
    const receiver = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        received.push({ headers: Object.fromEntries(request.headers), body: await request.text() });
        return Response.json({ allow: false }, { status });
      },
    );
    const clock = new FakeClock();
    return {
      args: argsOf(`http://127.0.0.1:${receiver.addr.port}/`),
      clock,
      async isInForce(server, secret): Promise<boolean> {
        const before = received.length;
        await until("a request", async () => {
          await provoke(server, clock);
          return received.length > before;
        });
        const last = received.at(-1);
        return last !== undefined && shows(last, secret);
      },
      [Symbol.asyncDispose]: () => receiver.shutdown(),
    };
  };
}

async function admits(server: TestServer, path: string, token: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${server.url}${path}`, { headers });
  await response.body?.cancel();
  return response.ok;
}

/** True if a PeerJS client with a token gets its id. */
async function opens({ wsUrl }: TestServer, token: string): Promise<boolean> {
  const query = `key=${token}&id=${crypto.randomUUID()}&token=random`;
  await using client = await WsClient.open(`${wsUrl}/peerjs?${query}`);
  return (await client.nextJson() as { type: string }).type === "OPEN";
}

/** True if a join with a token is answered by no error. */
async function joins({ wsUrl }: TestServer, path: string, frame: string): Promise<boolean> {
  await using client = await WsClient.open(`${wsUrl}${path}`);
  client.send(frame);
  return !/"error"|"rtc:error"/.test(await client.nextText());
}

function isSigned({ headers, body }: Received, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

async function credentialOf(
  { url }: TestServer,
): Promise<{ username: string; credential: string }> {
  return (await (await fetch(`${url}/ice`)).json()).iceServers[0];
}

async function macOf(text: string, secret: string): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-1" };
  const bytes = new TextEncoder().encode(secret);
  const key = await crypto.subtle.importKey("raw", bytes, hmac, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return new Uint8Array(mac).toBase64();
}

const TURN = "--ice-servers=turn:turn.example.org";

const CASES: Readonly<Record<string, Case>> = {
  "admin-tokens": {
    secrets: TOKENS,
    open: plainly([], (server, token) => admits(server, "/admin/v1/server", token)),
  },
  "metrics-tokens": {
    secrets: TOKENS,
    open: plainly([], (server, token) => admits(server, "/metrics", token)),
  },
  "auth-tokens": { secrets: TOKENS, open: plainly(["--auth-mode=tokens"], opens) },
  "auth-jwt-secret": {
    secrets: LONG,
    open: plainly(["--auth-mode=jwt"], async (server, secret) => {
      const claims = { sub: "alice", signalbox: { ids: ["*"] } };
      const token = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" })
        .setExpirationTime("10m").sign(new TextEncoder().encode(secret));
      return await opens(server, token);
    }),
  },
  "ssp-tokens": {
    secrets: TOKENS,
    open: plainly(
      [],
      (server, token) =>
        joins(server, `/ssp?token=${token}`, '{"type":"rtc:join","data":{"pool":"p"}}'),
    ),
  },
  "simple-tokens": {
    secrets: TOKENS,
    open: plainly(
      [],
      (server, token) => joins(server, `/simple?token=${token}`, '{"event":"join","room":"r"}'),
    ),
  },
  "ice-secret": {
    secrets: LONG,
    open: plainly([TURN], async (server, secret) => {
      const { username, credential } = await credentialOf(server);
      return credential === await macOf(username, secret);
    }),
  },
  "ice-credential": {
    secrets: LONG,
    open: plainly(
      [TURN, "--ice-username=alice"],
      async (server, secret) => (await credentialOf(server)).credential === secret,
    ),
  },
  "ice-provider-token": {
    secrets: TOKENS,
    open: withReceiver(
      (url) => [
        ...["--ice-provider=cloudflare", "--ice-provider-key-id=key"],
        `--ice-provider-url=${url}`,
      ],
      401,
      (_server, clock) => Promise.resolve(clock.advance(30_000)),
      ({ headers }, token) => headers["authorization"] === `Bearer ${token}`,
    ),
  },
  "auth-webhook-secret": {
    secrets: SIGNING,
    open: withReceiver(
      (url) => ["--auth-mode=webhook", `--auth-webhook-url=${url}`, "--auth-max-delay-ms=0"],
      200,
      async (server) => void await opens(server, crypto.randomUUID()),
      isSigned,
    ),
  },
  "webhooks-secret": {
    secrets: SIGNING,
    open: withReceiver(
      (url) => [`--webhooks-url=${url}`],
      200,
      async (server) => void await opens(server, "peerjs"),
      isSigned,
    ),
  },
};

for (const [flag, { secrets: [first, second], open }] of Object.entries(CASES)) {
  Deno.test(`a reload takes up another file of --${flag}-file`, async () => {
    await using folder = await TempFolder.make();
    const file = `${folder.path}/secret`;
    await Deno.writeTextFile(file, `${first}\n`);
    await using stage = open();
    const { args, clock } = stage;
    await using server = startTestServer({
      args: [...args, `--${flag}-file`, file],
      ...(clock === undefined ? {} : { clock }),
    });
    await server.started;
    const inForce = async (): Promise<boolean[]> => [
      await stage.isInForce(server, first),
      await stage.isInForce(server, second),
    ];
    assertEquals(await inForce(), [true, false]);
    await Deno.writeTextFile(file, `${second}\n`);
    assertEquals(await server.reload(), []);
    // A request of before the reload may still be on its way.
    await until("the second secret alone", async () => {
      const [isFirst, isSecond] = await inForce();
      return isFirst === false && isSecond === true;
    });
  });
}

Deno.test("every secret has such a test, here or elsewhere", () => {
  const tested = [...Object.keys(CASES), ...Object.keys(ELSEWHERE)];
  const secrets = OPTIONS.filter(({ isSecret }) => isSecret).map(({ flag }) => flag);
  assertEquals(tested.toSorted(), secrets.toSorted());
});
