import { assert, assertThrows } from "@std/assert";
import { type Certificate, makeCertificate } from "../../helpers/process/certificate.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import { startStrictEcho } from "../../helpers/wire/strict_echo.ts";
import { TlsClient } from "../../helpers/wire/tls_client.ts";
import { until } from "../../helpers/wire/waiting.ts";

const needs = ["openssl"] as const;

async function materialOf(
  { certFile, keyFile }: Certificate,
): Promise<{ cert: string; key: string }> {
  return { cert: await Deno.readTextFile(certFile), key: await Deno.readTextFile(keyFile) };
}

clientTest({
  name: "a renewed certificate refuses nobody, even for a moment, and closes nobody",
  needs,
  fn: async () => {
    await using first = await makeCertificate();
    await using second = await makeCertificate();
    await using server = startStrictEcho({ tls: await materialOf(first) });
    await using old = await TlsClient.connect(server.url);
    const before = old.fingerprint;
    let isRenewed = false;
    let connections = 0;
    let isSeen = false;
    const coming = (async () => {
      // Each rejects if the port is closed.
      while (!isSeen) {
        await using client = await TlsClient.connect(server.url);
        connections++;
        isSeen = client.fingerprint !== before;
        assert(!isSeen || isRenewed);
      }
    })();
    await until("some connections", () => connections > 3);
    isRenewed = true;
    await server.renew(await materialOf(second));
    await coming;
    await old.talk("still here", "still here");
  },
});

clientTest({
  name: "a TLS port that another process listens on is in use",
  needs,
  fn: async () => {
    await using certificate = await makeCertificate();
    const tls = await materialOf(certificate);
    await using server = startStrictEcho({ tls });
    assertThrows(() => startStrictEcho({ tls, port: server.port }), Deno.errors.AddrInUse);
  },
});
