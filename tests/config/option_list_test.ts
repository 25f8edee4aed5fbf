import { assert, assertEquals } from "@std/assert";
import { liftedLimits, type Option, OPTIONS } from "../../src/config/option_list.ts";
import { ConfigSchema } from "../../src/config/schema.ts";
import type { LinkLimits } from "../../src/core/limits.ts";
import { DIALECTS } from "../../src/dialects/mod.ts";
import { configOf, valueAt } from "../helpers/session/config.ts";

function optionOf(flag: string): Option {
  const option = OPTIONS.find((one) => one.flag === flag);
  assert(option !== undefined, `no option --${flag}`);
  return option;
}

Deno.test("names are derived from an option's place in the schema", () => {
  const { path, flag, variable } = optionOf("peerjs-allow-discovery");
  assertEquals(path, ["peerjs", "allowDiscovery"]);
  assertEquals([flag, variable], ["peerjs-allow-discovery", "SIGNALBOX_PEERJS_ALLOW_DISCOVERY"]);
  assertEquals(optionOf("port").variable, "SIGNALBOX_PORT");
  assertEquals(optionOf("keepalive-timeout-seconds").path, ["keepaliveTimeoutSeconds"]);
  for (const { path, flag, variable } of OPTIONS) {
    assertEquals(flag.replaceAll("-", ""), path.join("").toLowerCase());
    assertEquals(variable, `SIGNALBOX_${flag.replaceAll("-", "_").toUpperCase()}`);
  }
});

Deno.test("every option of the schema is listed, those of every dialect included", () => {
  const groups = new Set(OPTIONS.map(({ path }) => path[0]));
  assertEquals(new Set(Object.keys(ConfigSchema.shape)), groups);
  for (const { name, options } of DIALECTS) {
    const listed = OPTIONS.filter(({ path, isSecretFile }) => path[0] === name && !isSecretFile)
      .map(({ path }) => path[1]);
    assertEquals(listed, Object.keys(options.shape));
  }
});

Deno.test("no two options share a name", () => {
  const flags = OPTIONS.flatMap(({ flag, otherFlags }) => [flag, ...otherFlags]);
  const variables = OPTIONS.flatMap((
    { variable, otherVariables },
  ) => [variable, ...otherVariables]);
  for (const names of [flags, variables]) assertEquals(new Set(names).size, names.length);
  for (const own of ["config", "config-schema", "help", "h", "version", "V"]) {
    assertEquals(flags.includes(own), false);
  }
});

Deno.test("every option has one line of help, without a full stop", () => {
  for (const { flag, help } of OPTIONS) {
    assert(/^[A-Z].*[^.]$/.test(help), `--${flag}: ${help}`);
  }
});

Deno.test("the default that is shown is the default that holds", () => {
  const config = configOf();
  for (const { path, standard } of OPTIONS) assertEquals(valueAt(config, path), standard);
});

Deno.test("types and words are the schema's", () => {
  for (
    const [flag, type] of [
      ["port", "number"],
      ["limits-max-peers", "number"],
      ["host", "text"],
      ["listen", "list"],
      ["gstreamer-paths", "list"],
      ["disable-ssl", "boolean"],
      ["log-level", "text"],
    ] as const
  ) assertEquals(optionOf(flag).type, type);
  assertEquals(optionOf("log-level").words, ["debug", "info", "warning", "error"]);
  assertEquals(optionOf("limits-max-peers").words, ["unlimited"]);
  assertEquals(optionOf("port").words, []);
});

Deno.test("secrets are known as such, and nothing else is", () => {
  const secrets = OPTIONS.filter(({ isSecret }) => isSecret).map(({ flag }) => flag);
  assertEquals(
    new Set(secrets),
    new Set([
      "admin-tokens",
      "auth-tokens",
      "auth-jwt-secret",
      "auth-webhook-secret",
      "cluster",
      "cluster-password",
      "cluster-secret",
      "cluster-sentinel-password",
      "ice-secret",
      "ice-credential",
      "ice-provider-token",
      "metrics-tokens",
      "peerjs-id-secret",
      "ssp-tokens",
      "simple-secret",
      "simple-tokens",
      "webhooks-secret",
    ]),
  );
});

Deno.test("a dialect's limits have the names that the transport knows them by", () => {
  const limits: Record<keyof LinkLimits, true> = {
    maxFrameBytes: true,
    framesPerSecond: true,
    frameBurst: true,
    bytesPerSecond: true,
    byteBurst: true,
    identifyTimeoutMs: true,
    maxHeldFrames: true,
    floodTimeoutMs: true,
    floodPauseMs: true,
    maxQueuedBytes: true,
    stallTimeoutMs: true,
  };
  for (const { name, options } of DIALECTS) {
    for (const limit of Object.keys(limits)) {
      assert(Object.hasOwn(options.shape, limit), `${name} has no ${limit}`);
    }
  }
});

Deno.test("limits that a configuration lifts are named, and only those", () => {
  assertEquals(liftedLimits(configOf()), []);
  const args = ["--limits-max-peers=unlimited", "--peerjs-frame-burst=unlimited", "--port=1"];
  assertEquals(liftedLimits(configOf({ args })), ["limits-max-peers", "peerjs-frame-burst"]);
});
