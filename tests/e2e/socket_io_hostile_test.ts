import { assert, assertEquals } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { assertEmpty, faultsOf, gaugeOf } from "../helpers/wire/gauges.ts";
import { Dice, mutate } from "../helpers/session/mutate.ts";
import { occupied } from "../helpers/process/occupied.ts";
import { encodeFrame } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { until } from "../helpers/wire/waiting.ts";

// Anything at all to /socket.io of a real server, by many at once, beside others' calls.

const ATTACKS = 1_500;
const AT_ONCE = 10;
/** The growth of memory that is allowed once all of them have gone. */
const GROWTH = 0.1;
const ROUNDS = 4;

const PACKETS = [
  "40",
  "40/ssp,",
  '40{"token":"x"}',
  "41",
  "41/ssp,",
  '420["authentication",{"token":"x"}]',
  '421["owt-message",{"to":"x","data":"{}"}]',
  '42/ssp,["rtc:join",{"pool":"p"}]',
  '42/ssp,["rtc:sdp",{"to":"x","description":{"type":"offer"}}]',
  "430[]",
  '451-["x",{"_placeholder":true,"num":0}]',
  '450-/ssp,["x"]',
  "bAAEC",
  "2probe",
  "2",
  "3",
  "5",
  "6",
  "1",
] as const;

const TARGETS = [
  "/socket.io/?EIO=4&transport=polling",
  "/socket.io/?EIO=3&transport=polling&token=x",
  "/socket.io/?EIO=4&transport=polling&sid=SID",
  "/socket.io/?EIO=3&transport=polling&sid=SID&b64=1",
  "/socket.io/?EIO=4&transport=websocket&sid=SID",
  "/socket.io?transport=websocket&clientVersion=4.3",
] as const;

/** Sends text that is hardly HTTP, and goes. */
async function sendRequest(url: string, dice: Dice): Promise<void> {
  using socket = await RawSocket.connect(url);
  const target = await withSession(url, dice, dice.pick(TARGETS));
  const payload = Array.from({ length: 1 + dice.roll(3) }, () => mutate(dice, PACKETS));
  const body = payload.join(dice.pick(["\x1e", "", "3:"]));
  const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const type = dice.pick(["text/plain", "application/octet-stream", "x"]);
  const length = `Content-Type: ${type}\r\nContent-Length: ${
    new TextEncoder().encode(body).length
  }`;
  const request = dice.pick([
    `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET ${target} HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
    `POST ${target} HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n${body}`,
    `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n${body}`,
    `OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n\r\n`,
  ]);
  const isWhole = dice.roll(4) > 0;
  await socket.write(isWhole ? request : mutate(dice, [request]));
  // Half of them wait for an answer, where there will be one: polls wait themselves.
  const isAnswered = isWhole && request.startsWith("POST") && !request.includes("chunked");
  if (isAnswered && dice.roll(2) === 0) await socket.headIfAny();
}

/** Sends text that is hardly Socket.IO over a WebSocket, and goes with or without a goodbye. */
async function sendPackets(url: string, dice: Dice): Promise<void> {
  const query = dice.pick([
    "EIO=4",
    "EIO=3",
    "EIO=3&token=x",
    "clientVersion=5.0",
    "EIO=4&token=y",
  ]);
  using socket = await RawSocket.upgrade(`${url}/socket.io/?transport=websocket&${query}`);
  if (dice.roll(4) > 0) await socket.send("40");
  for (let count = dice.roll(12); count > 0; count--) {
    const payload = dice.roll(3) === 0 ? dice.pick(PACKETS) : mutate(dice, PACKETS);
    if (!await socket.write(encodeFrame({ payload }))) return;
  }
  if (dice.roll(2) === 0) await socket.send("1");
}

/** Puts the id of a session that lives into a target that wants one. */
async function withSession(url: string, dice: Dice, target: string): Promise<string> {
  if (!target.includes("SID") || dice.roll(3) === 0) return target;
  const response = await fetch(`${url}/socket.io/?EIO=${3 + dice.roll(2)}&transport=polling`);
  const sid = /"sid":"([^"]+)"/.exec(await response.text())?.[1];
  return target.replace("SID", sid ?? "SID");
}

async function attack(url: string, seed: number, count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: AT_ONCE }, async (_, nth) => {
    const dice = new Dice(seed + nth);
    while (left-- > 0) await (dice.roll(2) === 0 ? sendRequest : sendPackets)(url, dice);
  }));
}

Deno.test("whatever is sent to /socket.io, others talk on, and nothing of it stays", async () => {
  await using server = await startServerProcess(
    ["--metrics", "/metrics", "--limits-connections-per-second", "unlimited"].concat(
      ["--socket-io-ping-timeout-ms", "3000", "--socket-io-connect-timeout-ms", "3000"],
      ["--owt-identify-timeout-ms", "3000", "--ssp-identify-timeout-ms", "3000"],
    ),
  );
  const { url } = server;
  const isCalm = async () =>
    await gaugeOf(url, "signalbox_sockets") === 4 &&
    await gaugeOf(url, "signalbox_connections") === 4;
  {
    await using bystanders = await Bystanders.join(url.replace("http", "ws"));
    await attack(url, 1, ATTACKS);
    await until("the first ones to have gone", isCalm);
    await bystanders.talk();

    // A heap grows to its working size once or twice; a leak grows every time.
    let growth = Infinity;
    for (let round = 1; round <= ROUNDS && growth > GROWTH; round++) {
      const before = occupied(server.pid);
      await attack(url, 1_000 * round, ATTACKS / 2);
      await bystanders.talk();
      await attack(url, 1_000 * round + 500, ATTACKS / 2);
      await until("all to have gone", isCalm);
      await bystanders.talk();
      const after = occupied(server.pid);
      if (before === undefined || after === undefined) break;
      assert(after.files <= before.files + 2, `${before.files} files became ${after.files}`);
      growth = after.bytes / before.bytes - 1;
      if (round === ROUNDS) {
        assert(growth <= GROWTH, `memory still grows by ${Math.round(100 * growth)} %`);
      }
    }
  }
  await assertEmpty(url);
  assertEquals(await gaugeOf(url, "signalbox_socket_io_sessions"), 0);
  assertEquals(await faultsOf(url), 0);
  assertEquals(/ ERR .*/.exec(server.stderr()), null);
});
