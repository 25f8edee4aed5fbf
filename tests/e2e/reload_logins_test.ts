import { assertEquals } from "@std/assert";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Webhook } from "standardwebhooks";
import { startMain } from "../helpers/process/main_process.ts";
import { systemTest } from "../helpers/process/systems.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// A reload in the middle of a login, over sockets: a login ends by the settings under which it began.

const OPERATOR = "a-token-of-an-operator";
const OLD = `whsec_${btoa("a first secret of 24 byte")}`;
const NEW = `whsec_${btoa("a second one of 24 bytes")}`;
const OPEN = { type: "OPEN" };
const INVALID = { type: "ERROR", payload: { msg: "Token is not valid" } };

/** A request that somebody else's server holds until the test answers it. */
interface Asked {
  readonly secret: "old" | "new" | undefined;
  readonly answer: (response: Response) => void;
}

interface Receiver extends AsyncDisposable {
  readonly url: string;
  /** The next request, which has no answer yet. */
  next(): Promise<Asked>;
}

/** Stands for a webhook or an issuer of keys, and answers when the test wants it to. */
function startReceiver(): Receiver {
  const waiting: Asked[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (one) => {
    const secret = secretOf(Object.fromEntries(one.headers), await one.text());
    const { promise, resolve } = Promise.withResolvers<Response>();
    waiting.push({ secret, answer: resolve });
    return await promise;
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    async next(): Promise<Asked> {
      await until("a request", () => waiting.length > 0);
      const [asked] = waiting.splice(0, 1);
      if (asked === undefined) throw new Error("Nobody asks");
      return asked;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The secret with which a question is signed. */
function secretOf(headers: Record<string, string>, body: string): Asked["secret"] {
  for (const [name, secret] of [["old", OLD], ["new", NEW]] as const) {
    try {
      new Webhook(secret).verify(body, headers);
      return name;
    } catch {
      // The other one's, or no question at all.
    }
  }
}

/** Begins a login of PeerJS, and returns its first frame. */
async function logIn(url: string, id: string, token: string): Promise<unknown> {
  const query = `key=peerjs&id=${id}&token=${token}`;
  await using client = await WsClient.open(`${url.replace(/^http/, "ws")}/peerjs?${query}`);
  return await client.nextJson();
}

async function reload(url: string): Promise<void> {
  const admin = await AdminClient.open(url, OPERATOR);
  const { status, body } = await admin.post("/reload");
  assertEquals([status, body], [200, { outcome: "reloaded" }]);
}

const webhookArgs = (url: string, file: string): string[] => [
  ...["--auth-mode=webhook", "--auth-webhook-url", url, "--auth-webhook-secret-file", file],
  ...["--auth-webhook-timeout-ms=60000", "--admin-tokens", OPERATOR],
];

Deno.test("a client that waits for the webhook gets its answer after a reload, and the next question has the new secret", async () => {
  await using folder = await TempFolder.make();
  await using receiver = startReceiver();
  const file = `${folder.path}/secret`;
  await Deno.writeTextFile(file, OLD);
  await using server = startTestServer({ args: webhookArgs(receiver.url, file) });
  for (const allow of [true, false]) {
    await Deno.writeTextFile(file, OLD);
    await reload(server.url);
    const first = logIn(server.url, `first-${allow}`, "a");
    const asked = await receiver.next();
    await Deno.writeTextFile(file, NEW);
    await reload(server.url);
    asked.answer(Response.json({ allow }));
    assertEquals([asked.secret, await first], ["old", allow ? OPEN : INVALID]);
    const second = logIn(server.url, `second-${allow}`, "a");
    const later = await receiver.next();
    later.answer(Response.json({ allow: true }));
    assertEquals([later.secret, await second], ["new", OPEN]);
  }
});

Deno.test("a question that is asked again after a reload has the new secret", async () => {
  await using folder = await TempFolder.make();
  await using receiver = startReceiver();
  const file = `${folder.path}/secret`;
  await Deno.writeTextFile(file, OLD);
  await using server = startTestServer({ args: webhookArgs(receiver.url, file) });
  const login = logIn(server.url, "alice", "a");
  const first = await receiver.next();
  await Deno.writeTextFile(file, NEW);
  await reload(server.url);
  first.answer(new Response(null, { status: 500 }));
  const second = await receiver.next();
  second.answer(Response.json({ allow: true }));
  assertEquals([first.secret, second.secret, await login], ["old", "new", OPEN]);
});

Deno.test("a client that waits for the issuer's keys is admitted after a reload", async () => {
  await using issuer = startReceiver();
  await using folder = await TempFolder.make();
  const file = `${folder.path}/tokens`;
  await Deno.writeTextFile(file, `${OPERATOR}\n`);
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const args = [
    ...["--auth-mode=jwt", "--auth-jwks", issuer.url, "--auth-jwt-audience=calls"],
    ...["--auth-jwks-timeout-ms=60000", "--admin-tokens-file", file],
  ];
  await using server = startTestServer({ args });
  const fetched = await issuer.next();
  const token = await new SignJWT({ sub: "alice", aud: "calls" })
    .setProtectedHeader({ alg: "ES256", kid: "a" }).setExpirationTime("10m").sign(privateKey);
  const client = await WsClient.open(
    `${server.wsUrl}/peerjs?key=peerjs&id=alice&token=${token}`,
  );
  await reload(server.url);
  const jwk = { ...await exportJWK(publicKey), kid: "a" };
  fetched.answer(Response.json({ keys: [jwk] }));
  assertEquals(await client.nextJson(), OPEN);
  await client.close();
  // The reload has asked the issuer for nothing, which its next fetch does.
  assertEquals(await logIn(server.url, "alice", token), OPEN);
});

Deno.test("a refusal that waits for its time stays one, though a reload makes its token good", async () => {
  await using folder = await TempFolder.make();
  const file = `${folder.path}/tokens`;
  await Deno.writeTextFile(file, "alice:a-first-token-of-16\n");
  const clock = new FakeClock();
  const args = ["--auth-mode=tokens", "--auth-tokens-file", file, "--admin-tokens", OPERATOR];
  await using server = startTestServer({ args: [...args, "--auth-failure-burst=1"], clock });
  const fresh = "a-second-token-of-16";
  assertEquals(await logIn(server.url, "alice", fresh), INVALID);
  const query = `key=peerjs&id=alice&token=${fresh}`;
  await using client = await WsClient.open(`${server.wsUrl}/peerjs?${query}`);
  await until("the second check", async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return text.includes('auth_attempts_total{dialect="peerjs",outcome="denied"} 2\n');
  });
  await Deno.writeTextFile(file, `alice:${fresh}\n`);
  await reload(server.url);
  clock.advance(5_000);
  assertEquals(await client.nextJson(), INVALID);
  assertEquals(await logIn(server.url, "alice", fresh), OPEN);
});

systemTest({
  name: "SIGHUP in the middle of a login: it ends by the webhook's answer",
  needs: "signals",
  fn: async () => {
    await using folder = await TempFolder.make();
    await using receiver = startReceiver();
    const file = `${folder.path}/secret`;
    await Deno.writeTextFile(file, OLD);
    const args = ["--listen", "http://127.0.0.1:0", ...webhookArgs(receiver.url, file)];
    await using server = await startMain({ args });
    const [url = ""] = server.urls;
    const login = logIn(url, "alice", "a");
    const asked = await receiver.next();
    await Deno.writeTextFile(file, NEW);
    server.signal("SIGHUP");
    await until("the reload", () => server.stderr().includes("secrets and keys read again"));
    asked.answer(Response.json({ allow: true }));
    assertEquals([asked.secret, await within("the login", login)], ["old", OPEN]);
  },
});
