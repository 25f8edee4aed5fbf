import { assert, assertEquals } from "@std/assert";
import { noticesOf, problemsOf, type TestSources } from "../helpers/session/config.ts";

function fileOf(value: unknown): TestSources {
  return { args: ["--config", "f.json"], files: { "f.json": JSON.stringify(value) } };
}

for (
  const [name, sources, expected] of [
    [
      "a number",
      { args: ["--port", "abc"] },
      '--port must be a whole number from 0 to 65535 (got "abc")',
    ],
    [
      "a number in a variable",
      { variables: { SIGNALBOX_PORT: "abc" } },
      'variable SIGNALBOX_PORT must be a whole number from 0 to 65535 (got "abc")',
    ],
    [
      "a number in the file",
      fileOf({ port: 70000 }),
      '"port" in f.json must be a whole number from 0 to 65535 (got 70000)',
    ],
    [
      "a switch",
      { args: ["--disable-ssl=maybe"] },
      '--disable-ssl must be true or false (got "maybe")',
    ],
    [
      "a switch in a variable",
      { variables: { SIGNALBOX_NO_TRY: "perhaps" } },
      'variable SIGNALBOX_NO_TRY must be true or false (got "perhaps")',
    ],
    [
      "a switch in the file",
      fileOf({ noTry: 1 }),
      '"noTry" in f.json must be true or false (got 1)',
    ],
    [
      "a duration",
      { args: ["--peerjs-reserve-ids", "soon"] },
      "--peerjs-reserve-ids must be a duration such as 30d, 12h, 45m, 90s, 500ms, " +
      'or a number of ms (got "soon")',
    ],
    [
      "a choice",
      { args: ["--log-level", "loud"] },
      '--log-level must be one of debug, info, warning, error (got "loud")',
    ],
    [
      "one value of a list",
      { args: ["--allowed-origins", "https://a.example", "foo"] },
      "Every value of --allowed-origins must be an origin such as https://app.example.org " +
      '(got "foo")',
    ],
    [
      "a list that is not one",
      fileOf({ dialects: "peerjs" }),
      '"dialects" in f.json must be a list, such as ["a", "b"] (got "peerjs")',
    ],
    [
      "a short secret",
      { args: ["--simple-secret", "short"] },
      "--simple-secret must be a text of at least 16 characters",
    ],
  ] as const
) {
  Deno.test(`a bad value of ${name} is answered with the values that are possible`, () => {
    assertEquals(problemsOf(sources), [expected]);
  });
}

Deno.test("values joined in the wrong way are answered with the right separator", () => {
  for (
    const [sources, end] of [
      [{ args: ["--dialects", "peerjs,simple"] }, "with spaces, as in --dialects peerjs simple"],
      [{ args: ["--dialects", "peerjs,", "ssp"] }, "with spaces, as in --dialects peerjs ssp"],
      [
        { variables: { SIGNALBOX_DIALECTS: "peerjs simple" } },
        "with commas, as in SIGNALBOX_DIALECTS=peerjs,simple",
      ],
    ] as const
  ) {
    const [problem = "", ...others] = problemsOf(sources);
    assertEquals(others, []);
    assert(problem.endsWith(`: separate values ${end}`), problem);
  }
  const [secret = ""] = problemsOf({ args: ["--auth-tokens", "one,two"] });
  assertEquals(secret.includes("one"), false);
});

Deno.test("a word that is near no option gets no suggestion", () => {
  const all = "--help all lists every option";
  for (const flag of ["--foo", "--x", "--quick-and-dirty", "--toString"]) {
    assertEquals(problemsOf({ args: [flag] }), [`Unknown option "${flag}": ${all}`]);
  }
  assertEquals(problemsOf(fileOf({ zzz: 1 })), [`Unknown key "zzz" in f.json: ${all}`]);
  const [notice = ""] = noticesOf({ variables: { SIGNALBOX_QUICK_AND_DIRTY_START: "1" } });
  assertEquals(notice.includes("nearest"), false);
});

Deno.test("--no-DIALECT is answered with the option that chooses protocols", () => {
  const expected = 'Unknown option "--no-peerjs": name what to serve with --dialects';
  assertEquals(problemsOf({ args: ["--no-peerjs"] }), [expected]);
});

Deno.test("an object of the configuration file is a bad value of a list", () => {
  const files = { f: '{ "listen": [{}] }' };
  const [problem = "", ...more] = problemsOf({ args: ["--config", "f"], files });
  assertEquals([more, problem.endsWith("(got {})")], [[], true], problem);
});
