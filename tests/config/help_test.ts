import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { helpText, optionsTable } from "../../src/config/help.ts";
import { type Option, OPTIONS } from "../../src/config/option_list.ts";
import { configOf } from "../helpers/session/config.ts";

const HELP = helpText("1.2.3", true);
const SHORT = helpText("1.2.3");

/** The lines of `--help` that belong to an option. */
function entryOf({ flag }: Option): [names: string, help: string] {
  const lines = HELP.split("\n");
  const at = lines.findIndex((line) => new RegExp(`^  --${flag}(,| |$)`).test(line));
  assert(at !== -1, `--${flag} is not in the help`);
  return [lines[at] ?? "", lines[at + 1] ?? ""];
}

function optionOf(flag: string): Option {
  const option = OPTIONS.find((one) => one.flag === flag);
  assert(option !== undefined);
  return option;
}

Deno.test("--help begins with the program, its version and how to call it", () => {
  assert(HELP.startsWith("signalbox 1.2.3: "));
  assertStringIncludes(HELP, "\nUsage: signalbox [options]\n");
});

Deno.test("--help shows three examples before the options", () => {
  for (const text of [HELP, SHORT]) {
    const [, examples = ""] = text.split("\nExamples:\n");
    assertEquals(examples.split("\n\n")[0]?.match(/^ {2}signalbox\b/gm)?.length, 3);
    assert(text.indexOf("Examples:") < text.indexOf("--listen"));
  }
});

Deno.test("the command of every example is one that the server accepts", () => {
  for (const [, line = ""] of HELP.matchAll(/^ {2}signalbox(?: (--.*))?$/gm)) {
    configOf({ args: line === "" ? [] : line.split(" ") });
  }
});

Deno.test("--help lists in groups what people often set, and counts what --help all adds", () => {
  const flags = (text: string) => [...text.matchAll(/^ {2}--([\w-]+)/gm)].map(([, flag]) => flag);
  const [all, common] = [flags(HELP), flags(SHORT)];
  assert(common.length < 75, `${common.length} options`);
  const wanted = ["port", "host", "tls-cert", "allowed-origins", "store", "log-level", "dialects"];
  for (const flag of [...wanted, "peerjs-path", "peerjs-key", "simple-tokens"]) {
    assert(common.includes(flag), flag);
  }
  assertStringIncludes(SHORT, `--help all lists ${all.length - common.length} more options`);
  assertEquals(HELP.includes("more options"), false);
  for (const group of ["Listening and TLS", "Access", "Operation", "Log", "PeerJS"]) {
    for (const text of [HELP, SHORT]) assertStringIncludes(text, `\n${group}:\n`);
  }
  for (const group of ["Limits of the whole server", "Socket.IO"]) {
    assertStringIncludes(HELP, `\n${group}:\n`);
    assertEquals(SHORT.includes(`\n${group}:\n`), false);
  }
});

Deno.test("--help all names every option, all its flags, its default and what it is for", () => {
  for (const option of OPTIONS) {
    const [names, help] = entryOf(option);
    assertStringIncludes(help, option.help);
    for (const flag of option.otherFlags) {
      assertStringIncludes(names, flag.length === 1 ? `, -${flag}` : `, --${flag}`);
    }
    const { standard, type } = option;
    if (standard !== undefined && type !== "boolean" && String(standard) !== "") {
      assertStringIncludes(help, `[${[standard].flat().join(" ")}]`);
    }
  }
});

Deno.test("--help names the kind of value that an option takes", () => {
  assertStringIncludes(entryOf(optionOf("port"))[0], " N");
  assertStringIncludes(entryOf(optionOf("host"))[0], " TEXT");
  assertStringIncludes(entryOf(optionOf("listen"))[0], " TEXT ...");
  assertStringIncludes(entryOf(optionOf("log-format"))[0], " text|json");
  assertEquals(entryOf(optionOf("disable-ssl"))[0], "  --disable-ssl");
});

Deno.test("--help names the limits that may be unlimited", () => {
  for (const option of OPTIONS) {
    const mayBe = option.words.includes("unlimited");
    assertEquals([option.flag, entryOf(option)[0].includes("unlimited")], [option.flag, mayBe]);
  }
});

Deno.test("--help explains the file, the variables and which of them wins", () => {
  for (
    const text of ["--config FILE", "--config-schema", "-h", "--version", "SIGNALBOX_PEERJS_KEY"]
  ) {
    assertStringIncludes(HELP, text);
  }
});

Deno.test("the table of options has one row for each, and as many cells in every row", () => {
  const rows = optionsTable().split("\n");
  assertEquals(rows.length, OPTIONS.length + 2);
  for (const row of rows) assertEquals(row.split(/(?<!\\)\|/).length, 6, row);
  for (const { flag, otherFlags, otherVariables } of OPTIONS) {
    const row = rows.find((one) => one.startsWith(`| \`--${flag}\` |`));
    assert(row !== undefined);
    for (const name of [...otherFlags, ...otherVariables]) assertStringIncludes(row, `${name}\``);
  }
});

Deno.test("the table of options holds no HTML by accident", () => {
  assertEquals(/<[a-z]/i.test(optionsTable()), false);
});
