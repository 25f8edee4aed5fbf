import { assertEquals, assertStringIncludes } from "@std/assert";
import { EXECUTABLE } from "../../helpers/process/program.ts";
import { runMain, startMain } from "../../helpers/process/main_process.ts";

// Traces of the runtime hold whole URLs: a server with tokens in them starts only where that is meant.

const OTEL = { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };
async function readiness(url = ""): Promise<string> {
  return await (await fetch(`${url}/readyz`)).text();
}

const LISTEN = ["--listen", "http://127.0.0.1:0"];

Deno.test({
  name: "a start with traces on ends with code 78, and names the way out",
  // The variable turns nothing on in an executable, so there is nothing to refuse.
  ignore: EXECUTABLE !== undefined,
  async fn(): Promise<void> {
    const { code, stderr } = await runMain({ args: LISTEN, env: OTEL });
    assertEquals(code, 78);
    assertStringIncludes(stderr, "OTEL_TRACES_SAMPLER=always_off");
    assertStringIncludes(stderr, "--trace-urls");
  },
});

Deno.test("a server starts with traces on if that is meant", async () => {
  await using meant = await startMain({ args: [...LISTEN, "--trace-urls"], env: OTEL });
  assertEquals(await readiness(meant.urls[0]), "ready\n");
});

Deno.test({
  name: "a server starts if the sampler takes no span",
  // Runtimes before 2.9 do not know the variable, and sample every span.
  ignore: EXECUTABLE !== undefined || Number(Deno.version.deno.split(".")[1]) < 9,
  async fn(): Promise<void> {
    const env = { ...OTEL, OTEL_TRACES_SAMPLER: "always_off" };
    await using server = await startMain({ args: LISTEN, env });
    assertEquals(await readiness(server.urls[0]), "ready\n");
  },
});
