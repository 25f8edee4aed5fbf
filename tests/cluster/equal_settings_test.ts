import { assert, assertEquals } from "@std/assert";
import { PATIENT } from "../helpers/cluster/node_processes.ts";
import { redisCommand } from "../helpers/cluster/redis_command.ts";
import { startRedis } from "../helpers/cluster/redis_server.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { runMain, startMain } from "../helpers/process/main_process.ts";

// Settings that clients would notice the difference of are the same on all nodes.

/** Values that nobody may see. */
const HIDDEN = {
  secrets: ["first-secret-0123456789-0123456789", "other-secret-0123456789-0123456789"],
  tokens: ["first-token-of-clients", "other-token-of-clients"],
  passwords: ["first-password", "other-password"],
} as const;
const META = "{signalbox}:1:meta";
const [SECRET, OTHER_SECRET] = HIDDEN.secrets;
const [TOKEN, OTHER_TOKEN] = HIDDEN.tokens;
const [PASSWORD, OTHER_PASSWORD] = HIDDEN.passwords;

/** The arguments of nodes. */
interface Group {
  readonly first: readonly string[];
  /** Settings of a node that may join: the same in other words, or tokens that change by turns. */
  readonly equal: readonly string[];
  /** Those of nodes that differ in one option, by its name. */
  readonly others: readonly (readonly [option: string, args: readonly string[]])[];
}

const SERVED = ["--dialects", "peerjs", "--dialects", "ssp", "--dialects", "simple"];

const OPEN: Group = {
  first: SERVED,
  equal: [
    ...["--dialects", "simple", "--dialects", "ssp", "--dialects", "peerjs"],
    ...["--peerjs-key", "peerjs", "--auth-mode", "none", "--auth-jwt-claim", "signalbox"],
  ],
  others: [
    ["cluster-secret", [...SERVED, "--cluster-secret", OTHER_SECRET]],
    ["dialects", SERVED.slice(2)],
    ["bridge", [...SERVED, "--bridge", "peerjs", "--bridge", "simple"]],
    ["peerjs-key", [...SERVED, "--peerjs-key", "other"]],
    ["peerjs-id-secret", [...SERVED, "--peerjs-id-secret", OTHER_SECRET]],
    ["peerjs-server-ids-only", [...SERVED, "--peerjs-server-ids-only"]],
    ["peerjs-reserve-ids", [...SERVED, "--peerjs-reserve-ids", "30d"]],
    ["simple-secret", [...SERVED, "--simple-secret", OTHER_SECRET]],
    ["simple-trust-ids", [...SERVED, "--simple-trust-ids"]],
    ["simple-tokens", [...SERVED, "--simple-tokens", OTHER_TOKEN]],
    ["ssp-private", [...SERVED, "--ssp-private"]],
    ["ssp-tokens", [...SERVED, "--ssp-tokens", OTHER_TOKEN]],
    ["auth-mode", [...SERVED, "--auth-mode", "tokens", "--auth-tokens", OTHER_TOKEN]],
  ],
};

/** The arguments of a node with secrets and tokens, but for some. */
function secured(more: Readonly<Record<string, string>> = {}): string[] {
  const values = {
    "cluster-secret": SECRET,
    "peerjs-id-secret": SECRET,
    "simple-secret": SECRET,
    "bridge-lobby": "hall",
    "peerjs-reserve-ids": "30d",
    "simple-tokens": TOKEN,
    "ssp-tokens": TOKEN,
    ...more,
  };
  const bridged = ["--bridge", "peerjs", "--bridge", "simple"];
  return [
    ...SERVED,
    ...bridged,
    ...Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]),
  ];
}

const SECURED: Group = {
  first: secured(),
  equal: secured({
    "simple-tokens": OTHER_TOKEN,
    "ssp-tokens": OTHER_TOKEN,
    "peerjs-reserve-ids": "12h",
  }),
  others: [
    ["cluster-secret", secured({ "cluster-secret": OTHER_SECRET })],
    ["peerjs-id-secret", secured({ "peerjs-id-secret": OTHER_SECRET })],
    ["simple-secret", secured({ "simple-secret": OTHER_SECRET })],
    ["bridge", [...secured(), "--bridge", "ssp"]],
    ["bridge-lobby", secured({ "bridge-lobby": "other" })],
  ],
};

const TOKENS = ["--auth-mode", "tokens", "--auth-tokens"];
const BY_TOKENS: Group = {
  first: [...SERVED, ...TOKENS, TOKEN],
  equal: [...SERVED, ...TOKENS, OTHER_TOKEN],
  others: [
    ["auth-dialects", [...SERVED, ...TOKENS, TOKEN, "--auth-dialects", "peerjs"]],
    ["auth-mode", SERVED],
  ],
};

const JWT = ["--auth-mode", "jwt", "--auth-jwt-audience", "first", "--auth-jwt-issuer", "first"];
const BY_JWT: Group = {
  first: [...SERVED, ...JWT, "--auth-jwt-secret", SECRET],
  equal: [...SERVED, ...JWT, "--auth-jwt-secret", OTHER_SECRET],
  others: [
    ["auth-jwt-secret", [...SERVED, ...JWT, "--auth-jwt-key", "KEY"]],
    ["auth-jwt-audience", [
      ...SERVED,
      ...JWT,
      "--auth-jwt-secret",
      SECRET,
      "--auth-jwt-audience",
      "more",
    ]],
    ["auth-jwt-issuer", [
      ...SERVED,
      ...JWT,
      "--auth-jwt-secret",
      SECRET,
      "--auth-jwt-issuer",
      "more",
    ]],
    ["auth-jwt-claim", [
      ...SERVED,
      ...JWT,
      "--auth-jwt-secret",
      SECRET,
      "--auth-jwt-claim",
      "other",
    ]],
  ],
};

const BY_KEY: Group = {
  first: [...SERVED, ...JWT, "--auth-jwt-key", "KEY"],
  equal: [...SERVED, ...JWT, "--auth-jwt-key", "KEY", "--auth-jwt-key", "KEY"],
  others: [["auth-jwt-key", [...SERVED, ...JWT, "--auth-jwks", "KEYS"]]],
};

/** @param word the password in its URL, and the secret that signs */
function webhook(word: string): string[] {
  const url = `http://user:${word}@127.0.0.1:9`;
  const secret = `whsec_${btoa(word.padEnd(24))}`;
  const by = ["--auth-webhook-url", url, "--auth-webhook-secret", secret];
  return [...SERVED, "--auth-mode", "webhook", ...by];
}

const BY_WEBHOOK: Group = {
  first: webhook(PASSWORD),
  equal: webhook(PASSWORD),
  others: [["auth-webhook-url", webhook(OTHER_PASSWORD)]],
};

const GROUPS: Readonly<Record<string, Group>> = {
  "a node that asks for nothing": OPEN,
  "one with secrets": SECURED,
  "one that asks for tokens": BY_TOKENS,
  "one that checks tokens by a secret": BY_JWT,
  "one that checks tokens by a key": BY_KEY,
  "one that asks a webhook": BY_WEBHOOK,
};
/** One source of tokens goes with each mode: where these differ, an option before them does, too. */
const NEVER_ALONE = ["auth-tokens", "auth-jwks"];

/** Writes the files that arguments name, and puts their paths in. */
async function filesIn(folder: string): Promise<(args: readonly string[]) => string[]> {
  const { publicKey } = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    [
      "sign",
      "verify",
    ],
  );
  const key = { ...await crypto.subtle.exportKey("jwk", publicKey), alg: "ES256", kid: "one" };
  const paths: Readonly<Record<string, string>> = { KEY: `${folder}/key`, KEYS: `${folder}/keys` };
  await Deno.writeTextFile(`${folder}/key`, JSON.stringify(key));
  await Deno.writeTextFile(`${folder}/keys`, JSON.stringify({ keys: [key] }));
  return (args) => args.map((arg) => paths[arg] ?? arg);
}

for (const [name, { first, equal, others }] of Object.entries(GROUPS)) {
  clientTest({
    name: `cluster: beside ${name} an equal node starts, and none that differs in one setting`,
    needs: ["redis-server"],
    fn: async () => {
      await using engine = await startRedis();
      await using undo = new AsyncDisposableStack();
      const folder = await Deno.makeTempDir();
      undo.defer(() => Deno.remove(folder, { recursive: true }));
      const withFiles = await filesIn(folder);
      const common = ["--listen", "http://127.0.0.1:0", "--cluster", engine.url, ...PATIENT];
      const argsOf = (args: readonly string[]): string[] => [...common, ...withFiles(args)];
      await using one = await startMain({ args: argsOf(first) });
      await using two = await startMain({ args: argsOf(equal) });
      const outputs: string[] = [];
      for (const [option, args] of others) {
        const { code, stderr } = await runMain({ args: argsOf(args) });
        const line = `signalbox: The other nodes of "signalbox" have another --${option}`;
        assertEquals([code, stderr.trim()], [78, line], option);
        outputs.push(stderr);
      }
      const settings = String(await redisCommand(engine, "HGET", META, "settings"));
      const shown = [...outputs, one.stderr(), two.stderr(), settings].join("\n");
      for (const value of Object.values(HIDDEN).flat()) assert(!shown.includes(value), value);
      // Each one that is compared has its case.
      const cases = Object.values(GROUPS).flatMap(({ others }) => others.map(([option]) => option));
      const compared = settings.split(",").map((one) => one.split("=")[0] ?? "");
      assertEquals(new Set(compared), new Set([...cases, ...NEVER_ALONE]));
    },
  });
}
