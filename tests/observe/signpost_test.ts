import { assertEquals, assertStringIncludes } from "@std/assert";
import { Metrics } from "../../src/observe/metrics.ts";
import { type Endpoint, type RefusedRequest, Signpost } from "../../src/observe/signpost.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const PLACES: readonly Endpoint[] = [
  { name: "peerjs", title: "PeerJS", path: "/", tails: new Set(["id", "peers", "peerjs"]) },
  { name: "webrtcsink", title: "webrtcsink", path: "/webrtcsink", tails: new Set(["webrtcsink"]) },
];

interface Bench {
  readonly signpost: Signpost;
  readonly clock: FakeClock;
  readonly metrics: Metrics;
  readonly lines: string[];
}

function newBench(maxAddresses = 100, places = PLACES): Bench {
  const lines: string[] = [];
  const clock = new FakeClock();
  const metrics = new Metrics(new FakeClock());
  const log = {
    isDebug: false,
    write: () => {},
    writeForClient: (level: string, what: string, facts: object) =>
      void lines.push(`${level} ${what} ${Object.values(facts).join(" | ")}`),
  };
  return {
    signpost: new Signpost({ log, metrics, clock, places, maxAddresses }),
    clock,
    metrics,
    lines,
  };
}

function at(pathname: string, status = 404, address = "192.0.2.1"): RefusedRequest {
  return { address, pathname, status };
}

Deno.test("a wrong path leaves a line that names the right one", () => {
  const cases: [pathname: string, hint: string][] = [
    ["/myapp/peerjs/id", "PeerJS is at /"],
    ["/myapp/key/id", "PeerJS is at /"],
    ["/signal/webrtcsink", "webrtcsink is at /webrtcsink"],
    ["/elsewhere", "PeerJS is at /, webrtcsink is at /webrtcsink"],
  ];
  for (const [pathname, hint] of cases) {
    const { signpost, lines } = newBench();
    signpost.refused(at(pathname));
    assertEquals(lines, [`info no such path 192.0.2.1 | ${pathname} | ${hint}`]);
  }
});

Deno.test("401, 403 and 426 leave a line too; other statuses do not", () => {
  for (const [status, text] of [[401, "not authorised"], [403, "not allowed"], [426, "not a"]]) {
    const { signpost, lines } = newBench();
    signpost.refused(at("/peerjs/peers", Number(status)));
    assertEquals(lines.length, 1);
    assertStringIncludes(lines[0] ?? "", `info ${text}`);
  }
  const { signpost, lines } = newBench();
  for (const status of [101, 200, 204, 400, 405, 500]) signpost.refused(at("/", status));
  assertEquals(lines, []);
});

Deno.test("a request without an upgrade gets a hint at the path that it asked for", () => {
  const places = [{
    name: "gstreamer",
    title: "GStreamer",
    path: "/",
    tails: new Set(["gst"]),
  }, ...PLACES];
  const { signpost, lines } = newBench(100, places);
  signpost.refused({ ...at("/gst", 426), owner: "gstreamer" });
  assertEquals(lines, [
    "info not a WebSocket handshake 192.0.2.1 | /gst | GStreamer is at /gst, by WebSocket; " +
    "a proxy must pass the Upgrade header on",
  ]);
});

Deno.test("an address gets one line a minute, and all its refusals are counted", async () => {
  const { signpost, lines, clock, metrics } = newBench();
  for (let nth = 0; nth < 5; nth++) signpost.refused(at("/a"));
  signpost.foreignOrigin("192.0.2.1", "https://app.example.org");
  signpost.refused(at("/a", 404, "192.0.2.2"));
  assertEquals(lines.length, 2);
  clock.advance(60_000);
  signpost.refused(at("/a"));
  assertEquals(lines.length, 3);
  const counted = 'signalbox_refusals_total{dialect="none",reason="http_404"} 7\n';
  assertStringIncludes(await metrics.expose(), counted);
});

Deno.test("an IPv6 network is one address", () => {
  const { signpost, lines } = newBench();
  for (const tail of [1, 2, 3]) signpost.refused(at("/a", 404, `2001:db8::${tail}`));
  assertEquals(lines.length, 1);
});

Deno.test("no more addresses are remembered than configured", () => {
  const { signpost, lines } = newBench(3);
  for (let nth = 0; nth < 10; nth++) signpost.refused(at("/a", 404, `192.0.2.${nth}`));
  assertEquals([signpost.size, lines.length], [3, 10]);
  // The newest are still remembered.
  signpost.refused(at("/a", 404, "192.0.2.9"));
  assertEquals(lines.length, 10);
});

Deno.test("a browser's own requests are counted and leave no line", () => {
  const { signpost, lines } = newBench();
  signpost.refused(at("/favicon.ico"));
  signpost.refused(at("/a"));
  assertEquals(lines.length, 1);
});

Deno.test("a path is shown as far as it is made of plain words", () => {
  const cases: [pathname: string, shown: string][] = [
    ["/ssp/v1", "/ssp/v1"],
    ["/peerjs/6f1c9ae2/s3cret/offer", "/peerjs/…/…/offer"],
    [`/\u0007bell/${"x".repeat(500)}`, "/…/…"],
  ];
  for (const [pathname, shown] of cases) {
    const { signpost, lines } = newBench(100, [PLACES[0] as Endpoint]);
    signpost.refused(at(pathname));
    assertEquals(lines, [`info no such path 192.0.2.1 | ${shown} | PeerJS is at /`]);
  }
});

Deno.test("a long path is cut", () => {
  const { signpost, lines } = newBench(100, [PLACES[0] as Endpoint]);
  signpost.refused(at("/word".repeat(200)));
  assertEquals((lines[0]?.length ?? 0) < 150, true);
});

Deno.test("silence, a foreign origin and an untrusted proxy leave a line with a way out", () => {
  const { signpost, lines } = newBench();
  signpost.silent("192.0.2.1", "/");
  signpost.foreignOrigin("192.0.2.2", "https://app.example.org");
  signpost.untrustedProxy("192.0.2.3");
  assertEquals(lines, [
    "info waiting for HELLO 192.0.2.1 | / | webrtcsink clients use /webrtcsink",
    "info origin not allowed 192.0.2.2 | https://app.example.org | add it to --allowed-origins",
    "warning X-Forwarded-For ignored 192.0.2.3 | if this is your proxy, name it in --trust-proxy",
  ]);
});
