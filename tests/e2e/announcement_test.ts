import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { clientTest, programOf } from "../helpers/process/clients.ts";
import { type MainProcess, runMain, startMain } from "../helpers/process/main_process.ts";
import { program } from "../helpers/process/program.ts";
import { systemTest } from "../helpers/process/systems.ts";
import { openGst, openPeerJs } from "../helpers/wire/peers.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// The reports of a start: once, and with a warning for everything that an operator did not intend.

const LOCAL = ["--host", "127.0.0.1", "--port", "0"];

function warnings(server: MainProcess): string[] {
  return server.stderr().split("\n").filter((line) => line.includes(" WRN "));
}

for (const proxied of [["--proxied"], ["--proxied", "true"]]) {
  Deno.test(`PeerServer's ${proxied.join(" ")} trusts the nearest proxy, and a warning names --trust-proxy`, async () => {
    await using server = await startMain({ args: [...LOCAL, ...proxied] });
    const [warning = "", ...others] = warnings(server);
    assertEquals(others, []);
    assertStringIncludes(warning, 'option=--proxied safer="--trust-proxy ADDRESS"');
    const headers = { "X-Forwarded-For": "198.51.100.66, 203.0.113.9" };
    const url = `${server.urls[0]}/peerjs?key=peerjs&id=a&token=t`;
    using _socket = await RawSocket.upgrade(url, headers);
    await until("the line", () => / address=203\.0\.113\.9/.test(server.stderr()));
  });
}

Deno.test("PeerServer's bare --cors lets every page read the answers", async () => {
  await using server = await startMain({ args: [...LOCAL, "--cors"] });
  const headers = { origin: "https://a.example" };
  const answer = await fetch(`${server.urls[0]}/peerjs/id`, { headers });
  assertEquals(answer.headers.get("access-control-allow-origin"), headers.origin);
  await answer.body?.cancel();
});

Deno.test("variables that the server does not know are warnings, and it starts", async () => {
  const env = {
    SIGNALBOX_PROT: "9000",
    SIGNALBOX_PORT: "tcp://10.96.12.7:8080",
    SIGNALBOX_SERVICE_HOST: "10.96.12.7",
    SIGNALBOX_PEERJS_KEY: "mine\r",
  };
  await using server = await startMain({ args: LOCAL, env, denoArgs: ["-A"] });
  const [links = "", unknown = "", ...others] = warnings(server);
  assertEquals(others, []);
  assertStringIncludes(links, 'names="SIGNALBOX_PORT,SIGNALBOX_SERVICE_HOST"');
  assertStringIncludes(unknown, "name=SIGNALBOX_PROT nearest=SIGNALBOX_PORT");
  await using _a = await openPeerJs((server.urls[0] ?? "").replace(/^http/, "ws"), "a", {
    key: "mine",
  });
});

Deno.test("--dialects serves these protocols only, and start and landing page name only them", async () => {
  await using server = await startMain({ args: [...LOCAL, "--dialects", "gstreamer", "ssp"] });
  assertMatch(
    server.stderr(),
    / INF listening url=\S+ dialects="GStreamer, RTCPool" pages="\/try, \/docs"\n/,
  );
  const [url = ""] = server.urls;
  const page = await (await fetch(url, { headers: { accept: "text/html" } })).text();
  for (const title of ["GStreamer", "RTCPool"]) assertStringIncludes(page, title);
  for (const title of ["PeerJS", "OWT", "webrtcsink"]) assert(!page.includes(title), title);
  for (const path of ["/peerjs/id", "/simple/client.js", "/webrtcsink", "/socket.io/?EIO=3"]) {
    const answer = await fetch(`${url}${path}`);
    await answer.body?.cancel();
    if (!path.startsWith("/socket.io")) assertEquals([path, answer.status], [path, 404]);
  }
  await using _gst = await openGst(url.replace(/^http/, "ws"), "1");
});

Deno.test("--config-schema and --help all print what they promise", async () => {
  const schema = await runMain({ args: ["--config-schema"], denoArgs: [] });
  assertEquals([schema.code, schema.stderr], [0, ""]);
  assertEquals(JSON.parse(schema.stdout).properties.port.default, 8080);
  const all = await runMain({ args: ["--help", "all"], denoArgs: [] });
  assertStringIncludes(all.stdout, "--limits-max-connections");
});

systemTest({
  name: "away from a terminal the start is in the log, and nothing is on standard output",
  needs: "signals",
  fn: async () => {
    await using server = await startMain({ args: LOCAL });
    server.signal("SIGTERM");
    const { stdout, stderr } = await server.ended;
    assertEquals([stdout, stderr.match(/listening/g)?.length], ["", 1]);
  },
});

clientTest({
  name: "on a terminal the start is a banner, and the log does not repeat it",
  needs: ["script"],
  fn: async () => {
    const command = [...program(), ...LOCAL].map((arg) => `'${arg}'`).join(" ");
    const child = new Deno.Command(programOf("script"), {
      args: ["--quiet", "--return", "--command", command, "/dev/null"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const read = async (): Promise<string> => {
      let shown = "";
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        shown += text;
        if (/^ {2}webrtcsink .*$/m.test(shown)) break;
      }
      return shown;
    };
    let shown: string;
    try {
      shown = await within("the banner", read());
    } finally {
      child.kill("SIGTERM");
      await child.status;
    }
    assertMatch(
      shown,
      /^Listening on http:\/\/127\.0\.0\.1:\d+\r\n {2}Try it +http:\/\/127\.0\.0\.1:\d+\/try\r\n {2}Guides +\S+\/docs\r\n {2}PeerJS/m,
    );
    assertEquals(/listening url=/.test(shown), false, shown);
  },
});
