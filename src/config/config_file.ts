import {
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { messageOf } from "../system/errors.ts";
import { mustBe } from "./complaint.ts";
import type { Given } from "./given.ts";
import { nearest } from "./nearest.ts";
import { OPTIONS } from "./option_list.ts";

/** The parser's names of faults, as a person would put them. */
const FAULTS: Readonly<Record<string, string>> = {
  InvalidSymbol: "a word that is neither true, false, null nor a text in double quotes",
  InvalidNumberFormat: "a number that is not written as JSON writes it",
  PropertyNameExpected: "expected a name in double quotes",
  ValueExpected: "expected a value",
  ColonExpected: "expected a colon",
  CommaExpected: "expected a comma",
  CloseBraceExpected: "expected a closing brace",
  CloseBracketExpected: "expected a closing bracket",
  EndOfFileExpected: "expected the end of the file",
  UnexpectedEndOfComment: "a comment has no end",
  UnexpectedEndOfString: "a text has no closing quote",
  UnexpectedEndOfNumber: "a number has no end",
  InvalidUnicode: "a \\u that four hexadecimal digits do not follow",
  InvalidEscapeCharacter: "a backslash before a character that needs none",
  InvalidCharacter: "a control character inside a text",
};
/** The text shown before a fault, and from there on. */
const BEFORE = 30;
const AFTER = 20;

/**
 * Reads a configuration file: JSON with comments and trailing commas.
 * @returns the options in it; everything that is wrong goes to `problems`, one line each
 */
export function readConfigFile(
  path: string,
  readFile: (path: string) => string,
  problems: string[],
): Given[] {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    problems.push(`Cannot read configuration file "${path}": ${messageOf(error)}`);
    return [];
  }
  const [fault, root] = parse(text);
  if (fault !== undefined) {
    problems.push(`Cannot read configuration file "${path}": ${fault}`);
    return [];
  }
  if (root?.type !== "object") {
    problems.push(`Cannot use configuration file "${path}": not a JSON object`);
    return [];
  }
  return flatten(root, [], path, problems);
}

function parse(text: string): [fault: string | undefined, root: Node | undefined] {
  const errors: ParseError[] = [];
  try {
    const root = parseTree(text, errors, { allowTrailingComma: true });
    const [first] = errors;
    return [first && faultText(text, first), root];
  } catch (error) {
    // The parser calls itself for every level of nesting.
    if (error instanceof RangeError) return ["it is nested too deeply", undefined];
    throw error;
  }
}

function faultText(text: string, { error, offset }: ParseError): string {
  // At the end of a file that breaks off, the last thing in it shows more than nothing.
  const at = Math.min(offset, text.trimEnd().length);
  const lines = text.slice(0, at).split(/\r\n|\r|\n/);
  const before = lines.at(-1) ?? "";
  const [after = ""] = text.slice(at).split(/\r|\n/);
  const shown = masked(before).slice(-BEFORE) + masked(after).slice(0, AFTER);
  const place = `line ${lines.length}, column ${before.length + 1}`;
  const fault = FAULTS[printParseErrorCode(error)] ?? "not JSON";
  return `${fault} at ${place}${shown.trim() === "" ? "" : `, near ${shown.trim()}`}`;
}

/** Part of a line without anything that could be a secret: names, numbers and signs stay. */
function masked(text: string): string {
  const pieces = /"(?:[^"\\]|\\.)*"?|'[^']*'?|[\w.+-]+|\s+|./gsu;
  const shown = text.replace(pieces, (piece, at: number) => {
    if (/^[\s{}[\]:,]+$/.test(piece) || /^-?\d+$|^(true|false|null)$/.test(piece)) return piece;
    const isName = /^\s*:/.test(text.slice(at + piece.length));
    return isName ? piece : "…";
  });
  return shown.replace(/…+/g, "…");
}

/** The options of a nested object; an unknown key is reported with the nearest known one. */
function flatten(object: Node, path: readonly string[], file: string, problems: string[]): Given[] {
  return (object.children ?? []).flatMap(({ children: [key, node] = [] }) => {
    if (key === undefined || node === undefined) return [];
    const full = [...path, String(key.value)];
    const name = full.join(".");
    if (name === "$schema") return [];
    const value: unknown = getNodeValue(node);
    const option = OPTIONS.find((one) => one.path.join(".") === name);
    if (option !== undefined) return [{ option, value, from: `"${name}" in ${file}` }];
    const isGroup = OPTIONS.some((one) => one.path.join(".").startsWith(`${name}.`));
    if (isGroup && node.type === "object") return flatten(node, full, file, problems);
    if (isGroup) {
      problems.push(mustBe(`"${name}" in ${file}`, "an object", value));
      return [];
    }
    const known = OPTIONS.map((one) => one.path.join("."));
    const near = nearest(name, known);
    const advice = near === undefined ? "--help all lists every option" : `did you mean "${near}"?`;
    problems.push(`Unknown key "${name}" in ${file}: ${advice}`);
    return [];
  });
}
