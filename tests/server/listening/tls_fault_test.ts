import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ConfigError } from "../../../src/config/load.ts";
import { checkTls, readTls } from "../../../src/server/listening/certificates.ts";
import { tlsFault } from "../../../src/server/listening/tls_fault.ts";
import { makePair, openssl } from "../../helpers/process/certificate.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { runMain } from "../../helpers/process/main_process.ts";
import { TempFolder } from "../../helpers/store/engines.ts";

const EC = (curve: string): string[] => ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${curve}`];

/** Makes every file that the cases below name. */
async function makeFiles(folder: string): Promise<void> {
  const run = (line: string): Promise<void> => openssl(folder, line.split(" "));
  await Promise.all([
    makePair(folder, "good"),
    makePair(folder, "other"),
    makePair(folder, "p384", EC("secp384r1")),
    makePair(folder, "p521", EC("secp521r1")),
    makePair(folder, "ed25519", ["-newkey", "ed25519"]),
    makePair(folder, "rsa2048", ["-newkey", "rsa:2048"]),
    makePair(folder, "rsa1024", ["-newkey", "rsa:1024"]),
    makePair(folder, "secp256k1", EC("secp256k1")),
    makePair(folder, "brainpool", EC("brainpoolP256r1")),
    makePair(folder, "ed448", ["-newkey", "ed448"]),
  ]);
  await run("pkcs8 -topk8 -in good.key -out pass8.key -v2 aes256 -passout pass:secret");
  await run("ec -in good.key -out pass1.key -aes256 -passout pass:secret");
  await run("req -new -key good.key -subj /CN=localhost -out v1.csr");
  await run("x509 -req -in v1.csr -signkey good.key -days 2 -out v1.pem");
  await run("x509 -in good.pem -outform DER -out cert.der");
  await run("pkcs8 -topk8 -nocrypt -in good.key -outform DER -out key.der");
  await run("pkcs12 -export -in good.pem -inkey good.key -passout pass: -out both.p12");
  await run("req -new -key good.key -subj /CN=leaf -out leaf.csr");
  // Without extensions openssl makes certificates of version 1.
  await Deno.writeTextFile(`${folder}/extensions`, "subjectAltName=DNS:localhost");
  const extensions = "-extfile extensions -days 2";
  await run(
    `x509 -req ${extensions} -in leaf.csr -CA other.pem -CAkey other.key -CAcreateserial -out leaf.pem`,
  );
  makeTexts(folder);
}

function makeTexts(folder: string): void {
  const read = (name: string): string => Deno.readTextFileSync(`${folder}/${name}`);
  const write = (name: string, text: string): void =>
    Deno.writeTextFileSync(`${folder}/${name}`, text);
  const [leaf, issuer] = [read("leaf.pem"), read("other.pem")];
  write("chain.pem", leaf + issuer);
  write("reversed.pem", issuer + leaf);
  write("bom.pem", `\uFEFF${read("good.pem")}`);
  write("bom.key", `\uFEFF${read("good.key")}`);
  write("crlf.pem", read("good.pem").replaceAll("\n", "\r\n"));
  write("damaged.pem", read("good.pem").replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA"));
  write("empty.pem", "");
  const utf16 = Uint16Array.from(`\uFEFF${read("good.pem")}`, (one) => one.charCodeAt(0));
  Deno.writeFileSync(`${folder}/utf16.pem`, new Uint8Array(utf16.buffer));
  const latin1 = Uint8Array.from(`# Zürich\n${read("good.pem")}`, (one) => one.charCodeAt(0));
  Deno.writeFileSync(`${folder}/latin1.pem`, latin1);
}

const GOOD: readonly (readonly [cert: string, key: string])[] = [
  ["good.pem", "good.key"],
  ["p384.pem", "p384.key"],
  ["p521.pem", "p521.key"],
  ["ed25519.pem", "ed25519.key"],
  ["rsa2048.pem", "rsa2048.key"],
  ["chain.pem", "good.key"],
  ["bom.pem", "bom.key"],
  ["crlf.pem", "good.key"],
];

/** The file to blame, and why. */
const BAD: readonly (readonly [cert: string, key: string, blamed: string, why: RegExp])[] = [
  ["good.pem", "pass8.key", "pass8.key", /^it has a passphrase: remove it with openssl pkey /],
  ["good.pem", "pass1.key", "pass1.key", /^it has a passphrase: remove it with openssl pkey /],
  ["v1.pem", "good.key", "v1.pem", /^it is an X\.509 certificate of version 1: /],
  ["rsa1024.pem", "rsa1024.key", "rsa1024.key", /^it is RSA with 1024 bits: at least 2048 /],
  ["secp256k1.pem", "secp256k1.key", "secp256k1.key", /curve.* not supported: .*P-256/],
  ["brainpool.pem", "brainpool.key", "brainpool.key", /curve.* not supported: .*P-256/],
  ["ed448.pem", "ed448.key", "ed448.key", /^its kind.* not supported: .*Ed25519/],
  ["cert.der", "good.key", "cert.der", /^it is DER, not PEM: .*openssl x509 -inform DER /],
  ["good.pem", "key.der", "key.der", /^it is DER, not PEM: .*openssl pkey -inform DER /],
  ["both.p12", "good.key", "both.p12", /^it is PKCS #12, not PEM: .*openssl pkcs12 /],
  ["reversed.pem", "good.key", "reversed.pem", /^its chain is in the wrong order: /],
  ["good.pem", "other.key", "other.key", /^it belongs to another certificate than .*good\.pem"$/],
  ["good.key", "good.pem", "good.key", /^it holds a private key and no certificate$/],
  ["good.pem", "other.pem", "other.pem", /^it holds a certificate and no private key$/],
  ["empty.pem", "good.key", "empty.pem", /^it holds no PEM certificate$/],
  ["good.pem", "empty.pem", "empty.pem", /^it holds no PEM private key$/],
  ["damaged.pem", "good.key", "damaged.pem", /^it is damaged$/],
  ["utf16.pem", "good.key", "utf16.pem", /^it is UTF-16: save it as UTF-8$/],
  ["latin1.pem", "good.key", "latin1.pem", /^it is not UTF-8 but probably Latin-1: /],
];

clientTest({
  name: "TLS files that can be used are, and every other is named with the reason in plain words",
  needs: ["openssl"],
  fn: async () => {
    await using temp = await TempFolder.make();
    await makeFiles(temp.path);
    const filesOf = (cert: string, key: string) => ({
      cert: `${temp.path}/${cert}`,
      key: `${temp.path}/${key}`,
    });
    for (const [cert, key] of GOOD) {
      const files = filesOf(cert, key);
      checkTls(files, readTls(files));
      assertEquals([cert, tlsFault(files, readTls(files), false)], [cert, undefined]);
    }
    for (const [cert, key, blamed, why] of BAD) {
      const files = filesOf(cert, key);
      const { messages } = assertThrows(
        () => checkTls(files, readTls(files)),
        ConfigError,
        "",
        cert,
      );
      const [message = "", ...more] = messages;
      assertEquals(more, []);
      const [, what, path, reason = ""] =
        /^Cannot (?:use|read) (certificate|private key) "([^"]+)": (.*)$/.exec(message) ?? [];
      assertEquals(path, `${temp.path}/${blamed}`, message);
      assertEquals(what, blamed === cert ? "certificate" : "private key", message);
      assertMatch(reason, why, `${cert} ${key}`);
    }
  },
});

clientTest({
  name: "a start with TLS files that cannot be used is one line and exit code 78",
  needs: ["openssl"],
  fn: async () => {
    await using temp = await TempFolder.make();
    await makeFiles(temp.path);
    for (const [cert, key] of [["good.pem", "pass8.key"], ["rsa1024.pem", "rsa1024.key"]]) {
      const tls = ["--tls-cert", `${temp.path}/${cert}`, "--tls-key", `${temp.path}/${key}`];
      for (const denoArgs of [undefined, ["--allow-net=127.0.0.2", "--allow-read"]]) {
        const args = ["--listen", "https://127.0.0.2:0", ...tls];
        const { code, stderr } = await runMain({ args, ...denoArgs && { denoArgs } });
        assertEquals([code, stderr.split("\n").length], [78, 2], stderr);
        assertMatch(stderr, /^signalbox: Cannot use private key "\S+": /);
      }
    }
  },
});
