import { assertEquals } from "@std/assert";
import { certificateWarnings } from "../../../src/server/listening/certificate_warnings.ts";
import { makePair, makeSigned } from "../../helpers/process/certificate.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { startTestServer } from "../../helpers/wire/server.ts";

const DAY_MS = 86_400_000;

/** Makes `root`, `middle` which it signed, and `leaf` which the middle one signed. */
async function makeChain(folder: string): Promise<(name: string) => string> {
  await makePair(folder, "root");
  await makePair(folder, "stranger");
  await makeSigned(folder, "middle", { by: "root" });
  await makeSigned(folder, "leaf", { by: "middle" });
  return (name) => Deno.readTextFileSync(`${folder}/${name}.pem`);
}

clientTest({
  name: "a chain is in order if each certificate is followed by its issuer",
  needs: ["openssl"],
  fn: async () => {
    await using temp = await TempFolder.make();
    const read = await makeChain(temp.path);
    const warningsOf = (...names: string[]): string[] =>
      certificateWarnings("chain.pem", names.map(read).join(""), Date.now())
        .map(({ what, facts }) => `${what} ${JSON.stringify(facts)}`);
    const order = (place: number): string[] => [
      `certificate chain is in the wrong order {"file":"chain.pem","place":${place}}`,
    ];
    assertEquals(warningsOf("leaf"), []);
    assertEquals(warningsOf("leaf", "middle"), []);
    assertEquals(warningsOf("leaf", "middle", "root"), []);
    assertEquals(warningsOf("leaf", "root", "middle"), order(2));
    assertEquals(warningsOf("leaf", "middle", "leaf", "root"), order(3));
    assertEquals(warningsOf("leaf", "stranger"), [
      'certificate did not issue the one before it {"file":"chain.pem","place":2}',
    ]);
  },
});

clientTest({
  name: "a certificate outside its times is named with the date, and its place in a chain",
  needs: ["openssl"],
  fn: async () => {
    await using temp = await TempFolder.make();
    const read = await makeChain(temp.path);
    const chain = read("leaf") + read("middle");
    const whatAt = (nowMs: number): [what: string, place: unknown][] =>
      certificateWarnings("chain.pem", chain, nowMs).map(({ what, facts }) => [
        what,
        facts["place"],
      ]);
    const now = Date.now();
    assertEquals(whatAt(now), []);
    const [expired, early] = ["certificate has expired", "certificate is not valid yet"];
    assertEquals(whatAt(now + 3 * DAY_MS), [[expired, undefined], [expired, 2]]);
    assertEquals(whatAt(now - DAY_MS), [[early, undefined], [early, 2]]);
    const [first] = certificateWarnings("chain.pem", chain, now + 3 * DAY_MS);
    // It was made for two days.
    const ageMs = Date.parse(String(first?.facts["at"])) - now;
    assertEquals([first?.facts["file"], Math.round(ageMs / DAY_MS)], ["chain.pem", 2]);
  },
});

clientTest({
  name: "a start warns of an expired certificate, and a reload of the one that it takes up",
  needs: ["openssl"],
  fn: async () => {
    await using temp = await TempFolder.make();
    const { path } = temp;
    await makePair(path, "root");
    await makeSigned(path, "old", { by: "root", from: "20200101000000Z", to: "20200102000000Z" });
    await makeSigned(path, "new", { by: "root", from: "20990101000000Z", to: "20990102000000Z" });
    const [cert, key] = [`${path}/cert.pem`, `${path}/cert.key`];
    const use = async (name: string): Promise<void> => {
      await Deno.copyFile(`${path}/${name}.pem`, cert);
      await Deno.copyFile(`${path}/${name}.key`, key);
    };
    await use("old");
    const tls = ["--tls-cert", cert, "--tls-key", key];
    await using server = startTestServer({ args: ["--listen", "https://127.0.0.1:0", ...tls] });
    const warnings = (): unknown[] =>
      server.log.filter(({ level }) => level === "warning").map(({ what, facts }) => [what, facts]);
    const expired = ["certificate has expired", { file: cert, at: "2020-01-02T00:00:00.000Z" }];
    assertEquals(warnings(), [expired]);
    // An operator who asks for a reload hears of the certificate that stays, too.
    assertEquals(await server.reload({ certificate: true }), []);
    assertEquals(warnings(), [expired, expired]);
    await use("new");
    assertEquals(await server.reload({ certificate: true }), []);
    assertEquals(warnings().slice(2), [[
      "certificate is not valid yet",
      { file: cert, from: "2099-01-01T00:00:00.000Z" },
    ]]);
  },
});
