import { assertEquals, assertStringIncludes } from "@std/assert";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import { startTestServer, type TestServer } from "../../helpers/wire/server.ts";
import { WsClient } from "../../helpers/wire/ws_client.ts";

// A reload takes up what has changed in files, and hangs up on nobody.

interface Folder extends Disposable {
  /** Writes a file, and returns its path. */
  write(name: string, text: string): string;
}

function newFolder(): Folder {
  const path = Deno.makeTempDirSync();
  return {
    write(name, text): string {
      Deno.writeTextFileSync(`${path}/${name}`, text);
      return `${path}/${name}`;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** The first frame of a PeerJS client with a token. */
async function answerTo(server: TestServer, token: string): Promise<string> {
  const query = `key=${token}&id=alice&token=random`;
  await using client = await WsClient.open(`${server.wsUrl}/peerjs?${query}`);
  const { type, payload } = await client.nextJson() as { type: string; payload?: { msg: string } };
  return payload?.msg ?? type;
}

/** A client of Simple that is in a room, and proves that it still is. */
async function joinSimple(server: TestServer, token: string): Promise<
  AsyncDisposable & { isThere(): Promise<boolean> }
> {
  const client = await WsClient.open(`${server.wsUrl}/simple?room=r&token=${token}`);
  for (let event = ""; event !== "ready";) {
    event = (await client.nextJson() as { event?: string }).event ?? "";
  }
  return {
    async isThere(): Promise<boolean> {
      client.send('{"event":"ping","ref":1}');
      return (await client.nextJson() as { event: string }).event === "pong";
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

function errorsOf(server: TestServer): string[] {
  return server.log.filter(({ level }) => level === "error")
    .map(({ facts }) => String(facts["error"]));
}

Deno.test("a reload takes up fresh tokens of the mode and of one dialect, and hangs up on nobody", async () => {
  using folder = newFolder();
  const [common, own] = [
    folder.write("common", "alice:a-token-of-alice\n"),
    folder.write("own", "a-token-of-simple\n"),
  ];
  await using server = startTestServer({
    args: [
      ...["--auth-mode=tokens", "--auth-tokens-file", common, "--auth-dialects=peerjs"],
      ...["--simple-tokens-file", own],
    ],
  });
  await using member = await joinSimple(server, "a-token-of-simple");
  assertEquals(await answerTo(server, "a-token-of-alice"), "OPEN");
  folder.write("common", "alice:a-fresh-token-here\n");
  folder.write("own", "another-token-of-simple\n");
  assertEquals(await answerTo(server, "a-fresh-token-here"), "Token is not valid");
  assertEquals(await server.reload(), []);
  assertEquals(await answerTo(server, "a-fresh-token-here"), "OPEN");
  assertEquals(await answerTo(server, "a-token-of-alice"), "Token is not valid");
  assertEquals(await member.isThere(), true);
  await using late = await joinSimple(server, "another-token-of-simple");
  assertEquals([await late.isThere(), errorsOf(server)], [true, []]);
});

Deno.test("a file that cannot be used leaves its secret as it was, and is one error line", async () => {
  using folder = newFolder();
  const tokens = folder.write("tokens", "alice:a-token-of-alice\n");
  const secret = folder.write("secret", "first");
  await using server = startTestServer({
    args: [
      ...["--auth-mode=tokens", "--auth-tokens-file", tokens],
      ...[
        "--ice-servers=turn:turn.example.org",
        "--ice-secret-file",
        secret,
        "--ice-ttl-seconds=60",
      ],
    ],
  });
  folder.write("tokens", "\n");
  folder.write("secret", "second");
  const unusable = [`Cannot use --auth-tokens-file ${JSON.stringify(tokens)}: it is empty`];
  assertEquals([await server.reload(), errorsOf(server)], [unusable, unusable]);
  assertEquals(await answerTo(server, "a-token-of-alice"), "OPEN");
  await Deno.remove(tokens);
  const [missing = ""] = await server.reload();
  assertStringIncludes(missing, "no such file");
  assertEquals(await answerTo(server, "a-token-of-alice"), "OPEN");
});

Deno.test("a reload changes the secret of TURN credentials", async () => {
  using folder = newFolder();
  const secret = folder.write("secret", "first");
  const args = ["--ice-servers=turn:turn.example.org", "--ice-secret-file", secret];
  await using server = startTestServer({ args });
  const isMadeWith = async (text: string): Promise<boolean> => {
    const answer = await (await fetch(`${server.url}/ice`)).json();
    const { username, credential } = answer.iceServers[0];
    const bytes = new TextEncoder().encode(text);
    const hmac = { name: "HMAC", hash: "SHA-1" };
    const key = await crypto.subtle.importKey("raw", bytes, hmac, false, ["sign"]);
    const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(username));
    return credential === btoa(String.fromCharCode(...new Uint8Array(mac)));
  };
  assertEquals(await isMadeWith("first"), true);
  folder.write("secret", "second\n");
  assertEquals(await server.reload(), []);
  assertEquals(await isMadeWith("second"), true);
});

Deno.test("a reload takes up a rotated key, and keeps the old one while the file is broken", async () => {
  using folder = newFolder();
  const newPair = (): ReturnType<typeof generateKeyPair> =>
    generateKeyPair("ES256", { extractable: true });
  const [first, second] = [await newPair(), await newPair()];
  const tokenOf = ({ privateKey }: typeof first): Promise<string> =>
    new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "ES256" })
      .setExpirationTime("10m").sign(privateKey);
  const key = folder.write("key", await exportSPKI(first.publicKey));
  await using server = startTestServer({ args: ["--auth-mode=jwt", "--auth-jwt-key", key] });
  const [old, fresh] = [await tokenOf(first), await tokenOf(second)];
  assertEquals([await answerTo(server, old), await answerTo(server, fresh)], [
    "OPEN",
    "Token is not valid",
  ]);
  folder.write("key", "no key");
  const [problem = ""] = await server.reload();
  assertStringIncludes(problem, `Cannot use --auth-jwt-key "${key}"`);
  assertEquals(await answerTo(server, old), "OPEN");
  folder.write("key", await exportSPKI(second.publicKey));
  assertEquals(await server.reload(), []);
  assertEquals([await answerTo(server, old), await answerTo(server, fresh)], [
    "Token is not valid",
    "OPEN",
  ]);
});

Deno.test("ids that were issued under the secret before a reload stay good", async () => {
  using folder = newFolder();
  const secret = folder.write("secret", "a secret of sixteen");
  const args = ["--peerjs-id-secret-file", secret, "--peerjs-server-ids-only"];
  await using server = startTestServer({ args });
  const issue = async (): Promise<string> => await (await fetch(`${server.url}/peerjs/id`)).text();
  const open = async (id: string): Promise<unknown> => {
    await using client = await WsClient.open(
      `${server.wsUrl}/peerjs?key=peerjs&token=t&id=${id}`,
    );
    return await client.nextJson();
  };
  const old = await issue();
  folder.write("secret", "another secret of sixteen");
  assertEquals(await server.reload(), []);
  assertEquals([await open(old), await open(await issue())], [{ type: "OPEN" }, { type: "OPEN" }]);
});
