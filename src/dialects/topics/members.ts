// Finds the members of a JSON object in its text, so that a publication can be delivered in the
// bytes in which it came. The text must be valid JSON: `JSON.parse` has accepted it before.

/** One member of an object: its decoded name, and the place of its value in the text. */
export interface JsonMember {
  readonly name: string;
  readonly start: number;
  /** The first unit after the value. */
  readonly end: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The members of the object that is the whole text, in their order, repeated names included. */
export function membersOf(text: string): JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipBlanks(text, text.indexOf("{") + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = endOfString(text, at);
    const name = readName(text, at, nameEnd);
    const start = skipBlanks(text, skipBlanks(text, nameEnd) + 1);
    const end = endOfValue(text, start);
    members.push({ name, start, end });
    at = skipBlanks(text, skipBlanks(text, end) + 1);
  }
  return members;
}

/** The last member of that name, which is the one that counts; undefined if there is none. */
export function lastNamed(members: readonly JsonMember[], name: string): JsonMember | undefined {
  return members.findLast((member) => member.name === name);
}

function readName(text: string, start: number, end: number): string {
  const name = text.slice(start + 1, end - 1);
  return name.includes("\\") ? unescaped(name) : name;
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function unescaped(name: string): string {
  let plain = "";
  for (let at = 0; at < name.length; at++) {
    const letter = name.charAt(at);
    if (letter !== "\\") {
      plain += letter;
      continue;
    }
    const escaped = name.charAt(++at);
    if (escaped === "u") {
      plain += String.fromCharCode(parseInt(name.slice(at + 1, at + 5), 16));
      at += 4;
    } else {
      plain += ESCAPES[escaped] ?? escaped;
    }
  }
  return plain;
}

function skipBlanks(text: string, at: number): number {
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return endOfContainer(text, at);
  // A number, true, false or null.
  let end = at;
  while (end < text.length && !endsWord(text.charCodeAt(end))) end++;
  return end;
}

function endsWord(code: number): boolean {
  return code === COMMA || code === CLOSE_OBJECT || code === CLOSE_ARRAY || isBlank(code);
}

/** Counts brackets instead of recursing, because a text may nest as deep as it is long. */
function endOfContainer(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++;
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--;
    at++;
  } while (depth > 0 && at < text.length);
  return at;
}

/** @param start the place of the opening quote */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end + 1;
}

/** True if an odd number of backslashes stands before that place. */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before--;
  return (at - 1 - before) % 2 === 1;
}
