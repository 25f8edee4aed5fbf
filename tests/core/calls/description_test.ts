import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readDescription } from "../../../src/core/calls/description.ts";

const CHROMIUM = [
  "v=0",
  "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1 2",
  "a=msid-semantic: WMS cam",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=ice-ufrag:Zr9k",
  "a=mid:0",
  "a=msid:cam mic-track",
  "a=ssrc:1 cname:x",
  "a=ssrc:1 msid:cam mic-track",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=ice-ufrag:Zr9k",
  "a=mid:1",
  "a=msid:cam cam-track",
  "a=msid:- loose-track",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  "a=mid:2",
  "",
].join("\r\n");

Deno.test("readDescription() reads the session, sections, streams and ufrags", () => {
  const { sessionId, sections, streams, ufrags } = readDescription(CHROMIUM);
  assertEquals(sessionId, "4611731400430051336");
  assertEquals(sections, [
    { kind: "audio", mid: "0" },
    { kind: "video", mid: "1" },
    { kind: "application", mid: "2" },
  ]);
  assertEquals([...streams], [["cam", [
    { id: "mic-track", kind: "audio" },
    { id: "cam-track", kind: "video" },
  ]]]);
  assertEquals([...ufrags], ["Zr9k"]);
});

Deno.test("readDescription() reads bare newlines and the streams of webrtcbin's sources", () => {
  const sdp = "v=0\no=- 1 0 IN IP4 0.0.0.0\nm=video 9 UDP/TLS/RTP/SAVPF 96\n" +
    "a=ssrc:77 msid:user1@host webrtctransceiver0\na=ssrc:77 cname:user1@host\na=mid:video0";
  const { sections, streams } = readDescription(sdp);
  assertEquals(sections, [{ kind: "video", mid: "video0" }]);
  assertEquals([...streams.keys()], ["user1@host"]);
  assertEquals(streams.get("user1@host"), [{ id: "webrtctransceiver0", kind: "video" }]);
});

Deno.test("readDescription() keeps stream ids such as __proto__ apart from everything else", () => {
  const { streams } = readDescription("m=audio 9 X 0\r\na=msid:__proto__ constructor\r\n");
  assertEquals([...streams], [["__proto__", [{ id: "constructor", kind: "audio" }]]]);
});

Deno.test("readDescription() reads no more than 1,024 sections", () => {
  const { sections } = readDescription("m=audio 9 X 0\r\n".repeat(5_000));
  assertEquals(sections.length, 1_024);
});

Deno.test("readDescription() makes something of every text", () => {
  const line = fc.oneof(
    fc.constantFrom("m=", "m=video", "a=mid:", "a=msid:", "a=msid:x", "a=ssrc:", "a=ssrc:1 msid:"),
    fc.constantFrom("o=", "o= ", "=", "a", "", "a=ice-ufrag:", "a=ice-ufrag:a b", "\r", "\u2028"),
    fc.string(),
  );
  const text = fc.tuple(fc.array(line), fc.constantFrom("\r\n", "\n", "\r", " "));
  fc.assert(fc.property(text, ([lines, newline]) => {
    const { sections, streams, ufrags } = readDescription(lines.join(newline));
    assert(sections.length <= lines.length + lines.join("").split("m=").length);
    for (const tracks of streams.values()) assert(tracks.length > 0);
    for (const ufrag of ufrags) assert(!ufrag.includes(" "));
  }));
});
