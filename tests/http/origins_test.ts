import { assertEquals } from "@std/assert";
import { CorsPolicy } from "../../src/http/cors.ts";
import { Gate } from "../../src/http/gate.ts";
import { OriginList } from "../../src/http/origins.ts";
import { configOf } from "../helpers/session/config.ts";

/** Origins that clients may send, and whether each list contains them. */
const CASES: readonly (readonly [list: string[], origin: string, isMeant: boolean])[] = [
  [[], "https://any.example", true],
  [[], "null", true],
  [["*"], "https://any.example", true],
  [["https://a.example"], "https://a.example", true],
  [["https://a.example"], "https://a.example:8443", false],
  [["https://a.example"], "null", false],
  [["https://a.example", "null"], "null", true],
  [["capacitor://localhost"], "capacitor://localhost", true],
  [["capacitor://localhost"], "ionic://localhost", false],
  [["https://*.example.org"], "https://a.example.org", true],
  [["https://*.example.org"], "https://a.b.example.org", true],
  [["https://*.example.org"], "https://example.org", false],
  [["https://*.example.org"], "https://.example.org", false],
  [["https://*.example.org"], "http://a.example.org", false],
  [["https://*.example.org"], "https://a.example.org:8443", false],
  [["https://*.example.org:8443"], "https://a.example.org:8443", true],
  [["https://*.example.org"], "https://aexample.org", false],
  [["https://*.example.org"], "https://a.example.org.evil.example", false],
  [["https://*.example.org"], "https://evil.example/a.example.org", false],
  [["https://*.example.org"], "https://evil.example#.example.org", false],
  [["https://*.example.org"], "https://user@a.example.org", false],
  [["https://*.example.org"], "https://*.example.org", false],
];

for (const [list, origin, isMeant] of CASES) {
  Deno.test(`${origin} is ${isMeant ? "" : "not "}meant by ${JSON.stringify(list)}`, () => {
    assertEquals(new OriginList(list).has(origin), isMeant);
    const gate = new Gate(configOf().limits, list, () => 0);
    assertEquals(gate.allows(origin), isMeant);
    const request = new Request("http://server.example/", { headers: { origin } });
    const answer = new CorsPolicy(list).apply(request, new Response());
    assertEquals(answer.headers.get("access-control-allow-origin"), isMeant ? origin : null);
  });
}

Deno.test("a client that names no origin is no page, and is let in", () => {
  assertEquals(new Gate(configOf().limits, ["https://a.example"], () => 0).allows(null), true);
});
