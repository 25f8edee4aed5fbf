import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import * as z from "zod";
import { ConfigError } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/option_list.ts";
import { ConfigSchema } from "../../src/config/schema.ts";
import {
  commandOf,
  configOf,
  noticesOf,
  problemsOf,
  type TestSources,
} from "../helpers/session/config.ts";

function fileOf(value: unknown): TestSources {
  return { args: ["--config", "f.json"], files: { "f.json": JSON.stringify(value) } };
}

for (
  const [args, nearest] of [
    [["--prot", "9000"], "--port"],
    [["--prot=9000"], "--port"],
    [["--peerjs-kye", "x"], "--peerjs-key"],
    [["--allow-discovery"], "--allow_discovery"],
    [["--gstreamer-path", "/x"], "--gstreamer-paths"],
    [["--ssl-cert", "x"], "--sslcert"],
    [["--hepl"], "--help"],
    [["--conifg", "x"], "--config"],
  ] as const
) {
  Deno.test(`${args.join(" ")} is unknown, and ${nearest} is near`, () => {
    const [flag] = args[0].split("=");
    const expected = `Unknown option "${flag}": did you mean "${nearest}"?`;
    assertEquals(problemsOf({ args }), [expected]);
  });
}

Deno.test("a number that is too small is reported with the word that lifts the limit, if there is one", () => {
  for (const value of ["0", "-1", "1.5", "many"]) {
    const [problem, ...others] = problemsOf({ args: [`--limits-max-peers=${value}`] });
    const expected = "--limits-max-peers must be a whole number of at least 1, or unlimited (got ";
    assertStringIncludes(problem ?? "", expected);
    assertEquals(others, []);
  }
  const [problem] = problemsOf({ args: ["--simple-max-members", "0"] });
  assertEquals(problem?.includes("unlimited"), false);
});

Deno.test("names and times of a cluster have their bounds", () => {
  const names = [
    ["--cluster-node", ["a", "node-1", "x".repeat(32)], ["", "A", "a.b", "a_b", "x".repeat(33)]],
    ["--cluster-prefix", ["a", "A.b_c-1", "x".repeat(64)], ["", "a b", "a:b", "é", "x".repeat(65)]],
    ["--cluster-lease-ms", ["3000", "60000"], ["2999", "60001"]],
    ["--cluster-max-isolation-ms", ["1000"], ["999"]],
  ] as const;
  for (const [flag, right, wrong] of names) {
    for (const value of right) configOf({ args: [`${flag}=${value}`] });
    for (const value of wrong) {
      const [problem = "", ...others] = problemsOf({ args: [`${flag}=${value}`] });
      assertStringIncludes(problem, flag);
      assertEquals(others, []);
    }
  }
});

Deno.test("a misspelt key is an error that names the nearest one, at any depth", () => {
  assertEquals(problemsOf(fileOf({ prot: 1, peerjs: { kye: "x" } })), [
    'Unknown key "prot" in f.json: did you mean "port"?',
    'Unknown key "peerjs.kye" in f.json: did you mean "peerjs.key"?',
  ]);
});

Deno.test("names of every object's properties are unknown options like any other", () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]) {
    for (const args of [[`--${name}`], [`--${name}=x`], [`--${name}`, "x"], [`--peerjs-${name}`]]) {
      const [problem, ...others] = problemsOf({ args });
      assertStringIncludes(problem ?? "", "Unknown option");
      assertEquals(others, []);
    }
    assertEquals(noticesOf({ variables: { [`SIGNALBOX_${name}`]: "1" } }).length, 1);
    const own = `{"${name}":{"x":1},"peerjs":{"${name}":1}}`;
    const problems = problemsOf({ args: ["--config", "f"], files: { f: own } });
    assertEquals(problems.length, 2);
    for (const problem of problems) assertStringIncludes(problem, "Unknown key");
  }
  assertEquals(Object.hasOwn(Object.prototype, "x"), false);
});

Deno.test("everything that is wrong is said at once, one line each", () => {
  const problems = problemsOf({
    args: ["--port", "99999", "--nonsense", "--log-level=loud", "--config", "f", "stray"],
    variables: { SIGNALBOX_DRAIN_MS: "soon" },
    files: { f: '{"peerjs":{"nonsense":1,"concurrentLimit":0}}' },
  });
  const expected = ["--port", "--nonsense", "--log-level", "stray"];
  const more = ["SIGNALBOX_DRAIN_MS", "peerjs.nonsense", "peerjs.concurrentLimit"];
  for (const name of [...expected, ...more]) {
    assertEquals([name, problems.filter((line) => line.includes(name)).length], [name, 1]);
  }
  assertEquals(problems.length, 7);
  for (const problem of problems) assertEquals(problem.includes("\n"), false);
});

Deno.test("a bad value is shown, under the name by which it was given", () => {
  for (
    const [sources, start, end] of [
      [{ args: ["--port", "x"] }, "--port must be ", '(got "x")'],
      [{ args: ["-p", "x"] }, "-p must be ", '(got "x")'],
      [{ args: ["--concurrent_limit=x"] }, "--concurrent_limit must be ", '(got "x")'],
      [{ variables: { PORT: "x" } }, "variable PORT must be ", '(got "x")'],
      [fileOf({ port: "8080" }), '"port" in f.json must be ', '(got "8080")'],
      [
        { args: ["--ssp-pools", "attic-of-the-house", "--ssp-max-pool-length", "16"] },
        "Cannot use --ssp-pools: a name is longer than --ssp-max-pool-length admits",
        "admits",
      ],
      [fileOf({ peerjs: { key: 5 } }), '"peerjs.key" in f.json must be a text ', "(got 5)"],
      [fileOf({ listen: "http://x" }), '"listen" in f.json must be a list', '(got "http://x")'],
    ] as const
  ) {
    const [problem = "", ...others] = problemsOf(sources);
    assertEquals(others, []);
    assert(problem.startsWith(start) && problem.endsWith(end), problem);
  }
});

Deno.test("a secret is never printed", () => {
  const secret = "hunter2hunter2";
  for (
    const sources of [
      { args: ["--peerjs-id-secret", secret] },
      { args: [`--peerjs-id-secret=${secret}`] },
      { args: [`--peerjs-id-secrt=${secret}`] },
      { args: ["--peerjs-id-secrt", secret] },
      { variables: { SIGNALBOX_PEERJS_ID_SECRET: secret } },
      fileOf({ peerjs: { idSecret: secret } }),
      fileOf({ peerjs: { idSecret: [secret] } }),
      fileOf({ peerjs: { idSecrt: secret } }),
      { args: ["--config", "f"], files: { f: `{"peerjs":{"idSecret":"${secret}"` } },
    ]
  ) {
    assertEquals(problemsOf(sources).join().includes(secret), false);
  }
});

Deno.test("a flag without its value is an error", () => {
  for (const args of [["--port"], ["--port="], ["--port", "--health", "/x"], ["-p"]]) {
    assertEquals(problemsOf({ args }).length, 1);
  }
  assertEquals(problemsOf({ args: ["--port"] }), ["--port needs a value"]);
  assertEquals(problemsOf({ args: ["--config"] }).length, 1);
  assertEquals(problemsOf({ args: ["--listen"] }).length, 1);
});

Deno.test("a stray argument is an error, wherever it stands", () => {
  assertEquals(problemsOf({ args: ["stray"] }), ['Unexpected argument "stray"']);
  assertEquals(problemsOf({ args: ["--port", "1", "2"] }).length, 1);
  assertEquals(problemsOf({ args: ["--", "stray"] }).length, 1);
});

Deno.test("a switch takes no other words than those for on and off", () => {
  for (const word of ["maybe", "2", "tru"]) {
    const variables = { SIGNALBOX_DISABLE_SSL: word };
    assertEquals(problemsOf({ variables }).length, 1);
    assertEquals(problemsOf({ args: [`--disable-ssl=${word}`] }).length, 1);
  }
});

Deno.test("an unusable file is an error with the reason", () => {
  const args = ["--config", "f"];
  const why = (content?: string): readonly string[] =>
    problemsOf(content === undefined ? { args } : { args, files: { f: content } });
  assertEquals(why(), ['Cannot read configuration file "f": no such file']);
  for (const content of ["[]", "5", "null", '"port"']) {
    assertEquals(why(content), ['Cannot use configuration file "f": not a JSON object']);
  }
});

Deno.test("a group of options that is no object is a bad value, not an unknown key", () => {
  for (const value of [5, null, [], "x"]) {
    const [problem = "", ...others] = problemsOf(fileOf({ peerjs: value }));
    assertEquals(others, []);
    assertStringIncludes(problem, '"peerjs"');
    assertEquals(problem.includes("Unknown"), false, problem);
  }
});

Deno.test("--port and --host beside --listen are an error: one of them would mean nothing", () => {
  for (const flag of ["--port", "--host"]) {
    const args = ["--listen", "http://[::]:9000", flag, "9000"];
    assertEquals(problemsOf({ args }).length, 1);
  }
  // In the environment of a container they may stand for something else.
  configOf({ args: ["--listen", "http://[::]:9000"], variables: { PORT: "80" } });
});

/** Bounds of a number, as the schema's own description has them. */
interface Described {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Described[];
  readonly properties?: Readonly<Record<string, Described>>;
}

function boundsOf(path: readonly string[]): { min: number; max: number } {
  // A JSON Schema of the program's own schema: it has these parts and others.
  let schema: Described | undefined = z.toJSONSchema(ConfigSchema, { io: "input" }) as Described;
  for (const part of path) schema = schema?.properties?.[part];
  const number = [schema, ...schema?.anyOf ?? []].find((one) => one?.minimum !== undefined);
  return { min: number?.minimum ?? NaN, max: number?.maximum ?? NaN };
}

for (const { flag, path } of OPTIONS.filter(({ type }) => type === "number")) {
  Deno.test(`--${flag} is a whole number within its bounds`, () => {
    const { min, max } = boundsOf(path);
    assert(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min < max);
    for (const value of [min, max]) configOf({ args: [`--${flag}=${value}`] });
    const outside = [min - 1, -1, max + 1, 1e21].filter((value) => value < min || value > max);
    for (const value of [...outside, min + 0.5, "x", "0x10", "1e3", "Infinity", "NaN"]) {
      const problems = problemsOf({ args: [`--${flag}=${value}`] });
      assertEquals(problems.length, 1, `${value}: ${problems.join(" / ")}`);
      assert(
        /^--[a-z-]+ must be (a whole number|a duration|at most) /.test(problems[0] ?? ""),
        problems[0],
      );
    }
  });
}

for (
  const [flag, values] of [
    ["listen", ["8080", "ftp://x", "http://", "http://x/path", "http://x?y", "http:// x"]],
    ["health", ["health", "/a b", "/a*", "/a?b", "/a#b"]],
    ["metrics", ["metrics", "/*"]],
    ["peerjs-path", ["/a*", "/a?b", "/a b"]],
    ["gstreamer-paths", ["gst", "/*", "/a?b"]],
    ["log-level", ["loud", "INFO", "unlimited"]],
    ["log-format", ["xml"]],
  ] as const
) {
  for (const value of values) {
    Deno.test(`--${flag} "${value}" is refused with one line`, () => {
      assertEquals(problemsOf({ args: [`--${flag}=${value}`] }).length, 1);
    });
  }
}

Deno.test("no arguments, variables or file end in anything but a configuration or clear lines", () => {
  const name = fc.oneof(
    fc.constantFrom(...OPTIONS.map(({ flag }) => flag), "p", "", "__proto__", "constructor"),
    fc.string({ maxLength: 5 }),
  );
  const value = fc.oneof(fc.string({ maxLength: 5 }), fc.integer().map(String));
  const arg = fc.oneof(
    name.map((name) => `--${name}`),
    fc.tuple(name, value).map(([name, value]) => `--${name}=${value}`),
    value,
  );
  const group = fc.dictionary(fc.oneof(name, fc.constantFrom("peerjs", "limits")), fc.jsonValue());
  const file = fc.oneof(
    fc.json(),
    group.map((value) => JSON.stringify({ peerjs: value, ...value })),
  );
  const args = fc.array(arg, { maxLength: 5 });
  fc.assert(fc.property(args, file, (args, file) => {
    try {
      commandOf({ args: [...args, "--config=f"], files: { f: file } });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      assert(error.messages.length > 0);
    }
  }));
});

Deno.test("a file whose list holds an object without a text is answered with a line", () => {
  const files = { f: '{"listen":[{"toString":""}]}' };
  const [line, ...others] = problemsOf({ args: ["--config=f"], files });
  assertMatch(line ?? "", /listen/);
  assertEquals(others, []);
});

Deno.test("a flag of another server that cannot be taken as it is is explained in one line", () => {
  for (
    const args of [
      ["--cert", "identity.p12"],
      ["--cert=identity.p12"],
      ["--cert-password", "x"],
      ["-c", "identity.p12"],
    ]
  ) {
    const [problem = "", ...more] = problemsOf({ args });
    assertEquals(more, []);
    for (const word of ["PEM", "openssl pkcs12", "--tls-cert", "--tls-key"]) {
      assertStringIncludes(problem, word);
    }
  }
});

Deno.test("a protocol that does not exist is a bad value, and so is no protocol at all", () => {
  const [problem = ""] = problemsOf({ args: ["--dialects", "peerjs", "sip"] });
  assertStringIncludes(problem, "Every value of --dialects must be one of peerjs, gstreamer, ");
  assertStringIncludes(problem, '(got "sip")');
  const [none = ""] = problemsOf(fileOf({ dialects: [] }));
  assertStringIncludes(none, "must be a list of at least one protocol");
});

Deno.test("a store that there is none of is a bad value", () => {
  const wrong = ["disk", "kv", "memory:", "KV:x", "kv:https://", "redis://a", "kv::memory:"];
  wrong.push(
    "kv:file:///x",
    "kv:File:x",
    "kv:s3://x",
    "kv:http://user:pa55word@a",
    "kv:http://u@a",
  );
  for (const store of wrong) {
    const [problem = "", ...more] = problemsOf({ args: ["--store", store] });
    assertEquals(more, []);
    assertStringIncludes(problem, "--store must be memory, kv:");
    assert(!problem.includes("pa55word"));
  }
});

for (const names of [["peerjs"], ["peerjs", "peerjs"], ["peerjs", "gst"], ["all", "peerjs"]]) {
  Deno.test(`--bridge ${names.join(" ")} is an error that names the protocols`, () => {
    const [problem, ...others] = problemsOf({ args: ["--bridge", ...names] });
    assertStringIncludes(problem ?? "", "--bridge must be all, or two or more of");
    assertEquals(others, []);
  });
}

Deno.test("--bridge takes names one after the other, and in a variable with commas", () => {
  const names = ["peerjs", "gstreamer"];
  assertEquals(configOf({ args: ["--bridge", ...names] }).bridge, names);
  assertEquals(configOf({ variables: { SIGNALBOX_BRIDGE: names.join() } }).bridge, names);
  assertEquals(configOf({}).bridge, []);
});
