import { assert, assertEquals } from "@std/assert";
import { OPTIONS } from "../../src/config/option_list.ts";
import { commandOf, configOf, problemsOf, valueAt } from "../helpers/session/config.ts";

/** A value that is good for every secret. */
const SAMPLE = `whsec_${"c2FtcGxl".repeat(4)}`;
const SECRETS = OPTIONS.filter(({ isSecret }) => isSecret);

Deno.test("every secret has an option that names its file, by flag, variable and file alike", () => {
  assert(SECRETS.length > 5);
  assertEquals(SECRETS.length, OPTIONS.filter(({ isSecretFile }) => isSecretFile).length);
  for (const { path, flag, variable, type } of SECRETS) {
    const sample = /tokens$/.test(flag) ? "a-token-long-enough" : SAMPLE;
    const files = { "/run/secret": `${sample}\n` };
    const nested = [...path.slice(0, -1), `${path.at(-1)}File`].toReversed()
      .reduce<unknown>((inner, part) => ({ [part]: inner }), "/run/secret");
    const ways = [
      { args: [`--${flag}-file`, "/run/secret"], files },
      { variables: { [`${variable}_FILE`]: "/run/secret" }, files },
      { args: ["--config", "f"], files: { ...files, f: JSON.stringify(nested) } },
    ];
    for (const way of ways) {
      const expected = type === "list" ? [sample] : sample;
      assertEquals([flag, valueAt(configOf(way), path)], [flag, expected]);
    }
  }
});

Deno.test("one newline at the end of a file is no part of the secret", () => {
  const secretIn = (text: string): unknown => {
    const args = ["--ice-secret-file", "f"];
    return valueAt(configOf({ args, files: { f: text } }), ["ice", "secret"]);
  };
  assertEquals(["a", "a\n", "a\r\n", "a\n\n", " a "].map(secretIn), ["a", "a", "a", "a\n", " a "]);
});

Deno.test("each line of a file that is not empty is one entry of a list", () => {
  const text = "a-token-long-enough\r\n\n  \nanother-token-here@a room\n";
  const config = configOf({ args: ["--ssp-tokens-file", "f"], files: { f: text } });
  const expected = ["a-token-long-enough", "another-token-here@a room"];
  assertEquals(valueAt(config, ["ssp", "tokens"]), expected);
});

Deno.test("a file that cannot be used ends the start, with its option and without its content", () => {
  const problem = (text: string, flag = "--ssp-tokens-file"): readonly string[] =>
    problemsOf({ args: [flag, "f"], files: { f: text } });
  assertEquals(problemsOf({ args: ["--ice-secret-file", "none"] }), [
    'Cannot use --ice-secret-file "none": no such file',
  ]);
  // Read as no token, it would open the pools.
  assertEquals(problem("\n"), ['Cannot use --ssp-tokens-file "f": it is empty']);
  assertEquals(problem("\n", "--ice-secret-file"), [
    'Cannot use --ice-secret-file "f": it is empty',
  ]);
  const [bad = "", ...more] = problem("secret\n");
  assert(bad.startsWith("Every value of --ssp-tokens-file must be "), bad);
  assertEquals([more, /"secret"/.test(bad)], [[], false]);
});

Deno.test("a path that is no text is a bad value, and nothing is read", () => {
  const files = { c: '{ "ice": { "secretFile": {} } }' };
  const [problem = "", ...more] = problemsOf({ args: ["--config", "c"], files });
  assertEquals([more, problem.startsWith('"ice.secretFile" in c must be a text')], [[], true]);
});

Deno.test("a secret is given directly or by a file, whatever the places", () => {
  const files = { f: "a", c: '{ "ice": { "secret": "b" } }' };
  const direct = [
    { args: ["--ice-secret", "b"] },
    { variables: { SIGNALBOX_ICE_SECRET: "b" } },
    { args: ["--config", "c"] },
  ];
  const names = ["--ice-secret", "variable SIGNALBOX_ICE_SECRET", '"ice.secret" in c'];
  const problems = direct.map(({ args = [], ...way }) =>
    problemsOf({ ...way, args: [...args, "--ice-secret-file", "f"], files })
  );
  assertEquals(problems, names.map((name) => [`Cannot use ${name} beside --ice-secret-file`]));
});

Deno.test("a configuration's secrets follow their files, and one that is broken stays as it was", () => {
  const files: Record<string, string> = { ice: "first", tokens: "a-token-long-enough" };
  const args = ["--ice-secret-file", "ice", "--simple-tokens-file", "tokens"];
  const disk = { get: (path: string): string => files[path] ?? "" };
  const command = commandOf({ args, readFile: (path) => disk.get(path) });
  assert(command.type === "serve");
  const { config, secrets } = command;
  const { ice } = config;
  const now = (): unknown[] => [ice.secret, valueAt(config, ["simple", "tokens"])];
  assertEquals([now(), secrets.hasFiles], [["first", ["a-token-long-enough"]], true]);
  files["ice"] = "second";
  files["tokens"] = "short";
  const [problem = "", ...more] = secrets.readAgain();
  assert(problem.startsWith("Every value of --simple-tokens-file must be "), problem);
  assertEquals([more, now()], [[], ["second", ["a-token-long-enough"]]]);
  files["ice"] = "";
  files["tokens"] = "another-token-here\na-third-token-here";
  assertEquals(secrets.readAgain(), ['Cannot use --ice-secret-file "ice": it is empty']);
  assertEquals(now(), ["second", ["another-token-here", "a-third-token-here"]]);
});

Deno.test("a configuration without such files has nothing to read again", () => {
  const command = commandOf({ args: ["--ice-secret", "a"] });
  assert(command.type === "serve");
  assertEquals([command.secrets.hasFiles, command.secrets.readAgain()], [false, []]);
});
